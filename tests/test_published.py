"""Names that this project publishes: the line to install one that is not there."""

from __future__ import annotations

import pytest

import resift
from resift.catalog import (
    COMMANDS,
    RERANKERS,
    WRAPPERS,
    catalog,
    normalized,
    published,
)


@pytest.fixture(autouse=True)
def _made_up(monkeypatch):
    """Publish one name of each kind, none of them installed, and one of two kinds."""
    names = {
        RERANKERS: {"fresh": "resift-new", "two": "resift-2"},
        COMMANDS: {"do": "resift-do", "two": "resift-2"},
        WRAPPERS: {"watch": "resift-watch"},
    }
    monkeypatch.setattr("resift.catalog.published", names.__getitem__)


def failure(name: str, group: str = RERANKERS) -> str:
    """Return the whole message of looking *name* up, which fails."""
    with pytest.raises(resift.UnknownRerankerError) as caught:
        catalog(group).find(name)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["fresh", "FRESH", "resift-new:fresh", "Resift_New:fresh"]
)
def test_a_name_that_the_project_publishes_comes_with_its_package(name):
    """For names of the project's own packages the line to install one is given."""
    assert failure(name) == (
        f"No reranker named {name!r} is installed. It ships in resift-new: "
        "pip install resift-new"
    )


def test_an_install_line_is_never_made_for_another_distribution():
    """A published name asked of someone else's distribution gets no install line."""
    assert "pip install" not in failure("evil:fresh") + failure("evil:watch")


@pytest.mark.parametrize(
    ("name", "group", "message"),
    [
        (
            "watch",
            RERANKERS,
            "No reranker named 'watch' is installed. It is a wrapper, in resift-watch: "
            "pip install resift-watch, then resift.load(..., wrappers=['watch']).",
        ),
        (
            "resift-new:FRESH",
            WRAPPERS,
            "No wrapper named 'resift-new:FRESH' is installed. It is a reranker, in "
            "resift-new: pip install resift-new, then resift.load('fresh').",
        ),
        (
            "do",
            RERANKERS,
            "No reranker named 'do' is installed. It is a command, in resift-do: "
            "pip install resift-do, then 'resift do' on the command line.",
        ),
    ],
)
def test_a_name_of_another_kind_is_told_with_its_kind(name, group, message):
    """The package does not provide what was asked for, so the message says what."""
    assert failure(name, group) == message


def test_the_kind_that_was_asked_for_comes_first():
    """A name may be that of a reranker and of a command."""
    ships = "is installed. It ships in resift-2: pip install resift-2"

    assert failure("two") == f"No reranker named 'two' {ships}"
    assert failure("two", COMMANDS) == f"No command named 'two' {ships}"


def test_a_wrapper_by_a_reranker_s_name_is_told_so_by_load():
    """Where wrappers are given, too."""
    with pytest.raises(resift.UnknownRerankerError, match="It is a reranker, in "):
        resift.load("bm25", config=None, wrappers=["fresh"])


@pytest.mark.parametrize("group", [RERANKERS, COMMANDS, WRAPPERS])
def test_published_names_are_normalised(group):
    """Published names are written in the form that lookups compare."""
    names = published(group)

    assert [normalized(name) for name in names] == list(names)
