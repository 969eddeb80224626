"""`boost`: what is moved by how much, and what is said of it."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import InputError, OptionsError

TEXTS = ["0.2", "0.5", "0.8"]
STARS = [{"column": "stars", "curve": "linear"}]


class Numbers:
    """Score by the number that a text is."""

    pointwise = True

    def __init__(self, kind: str) -> None:
        self.score_kind = kind

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        return [float(text) for text in documents]


def boost(boosts: object = STARS, **options: object) -> resift.Reranker:
    return resift.load("boost", config=None, boosts=boosts, **options)


def table(**columns: object) -> pa.Table:
    return pa.table({"text": TEXTS, **columns})


def test_a_probability_is_moved_in_its_log_odds() -> None:
    """It stays one: odds of 1 to 4, times e, say."""
    reranker = boost(reranker=Numbers("probability"))

    scores = reranker.score("q", TEXTS, table(stars=[1.0, None, -1.0]))

    odds = np.array([0.25 * math.e, 1, 4 / math.e])
    assert scores.values.tolist() == pytest.approx((odds / (1 + odds)).tolist())
    assert scores.kind == reranker.score_kind == "probability"
    assert reranker.pointwise


def test_a_certain_probability_moves_too() -> None:
    """A model in 32 bits says 1.0 of several documents, and 0.0."""
    reranker = boost(reranker=Numbers("probability"))

    scores = reranker.score("q", ["1", "1.0", "0"], pa.table({"stars": [0, 1, 9000]}))

    assert scores.ranking().tolist() == [2, 1, 0]
    assert scores.values.max() <= 1


def test_a_logit_is_added_to() -> None:
    """As it is."""
    reranker = boost(reranker=Numbers("logit"))

    scores = reranker.score("q", TEXTS, table(stars=[3, None, 1]))

    assert scores.values.tolist() == pytest.approx([3.2, 0.5, 1.8])
    assert scores.kind == reranker.score_kind == "logit"


@pytest.mark.parametrize("kind", ["similarity", "ordinal"])
def test_any_other_score_is_moved_by_its_spread(kind: str) -> None:
    """The standard deviation of .2, .5 and .8 is the root of .06."""
    reranker = boost(reranker=Numbers(kind))

    scores = reranker.score("q", TEXTS, table(stars=[3, None, 1]))

    spread = math.sqrt(0.06)
    assert scores.values.tolist() == pytest.approx(
        [0.2 + 3 * spread, 0.5, 0.8 + spread]
    )
    assert scores.kind == reranker.score_kind == "ordinal"
    assert not reranker.pointwise
    assert scores.columns["_boost_stars"].to_pylist() == pytest.approx(
        [3 * spread, 0, spread]
    )


def test_scores_that_are_all_equal_are_moved_as_they_are() -> None:
    """A spread of 0 would leave the boosts without effect."""
    reranker = boost(reranker=Numbers("ordinal"))

    scores = reranker.score("q", ["1", "1.0"], pa.table({"stars": [0, 2]}))

    assert scores.values.tolist() == [1.0, 3.0]


def test_each_boost_is_explained() -> None:
    """Two of one column have labels of their own; the child's score is there too."""
    boosts = [*STARS, {"column": "stars", "values": {"2": 5.0}}]
    reranker = boost(boosts, reranker=Numbers("logit"))

    ranked = reranker.rerank("q", table(stars=[1, 2, 3]), id=None, explain=True)

    assert ranked["_boost_stars"].to_pylist() == [2.0, 3.0, 1.0]
    assert ranked["_boost_stars_2"].to_pylist() == [5.0, 0.0, 0.0]
    assert ranked["_Numbers_score"].to_pylist() == [0.5, 0.8, 0.2]


def test_the_results_own_scores_are_moved_without_a_reranker() -> None:
    """By the spread of the merged scores; the text is not even read."""
    results = pa.table({"_score": [2.0, 1.9, 0.5], "stars": [0, 5000, None]})
    stars = [{"column": "stars", "curve": "log1p", "weight": 0.2}]

    ranked = boost(stars, merge="relative").rerank("fox", results, id=None)

    assert ranked["stars"].to_pylist() == [5000, 0, None]


def test_what_is_not_scored_stays_behind_in_its_order() -> None:
    """What a cascade has left out is not moved to the front."""
    inner = resift.load(
        "cascade", config=None, stages=[Numbers("logit"), Numbers("logit")], keep=[1]
    )

    scores = boost(reranker=inner).score("q", TEXTS, table(stars=[9, 5, 1]))

    assert scores.values.tolist() == pytest.approx([np.nan, np.nan, 1.8], nan_ok=True)
    assert scores.ranking().tolist() == [2, 1, 0]


def test_a_value_that_cannot_be_used_is_said() -> None:
    """How many, of how many, and where; null is nothing to speak of."""
    reranker = boost(reranker=Numbers("logit"))

    scores = reranker.score("q", TEXTS, table(stars=[math.nan, None, 1.0]))

    assert scores.notes == (
        "boost: 1 of 3 documents have no usable value in the column 'stars', and are "
        "not moved by it",
    )


def test_a_boost_without_effect_is_said() -> None:
    """A list of values that names none that there is, say."""
    boosts = [{"column": "stars", "values": {"docs": 1.0}}]

    scores = boost(boosts, reranker=Numbers("logit")).score(
        "q", TEXTS, table(stars=["a", "b", None])
    )

    assert scores.notes == ("boost: the column 'stars' moves no document",)
    assert scores.notes[0].code == "no-effect"


def test_a_missing_column_is_an_error() -> None:
    """Also around a reranker that reads every column."""

    class Reading:
        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            return [1.0] * len(documents)

    reranker = boost(reranker=Reading())

    assert boost(reranker="bm25").columns == ("stars",)
    assert boost().columns == ("_relevance_score", "stars")
    assert reranker.columns is None
    with pytest.raises(InputError) as caught:
        reranker.score("q", TEXTS, table())
    assert str(caught.value) == (
        "boost: the results have no column 'stars'. Select it in the search."
    )


def test_it_depends_on_the_moment_only_where_now_is_its_origin() -> None:
    """So that nobody keeps scores that are older every second."""
    fading = {"column": "day", "decay": "exp", "half_life": "1d"}

    assert not boost([fading]).traits.deterministic
    assert boost([{**fading, "origin": "2026-01-01"}]).traits.deterministic


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Times and all."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.fresh]\n"
        'use = "boost"\n'
        "[[rerankers.fresh.options.boosts]]\n"
        'column = "day"\n'
        'decay = "exp"\n'
        'half_life = "14d"\n'
        "origin = 2026-01-15T00:00:00Z\n"
        "weight = 4\n"
    )
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 15, 8)]

    ranked = resift.load("fresh", config=file).rerank("q", table(day=days), id=None)

    assert ranked["text"].to_pylist() == ["0.5", "0.2", "0.8"]


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = boost(reranker="bm25")
    plain = resift.Reranker(by_name.plugin)

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        scores = copy.score("q", TEXTS, table(stars=[1, 2, 3]))
        assert scores.ranking().tolist() == [2, 1, 0]


def test_a_hundred_thousand_rows() -> None:
    """Every one comes back, once."""
    n = 100_000
    results = pa.table({"_score": np.arange(n) % 97, "stars": np.arange(n) % 13})

    ranked = boost(merge="relative").rerank("q", results, id=None)

    assert len(ranked) == n
    assert ranked["_relevance_score"].null_count == 0


@pytest.mark.parametrize(
    ("boosts", "message"),
    [
        ([], "boosts must have at least one table with a column."),
        (
            [{"column": "a"}],
            "boosts[0]: must have one of decay, curve and values, got none.",
        ),
        (
            [{"column": "a", "curve": "linear", "values": {}}],
            "boosts[0]: must have one of decay, curve and values, got curve and "
            "values.",
        ),
        (
            [*STARS, {"column": "a", "decay": "exp"}],
            "boosts[1]: must have one scale or half_life above 0, and no offset below "
            "0.",
        ),
        (
            [{"column": "a", "decay": "exp", "scale": "14 years"}],
            "boosts[0]: must have numbers, or texts such as '14d' (ms, s, m, h, d, w), "
            "as its scale, half_life and offset, got '14 years'.",
        ),
        (
            [{"column": "a", "decay": "exp", "scale": 1, "half_life": 1}],
            "boosts[0]: must have one scale or half_life above 0, and no offset below "
            "0.",
        ),
        (
            [{"column": "a", "decay": "exp", "scale": 1, "offset": -1}],
            "boosts[0]: must have one scale or half_life above 0, and no offset below "
            "0.",
        ),
        (
            [{"column": "a", "decay": "exp", "scale": 1, "origin": "soon"}],
            "boosts[0]: must have a finite number, or an ISO time, as its origin.",
        ),
        (
            [{"column": "a", "curve": "linear", "scale": 1}],
            "boosts[0]: must have a decay to use origin, offset or scale.",
        ),
        (
            [{"column": "a", "curve": "linear", "weight": math.inf}],
            "boosts[0]: must have a finite weight and finite values.",
        ),
        (
            [{"column": "a", "curves": "linear"}],
            "boosts[0].curves: Unexpected keyword argument.",
        ),
        ([{"curve": "linear"}], "boosts[0].column: Field required."),
    ],
)
def test_a_wrong_boost_is_refused(boosts: object, message: str) -> None:
    """The message says which one, and the rule."""
    with pytest.raises(OptionsError) as caught:
        boost(boosts)

    assert str(caught.value) == f"Reranker 'boost' (resift-boost 0.1.0): {message}"
