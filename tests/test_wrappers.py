"""Wrappers by name: how they are given, and what is wrong with them."""

from __future__ import annotations

import pytest

import resift

WRAPPER = """
import resift
class Watch:
    def __init__(self, *, loud: bool = False) -> None:
        self.loud = loud
    @resift.hookimpl(wrapper=True)
    def score(self):
        return (yield)
"""


@pytest.fixture(autouse=True)
def watch(fake_distribution):
    """Install the wrapper `watch`."""
    fake_distribution(
        "resift-watch",
        modules={"resift_watch": WRAPPER},
        entry_points={"resift.wrappers": {"watch": "resift_watch:Watch"}},
    )


def failure(**given: object) -> str:
    """Return the message of loading with what is given, which fails."""
    with pytest.raises(resift.ResiftError) as caught:
        resift.load("bm25", **given)
    return str(caught.value)


def test_a_wrapper_is_given_by_name_by_table_or_as_an_object():
    """Those of the config come first."""
    table = {"use": "watch", "options": {"loud": True}}
    first = resift.load("bm25", config=None, wrappers=["watch", table]).wrappers

    again = resift.load("bm25", config={"wrappers": ["watch"]}, wrappers=first)

    assert [wrapper.loud for wrapper in again.wrappers] == [False, False, True]
    assert again.wrappers[1:] == first


@pytest.mark.parametrize(
    ("wrappers", "message"),
    [
        ("watch", "wrappers must be a list, got str. Put it into a list."),
        ({"use": "watch"}, "wrappers must be a list, got dict. Put it into a list."),
        (None, "wrappers must be a list, got NoneType. Leave it out."),
        (5, "wrappers must be a list, got int. Put it into a list."),
    ],
)
def test_wrappers_are_a_list(wrappers, message):
    """One that stands alone is not taken for a list of letters or keys."""
    assert failure(config=None, wrappers=wrappers) == message


@pytest.mark.parametrize(
    ("wrapper", "message"),
    [
        ("wacth", "No wrapper named 'wacth' is installed. Did you mean 'watch'?"),
        (
            {"use": "watch", "options": {"lout": True}},
            "Wrapper 'watch' (resift-watch 1.0) has no option 'lout'. Did you mean "
            "'loud'? Options: 'loud'.",
        ),
        (
            {"name": "watch"},
            "A wrapper must be a name, or a table of 'use' and 'options'.",
        ),
    ],
)
def test_a_wrong_wrapper_is_told_with_the_file_if_it_is_there(
    tmp_path, wrapper, message
):
    """What the call gives is not blamed on the file."""
    data = resift.Config(wrappers=[wrapper], path=tmp_path / "my.toml")

    assert failure(config=data).startswith(
        f"{tmp_path / 'my.toml'}: wrappers: {message}"
    )
    assert failure(config=None, wrappers=[wrapper]).startswith(message)
