"""What a merger is handed: positions in the union, and scores that rise."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift import Ranking, Reranker, hookimpl
from samples import ids, loaded, table


class Recorder:
    """Keeps what it is asked to merge, and merges by first appearance."""

    @hookimpl
    def merge(self, rankings, n_documents, query):
        self.rankings, self.n_documents, self.query = rankings, n_documents, query
        return -np.arange(n_documents)


def handed(*results: pa.Table, **options: object) -> Recorder:
    """Return the merger after it was asked to merge *results*."""
    recorder = Recorder()
    Reranker(recorder).rerank("q", *results, **options)
    return recorder


def test_lists_are_positions_in_the_union():
    """Ids are encoded once; each list holds positions, best first."""
    merger = handed(table("a", "b", start=7), table("b", "c", start=8))

    assert merger.n_documents == 3
    assert merger.query == "q"
    # numbered by best rank, then list: 7, 8, 9
    assert [ranking.documents.tolist() for ranking in merger.rankings] == [
        [0, 1],
        [1, 2],
    ]
    assert {ranking.documents.dtype for ranking in merger.rankings} == {
        np.dtype("int64")
    }


def test_a_document_that_a_list_repeats_keeps_its_best_rank():
    """No position is in a list twice."""
    repeated = pa.table({"_rowid": [5, 6, 5, 7], "_score": [4.0, 3.0, 2.0, 1.0]})

    (ranking,) = handed(repeated).rankings

    assert ranking.documents.tolist() == [0, 1, 2]
    assert ranking.scores.tolist() == [4.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("column", "scores", "lowest"),
    [
        ("_distance", [-1.0, -2.0], None),
        ("_score", [1.0, 2.0], 0.0),
        ("_relevance_score", [1.0, 2.0], None),
    ],
)
def test_scores_rise_and_their_minimum_is_known_where_it_is(column, scores, lowest):
    """A distance is negated; a full-text score is at least 0."""
    (ranking,) = handed(table("a", "b", **{column: [1.0, 2.0]})).rankings

    assert ranking.scores.tolist() == scores
    assert ranking.scores.dtype == np.float64
    assert ranking.lowest == lowest


def test_a_list_without_scores_has_an_order_only():
    """Scores may be None; the order is that of the rows."""
    (ranking,) = handed(table("a", "b")).rankings

    assert ranking.scores is None


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_rows_without_a_score_stay_in_the_list(missing):
    """A merger never sees a NaN: such a row counts one step less than the others."""
    result = table("a", "b", "c", _score=pa.array([3.0, missing, 1.0]))

    merger = handed(result)

    (ranking,) = merger.rankings
    assert ranking.documents.tolist() == [0, 1, 2]
    assert ranking.scores.tolist() == [3.0, -1.0, 1.0]
    assert merger.n_documents == 3


def test_weights_and_names_come_with_their_list():
    """Names are `list_1`, `list_2` where nobody gave any, and weights are 1."""
    one, two = handed(table("a"), table("b")).rankings
    three, four = handed(
        table("a"), table("b"), weights=[2, 0], names=["x", "y"]
    ).rankings

    assert (one.name, one.weight, two.name, two.weight) == (
        "list_1",
        1.0,
        "list_2",
        1.0,
    )
    assert (three.name, three.weight, four.name, four.weight) == ("x", 2.0, "y", 0.0)


def test_an_empty_list_is_handed_over():
    """A merger may count its lists."""
    empty, full = handed(table("a").slice(0, 0), table("a")).rankings

    assert len(empty) == 0
    assert len(full) == 1


def test_an_empty_union_is_not_merged():
    """A merger is asked only if there is something to merge."""
    assert not hasattr(handed(table("a").slice(0, 0)), "rankings")


@pytest.mark.parametrize("method", ["rank", "rank_many"])
def test_a_reranker_that_only_merges_cannot_rank(method):
    """One list leaves nothing to merge: its order would come back as a ranking."""
    reranker = Reranker(Recorder())
    asked = {"rank": ("q", ["a", "b"]), "rank_many": (["q"], [["a", "b"]])}

    with pytest.raises(resift.InputError) as caught:
        getattr(reranker, method)(*asked[method])

    assert str(caught.value) == (
        "Reranker 'Recorder' only merges lists: it cannot rank documents by a query. "
        "Give result tables to 'rerank', or rank with a reranker that scores."
    )


def test_ties_are_settled_by_best_rank_then_list_then_first_seen():
    """Equal merged scores are ordered the same way every time."""

    class Flat:
        @hookimpl
        def merge(self, n_documents):
            return np.zeros(n_documents)

    first, second = table("a", "b", "c", start=1), table("x", "c", "a", start=10)
    second = second.set_column(0, "_rowid", pa.array([10, 3, 11]))

    result = Reranker(Flat()).rerank("", first, second)

    assert ids(result) == [1, 10, 2, 3, 11]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "must return one score per document (2), got None."),
        ([1.0], "must return one score per document (2), got 1."),
        ("ab", "must return one score per document (2), got a str."),
        ({0: 1.0, 1: 2.0}, "must return one score per document (2), got a dict."),
        (
            [1.0, float("nan")],
            "must return finite scores, but the score of document 1 is nan (1 of 2 are "
            "not finite).",
        ),
        (
            [float("inf"), 1.0],
            "must return finite scores, but the score of document 0 is inf (1 of 2 are "
            "not finite).",
        ),
        (["a", "b"], "must return numbers, but the score of document 0 is a str."),
    ],
)
def test_a_merger_that_lies_is_told(answer, message):
    """A merger answers one finite number per document of the union."""

    class Liar:
        @hookimpl
        def merge(self):
            return answer

    with pytest.raises(resift.MergeError) as caught:
        Reranker(Liar()).rerank("", table("a", "b"))

    assert str(caught.value) == f"Reranker 'Liar': its merger {message}"


def test_a_coroutine_is_no_merge():
    """An async helper that was not awaited is told, and closed."""

    class Async:
        @hookimpl
        def merge(self):
            async def later(): ...

            return later()

    with pytest.raises(resift.MergeError) as caught:
        Reranker(Async()).rerank("", table("a"))

    assert str(caught.value) == (
        "Reranker 'Async': its merger returned a coroutine: hooks are synchronous. "
        "Make it a plain def."
    )


def test_a_merge_can_be_asked_for_directly():
    """`Reranker.merge` takes rankings and returns one score per document."""
    lists = [Ranking(np.array([0, 1])), Ranking(np.array([1]))]

    merged = loaded("rrf").merge(lists, 3)

    assert merged.tolist() == pytest.approx([1 / 61, 1 / 62 + 1 / 61, 0.0])


def test_a_ranking_is_arrays_too():
    """Those of its documents, whether it was ranked or put together."""
    values = resift.Scores(np.array([1.0, np.nan, 2.0]), unscored="it is blank")
    ranked = resift.RankedDocuments.of(["a", None, "c"], values)
    indices, scores = ranked.indices, ranked.scores
    together = resift.RankedDocuments(ranked, ranked.notes)

    for one in (ranked, together, pickle.loads(pickle.dumps(ranked))):
        assert len(one) == 3
        assert one.indices.tolist() == [d.index for d in ranked] == [2, 0, 1]
        assert str(one.scores) == "[ 2.  1. nan]"
        assert one == ranked
    assert (indices.dtype, scores.dtype) == ("int64", "float32")


def test_a_ranking_keeps_the_documents_that_it_was_given():
    """Though the list that held them is changed after."""
    given = ["a", "b"]
    ranked = resift.RankedDocuments.of(given, [1.0, 2.0])
    given.reverse()

    assert [each.document for each in ranked] == ["b", "a"]
