"""Weights, explanations, and what a plugin says beyond its scores."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift import Reranker, Scores
from samples import Fixed, Lengths, ids, loaded, shown, table

# Weights, names, explanations --------------------------------------------------------


def test_weights_are_given_at_the_call():
    """What a list counts for decides the merge."""
    first, second = (
        table("a", "b"),
        table("b", "a", start=2).set_column(0, "_rowid", pa.array([2, 1])),
    )

    assert ids(loaded().rerank("", first, second, weights=[2, 1])) == [1, 2]
    assert ids(loaded().rerank("", first, second, weights=[1, 2])) == [2, 1]


NUMBERS = "weights must be numbers, one per list, in order or by the list's name"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            [1],
            "weights must have one value per list (2), got 1. Lists: 'list_1', "
            "'list_2'.",
        ),
        ([1, -1], "weights must be finite, not negative and not all 0, got [1, -1]."),
        ([0, 0], "weights must be finite, not negative and not all 0, got [0, 0]."),
        (
            [1, math.nan],
            "weights must be finite, not negative and not all 0, got [1, nan].",
        ),
        (["a", 1], f"{NUMBERS}, got ['a', 1]."),
        ("12", f"{NUMBERS}, got '12'."),
        (5, f"{NUMBERS}, got 5."),
        (
            {"list_3": 1},
            "weights must name lists of this search, but 'list_3' is none. Lists: "
            "'list_1', 'list_2'.",
        ),
        (
            {"list_1": 0},
            "weights must be finite, not negative and not all 0, got dict.",
        ),
    ],
)
def test_wrong_weights_are_told(weights, message):
    """One finite number per list, at least one above 0."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", table("a"), table("a"), weights=weights)

    assert str(caught.value) == message


@pytest.mark.parametrize("names", [["a"], ["a", "a"]])
def test_names_must_tell_the_lists_apart(names):
    """One name per list, no name twice."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", table("a"), table("a"), names=names)

    assert str(caught.value) == (
        f"rerank: names must be 2 different names, one per list, got {names}."
    )


def test_explain_shows_where_a_row_came_from():
    """Each list's rank and score, the merged score and the rank before scoring."""
    vector = table("a", "bb", _distance=[0.1, 0.2])
    fts = table("bb", "ccc", start=2)

    result = Reranker(Lengths()).rerank(
        "q", vector, fts, names=["vector", "fts"], explain=True
    )

    assert result.drop_columns(["text", "_distance"]).to_pylist() == [
        {
            "_rowid": 3,
            "_relevance_score": 3.0,
            "_vector_rank": None,
            "_vector_score": None,
            "_fts_rank": 2,
            "_merged_score": 1 / 62,
            "_merged_rank": 3,
        },
        {
            "_rowid": 2,
            "_relevance_score": 2.0,
            "_vector_rank": 2,
            "_vector_score": -0.2,
            "_fts_rank": 1,
            "_merged_score": 1 / 62 + 1 / 61,
            "_merged_rank": 1,
        },
        {
            "_rowid": 1,
            "_relevance_score": 1.0,
            "_vector_rank": 1,
            "_vector_score": -0.1,
            "_fts_rank": None,
            "_merged_score": 1 / 61,
            "_merged_rank": 2,
        },
    ]


def test_an_explained_result_can_be_explained_again():
    """resift's own columns are replaced."""
    once = loaded("bm25").rerank("a", table("a", "b"), explain=True)

    twice = loaded("bm25").rerank("a", once, explain=True)

    assert "_list_1_score" in twice.column_names
    assert len(set(twice.column_names)) == len(twice.column_names)


def test_a_column_of_the_user_is_never_replaced():
    """A name that resift would add and the results have is an error."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", table("a", _merged_rank=[1]), explain=True)

    assert str(caught.value) == (
        f"Reranker 'rrf' (resift {resift.__version__}) adds a column '_merged_rank', "
        "which the results already have. Rename that one, or leave it out of the "
        "search."
    )


# What a plugin adds ------------------------------------------------------------------


def test_extra_columns_and_notes_reach_the_result():
    """`Scores` may say more than a float per document, here about two of three rows."""
    answer = Scores(
        [1.0, 2.0],
        {"why": ["short", "long"], "_tokens": [1, 2]},
        ("two notes", "second"),
    )

    result = Reranker(Fixed(answer)).rerank("q", table("a", "bb", None))

    assert result["why"].to_pylist() == ["long", "short", None]
    assert "_tokens" not in result.column_names
    assert json.loads(result.schema.metadata[b"resift.notes"]) == [
        "two notes",
        "second",
    ]


def test_extra_columns_may_be_chunked():
    """A column of a table is as good as a list."""
    answer = Scores([1.0, 2.0], {"why": pa.chunked_array([["a"], ["b"]])})

    result = Reranker(Fixed(answer)).rerank("q", table("x", "y"))

    assert result["why"].to_pylist() == ["b", "a"]


def test_evidence_with_an_underscore_shows_when_explaining():
    """Columns that start with `_` are for those who ask."""
    answer = Scores([1.0, 2.0], {"_tokens": [1, 2]})

    result = Reranker(Fixed(answer)).rerank(
        "q", table("a", "bb"), explain=True, top_k=1
    )

    assert result["_tokens"].to_pylist() == [2]


def test_notes_of_the_input_travel_on():
    """Notes of earlier stages are kept, each once."""
    first = Reranker(Fixed(Scores([1.0], notes=["one"]))).rerank("q", table("a"))

    again = Reranker(Fixed(Scores([1.0], notes=["two", "one"]))).rerank("q", first)

    assert json.loads(again.schema.metadata[b"resift.notes"]) == ["one", "two"]


def test_an_order_is_followed():
    """Where stages cannot be compared, the plugin's order stands."""
    answer = Scores([np.nan, 3.0, np.nan], order=[1, 2, 0], unscored="fell out")

    result = Reranker(Fixed(answer)).rerank("q", table("a", "b", "c"))

    assert ids(result) == [2, 3, 1]
    assert shown(result) == [3.0, None, None]


def test_an_extra_column_must_not_hide_the_text():
    """A plugin cannot replace what the user's table holds."""
    answer = Scores([1.0], {"text": ["rewritten"]})

    with pytest.raises(resift.InputError, match="adds a column 'text'"):
        Reranker(Fixed(answer)).rerank("q", table("a"))
