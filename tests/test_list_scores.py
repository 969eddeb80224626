"""The scores of a list: which column holds them, which way, and what is missing."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import resift
from resift import notes_of
from samples import ids, loaded, shown

INF, NAN = math.inf, math.nan


def scored(*values: float | None, column: str = "_score", start: int = 1) -> pa.Table:
    """Return a list of ids from *start* with a column of numbers."""
    numbers = pa.array(values, pa.float64())
    return pa.table({"_rowid": range(start, start + len(values)), column: numbers})


def refusal(*tables: pa.Table, **options: object) -> str:
    """Return the message that refuses to merge by scores."""
    with pytest.raises(resift.InputError) as caught:
        loaded("dbsf").rerank("", *tables, **options)
    return str(caught.value)


# Which column ------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [pa.Table.to_pandas, lambda table: table])
def test_what_was_reranked_is_read_by_the_score_it_was_ranked_by(frame):
    """Also after pandas, which keeps no metadata of a field, and beside a distance."""
    vectors = scored(0.1, 0.2, column="_distance")
    words = scored(9.0, 8.0, start=3)
    once = loaded().rerank("", vectors, words)

    again = loaded("dbsf").rerank("", frame(once))

    assert ids(again) == ids(once)
    assert notes_of(again) == []


def test_a_named_score_beats_the_usual_ones():
    """pgvector, Chroma and Elasticsearch have names of their own."""
    table = scored(3.0, 2.0, 1.0).append_column("points", pa.array([1, 3, 2]))

    assert ids(loaded("dbsf").rerank("", table, score="points")) == [2, 3, 1]
    assert ids(loaded("dbsf").rerank("", table, distance="points")) == [1, 3, 2]


def test_each_list_may_name_its_own():
    """None in a list of names is the usual column."""
    near = scored(0.1, 0.11, 0.9, column="dist")
    words = scored(5.0, 1.0, start=3)
    usual = loaded("dbsf").rerank(
        "", near.rename_columns(["_rowid", "_distance"]), words
    )

    for distance in ("dist", ["dist", None]):
        result = loaded("dbsf").rerank("", near, words, distance=distance)

        assert (ids(result), shown(result)) == (ids(usual), shown(usual))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"score": "points"},
            "rerank: list 1 has no score column 'points'. Columns: '_rowid', '_score'. "
            "Name the right one with score=....",
        ),
        (
            {"distance": [None, "dist"]},
            "rerank: list 2 has no distance column 'dist'. Columns: '_rowid', "
            "'_score'. Name the right one with distance=....",
        ),
        (
            {"score": ["_score"]},
            "rerank: score must be the name of a column, or a list of a name or None "
            "for each of the 2 lists, got ['_score'].",
        ),
        (
            {"score": "_score", "distance": "_score"},
            "rerank: list 1 has a score column '_score' and a distance column "
            "'_score', and one must count. Name it list by list, as in "
            "score=[None, 'score'].",
        ),
        (
            {"score": "_rowid", "distance": None, "id": None},
            None,
        ),
    ],
)
def test_a_score_that_is_not_there_is_told(options, message):
    """A name that is in no list, or both for one, is a mistake."""
    tables = scored(2.0, 1.0), scored(2.0, 1.0)
    if message is None:
        assert len(loaded("dbsf").rerank("", *tables, **options)) == 4
        return

    assert refusal(*tables, **options) == message


def test_plain_names_are_read_where_the_list_is_sorted_by_them():
    """A note says that they were; a rating that merely has the name is left alone."""
    near = pd.DataFrame({"_rowid": [1, 2, 3], "distance": [0.1, 0.11, 0.9]})
    rated = pd.DataFrame({"_rowid": [4, 5], "score": [1.0, 5.0]})

    result = loaded("dbsf").rerank("", near, rated)

    usual = loaded("dbsf").rerank("", near.rename(columns={"distance": "_distance"}))
    assert shown(loaded("dbsf").rerank("", near)) == shown(usual)
    assert notes_of(result) == [
        "rerank: list_1 is sorted by its column 'distance', which is read as its "
        "distance. Say distance='distance', or rename the column.",
        "rerank: list_2 has no scores: its order counts, as scores evenly spaced. "
        "Name its column with score=... or distance=..., or merge by 'rrf'.",
    ]
    assert notes_of(loaded("rrf").rerank("", near, rated)) == []


def test_a_column_without_one_finite_score_is_no_score_column():
    """One schema for all legs leaves nulls; the leg keeps its order."""
    words = scored(None, None, None).append_column("_distance", pa.nulls(3))
    other = scored(0.9, 0.8, start=3)

    for name in ("rrf", "dbsf"):
        result = loaded(name).rerank("", words, other)
        bare = loaded(name).rerank("", words.select(["_rowid"]), other)

        assert (ids(result), shown(result)) == (ids(bare), shown(bare))


def test_an_answer_without_scores_is_read_by_its_order():
    """A reranker that failed leaves null scores, and the order of the merge."""
    table = scored(1.0, 2.0, 3.0).append_column("_relevance_score", pa.nulls(3))

    assert ids(loaded("dbsf").rerank("", table)) == [1, 2, 3]


# What is missing, or infinite --------------------------------------------------------


@pytest.mark.parametrize("value", [None, NAN, INF, -INF])
def test_rank_mergers_lose_no_row_for_its_score(value):
    """Ranks count, whatever stands in the column."""
    table = scored(3.0, value, 1.0)

    assert ids(loaded("rrf").rerank("", table)) == [1, 2, 3]


@pytest.mark.parametrize("name", ["dbsf", "relative", "convex"])
@pytest.mark.parametrize("scale", [1.0, 1e-320, 1.7e308 / 3, -1e300])
def test_infinite_scores_are_the_best_and_the_worst(name, scale):
    """+inf comes first, -inf after all others, and no score at all last of all."""
    finite = sorted([2 * scale, 3 * scale])
    table = scored(None, -INF, *finite, INF)

    result = loaded(name).rerank("", table)

    assert ids(result) == [5, 4, 3, 2, 1]
    assert np.isfinite(shown(result)).all()


def test_one_finite_score_is_enough():
    """Infinite ones stand above and below it."""
    assert ids(loaded("relative").rerank("", scored(-INF, 0.0, INF))) == [3, 2, 1]


def test_a_note_says_how_many_rows_have_no_score():
    """Only mergers that read scores have a reason to say so."""
    table = scored(3.0, None, NAN)

    assert notes_of(loaded("dbsf").rerank("", table)) == [
        "rerank: 2 of 3 rows of list_1 have no score in '_score': they count less "
        "than its other rows."
    ]
    assert notes_of(loaded("rrf").rerank("", table)) == []


def test_an_explanation_shows_the_scores_that_came():
    """A missing score is null there, an infinite one infinite."""
    result = loaded("dbsf").rerank("", scored(INF, 2.0, None), explain=True)

    assert result["_list_1_score"].to_pylist() == [INF, 2.0, None]
    assert result["_list_1_rank"].to_pylist() == [1, 2, 3]


def test_scores_that_float32_cannot_tell_apart_keep_their_order():
    """Seconds since 1970 and tiny likelihoods are merged in float64."""
    for values in ((1_750_000_001.0, 1_750_000_060.0), (1e-60, 1e-50)):
        table = scored(*values)

        assert ids(loaded("dbsf").rerank("", table)) == [2, 1]
        assert ids(loaded("relative").rerank("", table)) == [2, 1]
