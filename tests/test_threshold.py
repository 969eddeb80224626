"""`min_score`: what it leaves out, what it never loses, and when it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import ConfigError, InputError, InvalidRerankerError

DOCUMENTS = ["d0", "d1", "d2", "d3"]
TABLE = pa.table({"_rowid": [0, 1, 2, 3], "text": DOCUMENTS})


class Fixed:
    """A reranker with the same probabilities each time.

    Args:
        values: The scores; NaN where a document is not scored.
        score_kind: What they mean.
    """

    def __init__(
        self,
        values: Sequence[float] = (0.2, 0.9, 0.7, 0.5),
        score_kind: str = "probability",
    ) -> None:
        self.values = values
        self.score_kind = score_kind

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        values = np.array(self.values)[: len(documents)]
        return resift.Scores(values, unscored="it is odd")


def ids(ranked: pa.Table) -> list[int]:
    return ranked["_rowid"].to_pylist()


def test_only_what_is_probably_relevant_is_returned() -> None:
    """From `rank`, `rank_many`, `arank` and `rerank` alike; a score equal counts."""
    reranker = resift.Reranker(Fixed())

    ranked = reranker.rank("q", DOCUMENTS, min_score=0.7)
    (many,) = reranker.rank_many(["q"], [DOCUMENTS], min_score=0.7)
    later = asyncio.run(reranker.arank("q", DOCUMENTS, min_score=0.7))

    assert [d.index for d in ranked] == [1, 2]
    assert many == later == ranked
    assert ids(reranker.rerank("q", TABLE, min_score=0.7)) == [1, 2]


def test_it_is_a_setting_too() -> None:
    """Of the reranker; an argument at the call comes first."""
    reranker = resift.Reranker(Fixed(), min_score=0.7)

    assert ids(reranker.rerank("q", TABLE)) == [1, 2]
    assert ids(reranker.rerank("q", TABLE, min_score=0.0)) == [1, 2, 3, 0]
    assert len(reranker.rank("q", DOCUMENTS)) == 2


def test_the_smaller_of_both_limits_holds() -> None:
    """`top_k` cuts as before."""
    reranker = resift.Reranker(Fixed(), min_score=0.4)

    assert ids(reranker.rerank("q", TABLE, top_k=2)) == [1, 2]
    assert ids(reranker.rerank("q", TABLE, top_k=9)) == [1, 2, 3]


def test_nothing_good_enough_is_nothing() -> None:
    """No row, with all columns."""
    ranked = resift.Reranker(Fixed()).rerank("q", TABLE, min_score=1)

    assert len(ranked) == 0
    assert ranked.column_names == ["_rowid", "text", "_relevance_score"]


def test_what_is_not_scored_falls_out() -> None:
    """Beyond the window, and where the reranker gave no score."""
    reranker = resift.Reranker(Fixed((0.2, np.nan, 0.7, 0.5)))

    assert ids(reranker.rerank("q", TABLE, min_score=0.1)) == [2, 3, 0]
    assert ids(reranker.rerank("q", TABLE, min_score=0.1, window=3)) == [2, 0]
    assert [d.index for d in reranker.rank("q", DOCUMENTS, min_score=0.6)] == [2]


def test_no_result_is_lost_where_a_reranker_fails() -> None:
    """Nothing scored, nothing cut: the rows come back, and a note says so."""

    class Down:
        score_kind = "probability"

        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            msg = "Down."
            raise resift.ServerError(msg)

    reranker = resift.load(
        "fallback", config=None, rerankers=[resift.Reranker(Down())], min_score=0.5
    )

    ranked = reranker.rank("q", DOCUMENTS)

    assert [d.index for d in ranked] == [0, 1, 2, 3]
    assert ranked.notes[-1] == "min_score was not applied: nothing is scored"
    assert len(reranker.rerank("q", TABLE.slice(0, 0))) == 0


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("logit", "are unbounded, and shift from query to query"),
        (
            "similarity",
            "are bounded, but how much is enough differs from query to query",
        ),
        ("ordinal", "only order the documents of one query"),
    ],
)
def test_other_kinds_of_score_are_refused(kind: str, reason: str) -> None:
    """The message says why, and what to do."""
    reranker = resift.Reranker(Fixed(score_kind=kind), name="fixed")

    with pytest.raises(InputError) as caught:
        reranker.rank("q", DOCUMENTS, min_score=0.5)

    assert str(caught.value) == (
        "Reranker 'fixed': min_score needs scores that are probabilities, but its "
        f"scores are of the kind {kind!r}: they {reason}. Cut by top_k, or use a "
        "reranker whose score_kind is 'probability'."
    )


def test_a_setting_that_can_never_hold_is_refused_at_once() -> None:
    """Where the kind is known, nobody has to wait for the first query."""
    with pytest.raises(InputError, match="of the kind 'ordinal'"):
        resift.load("bm25", config=None, min_score=0.5)


def test_a_kind_that_there_is_not_is_refused_as_ever() -> None:
    """Whether it shows at once, or at the first query."""
    message = (
        "Reranker 'odd': score_kind must be one of 'probability', 'similarity', "
        "'logit', 'ordinal', got 'prob'."
    )
    plugin = Fixed(score_kind="prob")

    with pytest.raises(InvalidRerankerError) as as_setting:
        resift.Reranker(plugin, min_score=0.5, name="odd")
    with pytest.raises(InvalidRerankerError) as at_call:
        resift.Reranker(plugin, name="odd").rank("q", DOCUMENTS, min_score=0.5)

    assert str(as_setting.value) == str(at_call.value) == message


def test_a_kind_that_is_not_known_yet_may_turn_out_right() -> None:
    """A property may have to load the model; it is asked at the first query."""

    class Late(Fixed):
        @property
        def score_kind(self) -> str:
            raise AssertionError

        @score_kind.setter
        def score_kind(self, value: str) -> None: ...

    assert resift.Reranker(Late(), min_score=0.5).defaults.min_score == 0.5


def test_a_merger_is_refused() -> None:
    """Fused scores are no probabilities."""
    with pytest.raises(InputError, match="of the kind 'ordinal'"):
        resift.load("rrf", config=None).rerank("q", TABLE, min_score=0.5)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", True])
def test_a_wrong_threshold_is_refused(value: object) -> None:
    """At the call, and as a setting."""
    message = "min_score must be a number from 0 to 1, or None, got "
    message += "str." if value == "0.5" else f"{value!r}."

    with pytest.raises(InputError) as at_call:
        resift.Reranker(Fixed()).rank("q", DOCUMENTS, min_score=value)
    with pytest.raises(InputError) as as_setting:
        resift.Reranker(Fixed(), min_score=value)

    assert str(at_call.value) == str(as_setting.value) == message


def test_it_stands_in_the_config(install) -> None:
    """Beside `use`, like `top_k`; a number from 0 to 1."""
    install(
        "class Plugin:\n"
        "    score_kind = 'probability'\n"
        "    @resift.hookimpl\n"
        "    def score(self, documents):\n"
        "        return [1 / (i + 1) for i in range(len(documents))]\n"
    )
    config = {"rerankers": {"sure": {"use": "fake", "min_score": 0.5}}}

    assert ids(resift.load("sure", config=config).rerank("q", TABLE)) == [0, 1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2, "got 2."),
        ("0.5", "got str."),
    ],
)
def test_a_wrong_threshold_in_the_config_is_refused(
    value: object, message: str
) -> None:
    """The message names the entry and the setting, and quotes no string."""
    config = {"rerankers": {"sure": {"use": "bm25", "min_score": value}}}

    with pytest.raises(ConfigError) as caught:
        resift.load("sure", config=config)

    assert str(caught.value) == (
        "The config: [rerankers.sure]: min_score must be a number from 0 to 1, or "
        f"None, {message}"
    )
