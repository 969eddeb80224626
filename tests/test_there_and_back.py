"""There and back: the table of a reranker loads it again, and shows no secret."""

from __future__ import annotations

import json

import pytest

import resift
from samples import Lengths

KEYED = (
    "from pydantic import SecretStr\n"
    "class Plugin:\n"
    "    def __init__(self, *, api_key: SecretStr, model: str = 'm') -> None:\n"
    "        self.model = model\n"
    "    @resift.hookimpl\n"
    "    def score(self, documents):\n"
    "        return [1.0] * len(documents)\n"
)


def test_the_table_of_a_reranker_loads_it_again():
    """Options, settings, a merger and nested rerankers come back, as plain data."""
    reranker = resift.load(
        "cascade",
        stages=[{"use": "bm25", "options": {"k1": 0.9}}, "bm25"],
        keep=[2],
        merge={"use": "rrf", "options": {"k": 10}},
        weights={"vector": 2},
        top_k=3,
        config=None,
    )

    table = json.loads(json.dumps(reranker.settings()))
    again = resift.load(table, config=None)

    assert again.settings() == table
    assert table["options"]["stages"][0] == {
        "use": "resift:bm25",
        "options": {"k1": 0.9},
    }
    assert again.plugin.children[0].plugin.k1 == 0.9
    assert again.defaults.top_k == 3
    assert again.merging().k == 10


def test_what_a_call_gives_beats_the_table():
    """As it beats the config file."""
    table = {"use": "bm25", "options": {"k1": 0.5, "b": 0.1}, "top_k": 2}

    reranker = resift.load(table, top_k=1, k1=0.7, config=None)

    assert (reranker.plugin.k1, reranker.plugin.b) == (0.7, 0.1)
    assert reranker.defaults.top_k == 1


def test_a_secret_given_in_the_open_is_not_written_down(install):
    """Its variable is; a key in the open is refused, and not shown."""
    install(KEYED)
    reranker = resift.load("fake", api_key="sk-open", config=None)

    with pytest.raises(resift.OptionsError) as caught:
        reranker.settings()

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0): option 'api_key' is a secret, which no "
        "table may hold. Give it as {'env': 'NAME'}, the variable that holds it."
    )


def test_a_secret_from_the_environment_stays_a_reference(install, monkeypatch):
    """The table names the variable."""
    install(KEYED)
    monkeypatch.setenv("KEY", "sk-hidden")
    reranker = resift.load("fake", api_key={"env": "KEY"}, config=None)

    table = reranker.settings()

    assert table == {"use": "resift-fake:fake", "options": {"api_key": {"env": "KEY"}}}


def test_what_was_not_built_by_name_has_no_table():
    """Nothing could load it."""
    with pytest.raises(resift.InputError) as caught:
        resift.Reranker(Lengths()).settings()

    assert str(caught.value) == (
        "Reranker 'Lengths' was not built by name, so that no table loads it again. "
        "Publish its class, and load it by name."
    )


def test_a_table_is_shown_without_its_secrets(install):
    """At any depth; references stay, as does what is no secret."""
    install(KEYED)
    inner = {"use": "fake", "options": {"api_key": "sk-1", "model": "m"}}
    table = {"use": "cascade", "options": {"stages": ["bm25", inner], "keep": [5]}}

    shown = resift.redacted(table)

    assert shown["options"]["stages"] == [
        "bm25",
        {"use": "fake", "options": {"api_key": "***", "model": "m"}},
    ]
    assert shown["options"]["keep"] == [5]
    assert inner["options"]["api_key"] == "sk-1"
    assert resift.redacted({"use": "fake", "options": {"api_key": {"env": "K"}}}) == {
        "use": "fake",
        "options": {"api_key": {"env": "K"}},
    }


def test_a_table_shows_no_secret_outside_its_options(install):
    """Neither that of its merger, nor one that was written in the wrong place."""
    install(KEYED)
    merger = {"use": "fake", "options": {"api_key": "sk-1"}}

    shown = resift.redacted({"use": "bm25", "merge": merger, "api_key": "sk-2"})

    assert shown == {
        "use": "bm25",
        "merge": {"use": "fake", "options": {"api_key": "***"}},
        "api_key": "***",
    }
