"""Rerankers as options of rerankers: by name, by table, as objects."""

from __future__ import annotations

import pytest

import resift

NESTING = """
from typing import Literal
class Plugin:
    def __init__(
        self,
        *,
        one: resift.Reranker | None = None,
        many: list[resift.Reranker | Literal["incoming"]] = [],
        named: dict[str, resift.Reranker] = {},
    ) -> None:
        self.one, self.many, self.named = one, many, named
    @resift.hookimpl
    def score(self, query, documents): ...
"""


def test_a_reranker_is_given_by_name_by_table_or_as_an_object(install):
    """An option annotated `resift.Reranker` takes all three, alone or in lists."""
    install(NESTING)
    mine = resift.load("bm25", config=None, k1=0.5)

    plugin = resift.load(
        "fake",
        config=None,
        one="rrf",
        many=["bm25", {"use": "bm25", "options": {"k1": 2}}, mine, "incoming"],
        named={"a": "dbsf"},
    ).plugin

    assert plugin.one.name == "rrf"
    assert [getattr(r, "name", r) for r in plugin.many] == [*["bm25"] * 3, "incoming"]
    assert plugin.many[1].plugin.k1 == 2
    assert plugin.many[2] is mine
    assert plugin.named["a"].name == "dbsf"


def test_none_stays_none(install):
    """An optional reranker may be left out explicitly."""
    install(NESTING)

    assert resift.load("fake", config=None, one=None).plugin.one is None


def test_an_uninstalled_instance_may_be_nested(install):
    """A plugin instance or a function becomes a reranker on the way in."""
    install(NESTING)

    plugin = resift.load("fake", config=None, one=lambda query, documents: [1.0]).plugin

    assert plugin.one.rank("q", ["d"])[0].score == 1.0


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ("rff", resift.UnknownRerankerError, "No reranker named 'rff' is installed. "),
        (
            {"use": "bm25", "optoins": {}},
            resift.ConfigError,
            "A reranker's table: unknown key 'optoins'. Did you mean 'options'? Keys: "
            "'use', 'options', 'merge', 'weights', 'top_k', 'window', 'min_score', "
            "'text', 'instruction', 'price'.",
        ),
        (
            {"use": "bm25", "options": {"k2": 1}},
            resift.OptionsError,
            f"Reranker 'bm25' (resift {resift.__version__}) has no option 'k2'. "
            "Options: 'k1', 'b'.",
        ),
        (
            {"use": "bm25", "window": 5},
            resift.ConfigError,
            "'bm25' is nested in another reranker, where its 'window' has no effect. "
            "Set it on the outer one.",
        ),
        (
            5,
            resift.OptionsError,
            "Reranker 'fake' (resift-fake 1.0): option 'one' must be made of "
            "rerankers, got 5. Give a name, a table with 'use', or an object that "
            "implements a hook.",
        ),
    ],
    ids=["name", "key", "option", "setting", "number"],
)
def test_a_wrong_nested_reranker_is_told_like_any_other(install, given, kind, message):
    """Names, keys, options and settings of a nested reranker are all checked."""
    install(NESTING)

    with pytest.raises(kind) as caught:
        resift.load("fake", config=None, one=given)

    assert str(caught.value).startswith(message)


def test_what_is_no_reranker_is_not_shown_where_there_is_a_secret(install):
    """A key may have been put among the rerankers."""
    install(
        NESTING.replace("*,", "*, key: SecretStr | None = None,").replace(
            "class Plugin", "from pydantic import SecretStr\nclass Plugin", 1
        )
    )

    with pytest.raises(resift.OptionsError) as caught:
        resift.load("fake", config=None, many=[1234])

    assert str(caught.value) == (
        "Reranker 'fake' (resift-fake 1.0): option 'many' must be made of rerankers. "
        "Give a name, a table with 'use', or an object that implements a hook."
    )
