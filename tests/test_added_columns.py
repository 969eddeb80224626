"""Columns that are added: none replaces another, none is lost."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift
from resift.errors import InputError


def lists():
    """Return two ranked lists with scores."""
    ids = {"_rowid": [1, 2, 3], "text": ["a", "bb", "ccc"]}
    return (
        pa.table({**ids, "_score": [3.0, 2.0, 1.0]}),
        pa.table({**ids, "_score": [9.0, 8.0, 7.0]}),
    )


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (["relevance", "other"], "_relevance_score"),
        (["merged", "other"], "_merged_score"),
    ],
)
def test_a_list_cannot_take_the_name_of_another_column(names, column):
    """A list whose explanation would replace a column is refused by name."""
    reranker = resift.load("rrf", config=None)

    with pytest.raises(InputError) as error:
        reranker.rerank("", *lists(), names=names, explain=True)

    assert str(error.value) == (
        f"Reranker 'rrf' (resift 0.1.0): two added columns would be called {column!r}. "
        "Rename the list, or the reranker."
    )


def test_a_list_called_like_a_stage_is_refused():
    """The score of a stage and that of a list cannot stand in one column."""
    reranker = resift.load("ensemble", rerankers=["bm25"], config=None)

    with pytest.raises(InputError, match="'_bm25_score'"):
        reranker.rerank("a", *lists(), names=["bm25", "other"], explain=True)


class Says:
    """Give every document a reason of some type."""

    def __init__(self, reason):
        self.reason = reason

    @resift.hookimpl
    def score(self, query, documents):
        reasons = [self.reason] * len(documents)
        return resift.Scores([1.0] * len(documents), {"reason": reasons})


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [("one", None, "one"), ("one", "two", "two"), (1, 2.5, 2.5), ("one", 2, 2)],
)
def test_what_an_earlier_stage_says_stays_until_a_later_one_speaks(first, second, kept):
    """A later stage that says nothing loses nothing; of another type it counts."""
    stages = [resift.Reranker(Says(first)), resift.Reranker(Says(second))]
    reranker = resift.load("cascade", stages=stages, keep=[2], config=None)

    assert reranker.rank("q", ["a", "b"])[0].columns["reason"] == kept


def test_a_merged_result_is_reranked_by_the_score_it_was_ranked_by():
    """Half of the distances are null in a merged table: its own score counts."""
    vector = pa.table({"_rowid": [1, 2], "_distance": [0.1, 0.2]})
    words = pa.table({"_rowid": [2, 3, 4], "_score": [5.0, 4.0, 3.0]})
    reranker = resift.load("rrf", config=None)
    once = reranker.rerank("", vector, words)

    again = reranker.rerank("", once)

    assert again["_rowid"].to_pylist() == once["_rowid"].to_pylist()
