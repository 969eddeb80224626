"""Circles: rerankers that are made of themselves, and those that only seem to be."""

from __future__ import annotations

import pytest

import resift


def test_entries_that_use_each_other_are_a_circle(tmp_path):
    """The error prints the way round."""
    path = tmp_path / "resift.toml"
    path.write_text("[rerankers]\na.use = 'b'\nb.use = 'c'\nc.use = 'B'\n")

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("a")

    assert str(caught.value) == f"{path}: rerankers form a circle: b -> c -> b."


def test_a_reranker_nested_in_itself_is_a_circle():
    """Nesting counts like use."""
    entry = {"use": "cascade", "options": {"stages": [{"use": "a"}], "keep": []}}
    data = {"rerankers": {"a": entry}}

    with pytest.raises(resift.ConfigError) as caught:
        resift.load("a", config=data)

    assert str(caught.value) == "the config: rerankers form a circle: a -> a."


def test_one_entry_may_be_nested_twice():
    """Only a circle is refused, not a reranker that is used in two places."""
    data = {"rerankers": {"mine": {"use": "bm25"}}}

    both = resift.load("cascade", config=data, stages=["mine", "mine"], keep=[5])

    assert [stage.name for stage in both.plugin.children] == ["mine", "mine"]


def test_an_entry_that_uses_itself_is_no_reranker(monkeypatch):
    """It is not suggested to itself."""
    monkeypatch.setenv("RESIFT_PLUGINS", "")

    with pytest.raises(resift.UnknownRerankerError) as caught:
        resift.load("mine", config={"rerankers": {"mine": {"use": "mine"}}})

    assert str(caught.value).startswith(
        "the config: [rerankers.mine]: No reranker named 'mine' is installed. "
        "Installed: 'bm25', "
    )


DEFAULTS = {"use": "fallback", "options": {"deadline": 2.0}}


def test_defaults_of_a_reranker_may_be_needed_at_every_depth():
    """One `fallback` inside another is no circle, though both have the defaults."""
    inner = {"use": "fallback", "options": {"rerankers": ["bm25"]}}
    outer = {"use": "fallback", "options": {"rerankers": ["inner", "bm25"]}}
    data = {"rerankers": {"fallback": DEFAULTS, "inner": inner, "outer": outer}}

    reranker = resift.load("outer", config=data)

    nested = reranker.describe()["options"]["rerankers"][0]
    assert nested["options"]["deadline"] == 2.0


@pytest.mark.parametrize("name", ["fallback", "inner"])
def test_defaults_that_need_themselves_are_a_circle(name):
    """The way round is told, from wherever it was entered."""
    defaults = {"use": "fallback", "options": {"rerankers": ["inner"]}}
    inner = {"use": "fallback", "options": {"deadline": 2.0}}
    data = {"rerankers": {"fallback": defaults, "inner": inner}}

    with pytest.raises(resift.ConfigError) as caught:
        resift.load(name, config=data)

    assert str(caught.value) == (
        "the config: rerankers form a circle: fallback -> inner -> fallback."
    )


def test_an_option_that_is_overridden_makes_no_circle():
    """Only an option that is really needed to build itself is one."""
    inner = {"use": "mine", "options": {"rerankers": ["bm25"]}}
    data = {
        "rerankers": {
            "ensemble": {"use": "ensemble", "options": {"rerankers": [inner]}},
            "mine": {"use": "ensemble", "options": {"merger": "rrf"}},
        }
    }

    assert resift.load("mine", config=data).rank("a", ["b", "a"])[0].index == 1
