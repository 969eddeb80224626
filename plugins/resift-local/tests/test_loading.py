from __future__ import annotations

import contextlib
import sys

import pytest
from transformers.utils import logging

from resift.errors import ModelError
from resift_local import first_line, loading


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "b/m",
            "Set the argument `trust_remote_code=True`.",
            "acme: option 'model': 'b/m' comes with code of its own. Read it, and if "
            "you trust it, set trust_remote_code=True.",
        ),
        (
            "b/m",
            "no such file",
            "acme: option 'model': 'b/m' is not in the local cache, and the Hub was "
            "not asked or cannot be reached. Load it once with a network, or give the "
            "folder of a saved model.",
        ),
        (".", "It broke.\nHere.", "acme: cannot (OSError: It broke). Use another."),
    ],
)
def test_a_failure_is_explained(name, error, message):
    """A known failure says what to do; another passes on what the loader said."""
    with (
        pytest.raises(ModelError) as caught,
        loading(
            "acme", name, local=True, failed="acme: cannot", advice=" Use another."
        ),
    ):
        raise OSError(error)

    assert str(caught.value) == message
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("attached", [True, False])
def test_the_loaders_bar_shows_on_a_terminal_only(monkeypatch, attached):
    """It is as before afterwards, also when loading fails."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: attached, raising=False)

    shown = []
    with (
        contextlib.suppress(ModelError),
        loading("acme", ".", local=True, failed="acme: cannot"),
    ):
        shown.append(logging.is_progress_bar_enabled())
        raise OSError

    assert shown == [attached]
    assert logging.is_progress_bar_enabled()


def test_the_first_line_of_an_error():
    """It fits into a sentence; an error that says nothing says so."""
    assert first_line(ValueError("\n It broke.\nHere.")) == "It broke"
    assert first_line(ValueError()) == "no message"
