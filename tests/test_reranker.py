"""`Reranker.rerank`: one table out of several, best first."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift import Reranker, hookimpl
from samples import Fixed, Lengths, ids, loaded, shown, table

# The score of a result ---------------------------------------------------------------


def test_the_best_row_comes_first_with_its_score():
    """Rows are ordered by `_relevance_score`, float32, descending, the last column."""
    result = Reranker(Lengths()).rerank("q", table("a", "ccc", "bb"))

    assert ids(result) == [2, 3, 1]
    assert shown(result) == [3.0, 2.0, 1.0]
    assert result.schema.names[-1] == "_relevance_score"
    assert result.schema.field("_relevance_score").type == pa.float32()


def test_ties_keep_the_merged_order():
    """Equal scores leave the order of the merge, here best rank, then list."""
    result = Reranker(Fixed([1.0] * 4)).rerank(
        "q", table("a", "b"), table("c", "d", start=3)
    )

    assert ids(result) == [1, 3, 2, 4]


def test_scores_that_are_shown_alike_are_ordered_as_they_are():
    """The order is decided in float64, and only what is shown is a float32."""
    result = Reranker(Fixed([1.0, 1.0 + 1e-12])).rerank("q", table("a", "b"))

    assert ids(result) == [2, 1]
    assert shown(result) == [1.0, 1.0]


@pytest.mark.parametrize("score", [1e39, -1e39])
@pytest.mark.parametrize("method", ["rerank", "rank", "rank_many", "score"])
def test_a_score_beyond_float32_is_an_error(score, method):
    """An overflow is not shown as infinity, whichever way the score is asked for."""
    reranker = Reranker(Fixed([score]))
    calls = {
        "rerank": lambda: reranker.rerank("q", table("a")),
        "rank": lambda: reranker.rank("q", ["a"]),
        "rank_many": lambda: reranker.rank_many(["q"], [["a"]]),
        "score": lambda: reranker.score("q", ["a"]),
    }

    with pytest.raises(resift.ScoreError) as caught:
        calls[method]()

    assert str(caught.value) == (
        f"Reranker 'Fixed': the score {score} does not fit a float32."
    )


def test_a_merged_score_beyond_float32_is_an_error_where_it_is_shown():
    """A merger alone shows its scores, too; before a scorer they are not shown."""

    class Huge:
        @hookimpl
        def merge(self, n_documents):
            return [1e300] * n_documents

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Huge()).rerank("q", table("a"))

    assert str(caught.value) == (
        "Reranker 'Huge': the score 1e+300 does not fit a float32."
    )
    assert len(Reranker(Lengths(), merge=Huge()).rerank("q", table("a"))) == 1


def test_a_result_can_be_reranked_again():
    """An old `_relevance_score` is replaced, not doubled."""
    once = Reranker(Lengths()).rerank("q", table("a", "ccc", "bb"))

    twice = Reranker(lambda q, texts: [-len(t) for t in texts]).rerank("q", once)

    assert twice.column_names == ["_rowid", "text", "_relevance_score"]
    assert ids(twice) == [1, 3, 2]


def test_what_was_not_scored_is_null_and_last():
    """A backend may truncate: the rest follows in merged order."""
    result = Reranker(Fixed({2: 5.0})).rerank("q", table("a", "b", "c", "d"))

    assert ids(result) == [3, 1, 2, 4]
    assert shown(result) == [5.0, None, None, None]


def test_a_single_list_shows_merged_scores_only_without_a_scorer():
    """With one list merging still runs; its scores show where nothing else scores."""
    assert shown(loaded("rrf").rerank("", table("a", "b"))) == pytest.approx(
        [1 / 61, 1 / 62]
    )
    assert shown(Reranker(Lengths()).rerank("q", table("a"))) == [1.0]


def test_a_good_document_alone_keeps_its_score():
    """Nothing stretches final scores: a single document does not become 0 or 1."""
    result = Reranker(Fixed([0.93])).rerank("q", table("a"))

    assert shown(result) == pytest.approx([0.93])


# Window and top_k --------------------------------------------------------------------


def test_only_the_window_is_scored():
    """The best of the merged union are scored; the rest follows in merged order."""
    plugin = Lengths()

    result = Reranker(plugin).rerank("q", table("a", "bb", "ccc", "dddd"), window=2)

    assert plugin.asked[0]["documents"] == ["a", "bb"]
    assert ids(result) == [2, 1, 3, 4]
    assert shown(result) == [2.0, 1.0, None, None]


@pytest.mark.parametrize("window", [4, 100])
def test_a_window_that_holds_everything_changes_nothing(window):
    """A window larger than the union is the union."""
    result = table("a", "bb", "ccc", "dddd")

    assert (
        Reranker(Lengths())
        .rerank("q", result, window=window)
        .equals(Reranker(Lengths()).rerank("q", result))
    )


@pytest.mark.parametrize("top_k", [1, 3, 4, 9])
def test_top_k_cuts_the_result(top_k):
    """The best rows are returned, unscored ones included where there is room."""
    result = Reranker(Lengths()).rerank(
        "q", table("a", "bb", "ccc", "dddd"), window=2, top_k=top_k
    )

    assert ids(result) == [2, 1, 3, 4][:top_k]


def test_window_of_rank():
    """`rank` scores the first documents, the rest follows unscored."""
    ranked = Reranker(Lengths(), window=2).rank("q", ["a", "bb", "ccc"])

    assert [(d.index, d.score) for d in ranked] == [(1, 2.0), (0, 1.0), (2, None)]


# Sizes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rrf", "dbsf", "relative", "convex", "bm25"])
@pytest.mark.parametrize("lists", [1, 2])
def test_zero_rows_in_zero_rows_out(name, lists):
    """An empty result keeps its columns and gains the score."""
    empty = table("a", _score=[1.0]).slice(0, 0)

    result = loaded(name).rerank("q", *[empty] * lists)

    assert len(result) == 0
    assert result.schema.names == ["_rowid", "text", "_score", "_relevance_score"]
    assert result.schema.field("_relevance_score").type == pa.float32()


@pytest.mark.parametrize("name", ["rrf", "dbsf", "relative", "convex", "bm25"])
def test_an_empty_list_beside_a_full_one_loses_nothing(name):
    """A leg that found nothing does not matter."""
    full = table("fox", "dog")

    assert ids(loaded(name).rerank("fox", full.slice(0, 0), full)) == [1, 2]


@pytest.mark.parametrize("name", ["rrf", "dbsf", "relative", "convex", "bm25"])
def test_one_row_stays_one_row(name):
    """A single row survives every merger and scorer."""
    result = loaded(name).rerank("a", table("a", _score=[2.0]))

    assert ids(result) == [1]
    assert shown(result)[0] > 0


def test_a_hundred_thousand_rows():
    """Large results are merged, scored in a window, and lose no row."""
    n = 100_000
    first = pa.table(
        {"_rowid": np.arange(n), "text": pa.array([f"t{i}" for i in range(n)])}
    )
    second = first.take(np.arange(n - 1, -1, -1))

    start = time.perf_counter()
    result = Reranker(Lengths()).rerank("q", first, second, window=100)
    took = time.perf_counter() - start

    assert len(result) == n
    assert len(set(ids(result))) == n
    assert took < 5


@pytest.mark.parametrize(
    "query", ["fox " * 25_000, "f" * 100_000, "fox\0", "🦊 fox", "فوكس fox", "fox\n\t"]
)
def test_any_query_that_is_not_blank_is_fine(query):
    """Long, odd and foreign queries are passed on as they are."""
    plugin = Lengths()

    Reranker(plugin).rank(query, ["a fox"])
    ranked = loaded("bm25").rank(query, ["a dog", "a fox"])

    assert plugin.asked[0]["query"] == query
    assert len(ranked) == 2


@pytest.mark.parametrize(
    ("query", "got"), [("", "''"), (" \n", "' \\n'"), (None, "NoneType"), (5, "int")]
)
@pytest.mark.parametrize("method", ["rerank", "rank", "score"])
def test_a_scorer_needs_a_query(query, got, method):
    """A blank query is refused before anything is asked of the plugin."""
    reranker = Reranker(Lengths())
    calls = {
        "rerank": lambda: reranker.rerank(query, table("a")),
        "rank": lambda: reranker.rank(query, ["a"]),
        "score": lambda: reranker.score(query, ["a"]),
    }

    with pytest.raises(resift.InputError) as caught:
        calls[method]()

    assert str(caught.value) == (
        f"Reranker 'Lengths' needs a query that is not blank, got {got}."
    )
    assert reranker.plugin.asked == []


def test_a_merger_needs_no_query():
    """A blank query is fine where nothing reads it."""
    assert ids(loaded("rrf").rerank("", table("a"))) == [1]


# What it is --------------------------------------------------------------------------


def test_what_a_plugin_declares_is_readable():
    """Kind of score, columns and the like are attributes of the reranker."""

    class Declared(Lengths):
        score_kind = "probability"
        columns = ("vector",)
        pointwise = True
        needs_text = False

    declared, plain, merger = Reranker(Declared()), Reranker(Fixed([])), loaded("rrf")

    assert declared.score_kind == "probability"
    assert declared.columns == ("vector",)
    assert declared.pointwise
    assert not declared.needs_text
    assert declared.reads_candidates
    assert plain.score_kind == "ordinal"
    assert plain.columns is None
    assert not plain.pointwise
    assert plain.needs_text
    assert not plain.reads_candidates
    assert merger.score_kind == "ordinal"


def test_many_threads_may_use_one_reranker():
    """Calls do not disturb each other."""
    reranker = loaded("bm25")
    results = [table(*(f"fox {j}" for j in range(i, i + 5))) for i in range(64)]

    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda i: reranker.rerank(f"fox {i}", results[i]), range(64))
        )

    assert [ids(result)[0] for result in found] == [1] * 64
    assert [result["text"][0].as_py() for result in found] == [
        f"fox {i}" for i in range(64)
    ]
