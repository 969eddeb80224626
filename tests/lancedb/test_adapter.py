"""`resift.lancedb.load`: what LanceDB's own rerankers do, without their defects."""

from __future__ import annotations

import asyncio
import pickle
import time

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS
from lancedb.query import BooleanQuery, BoostQuery, MatchQuery, Occur, PhraseQuery
from lancedb.rerankers import (
    LinearCombinationReranker,
    MRRReranker,
    RRFReranker,
)

import resift
import resift.lancedb
from resift.errors import InputError
from resift.lancedb.engine import query_text


def hybrid(table, vector, text, reranker, limit=8):
    query = table.search(query_type="hybrid").vector(vector).text(text).limit(limit)
    return query.rerank(reranker).to_arrow()


# Parity ----------------------------------------------------------------------------


@pytest.mark.parametrize("return_score", ["relevance", "all"])
@pytest.mark.parametrize("text", ["red apple", "fox", "zebra"])
def test_rrf_equals_lancedbs_own(table, query_vector, text, return_score):
    """`rrf` gives LanceDB's table, cell by cell, for full, thin and empty legs."""
    ours = resift.lancedb.load("rrf", return_score=return_score)
    theirs = RRFReranker(return_score=return_score)

    assert hybrid(table, query_vector, text, ours).equals(
        hybrid(table, query_vector, text, theirs)
    )


def test_mrr_is_rrf_without_k(table, query_vector):
    """`rrf` with k = 0 orders and scores as MRRReranker, times its two weights."""
    ours = hybrid(table, query_vector, "red apple", resift.lancedb.load("rrf", k=0))
    theirs = hybrid(table, query_vector, "red apple", MRRReranker())

    assert ours["id"].equals(theirs["id"])
    np.testing.assert_allclose(
        ours["_relevance_score"].to_numpy() / 2, theirs["_relevance_score"].to_numpy()
    )


def test_convex_is_the_linear_combination(table, query_vector):
    """`convex` scores as LinearCombinationReranker does inside a query."""
    ours = hybrid(table, query_vector, "red apple", resift.lancedb.load("convex"))
    theirs = hybrid(table, query_vector, "red apple", LinearCombinationReranker())

    np.testing.assert_allclose(
        ours["_relevance_score"].to_numpy(),
        theirs["_relevance_score"].to_numpy(),
        atol=1e-6,
    )


def test_rrf_multivector_equals_lancedbs_own(table):
    """Several vector searches merge to LanceDB's table; duplicates always go."""
    results = [
        table.search(vector).with_row_id(True).limit(5).to_arrow()
        for vector in ([1.0, 0.0], [0.0, 1.0], [0.7, 0.7])
    ]

    ours = resift.lancedb.load("rrf").rerank_multivector(results)

    assert ours.equals(RRFReranker().rerank_multivector(results))


@pytest.mark.parametrize(("deduplicate", "n"), [(False, 15), (True, 8)])
def test_the_multivector_quickstart_works(table, longest, deduplicate, n):
    """A scorer returns 15 rows for 15, or one per row id when asked."""
    builders = [
        table.search(vector).with_row_id(True).limit(5)
        for vector in ([1.0, 0.0], [0.0, 1.0], [0.7, 0.7])
    ]

    reranked = resift.lancedb.load(longest).rerank_multivector(
        builders, "apple", deduplicate=deduplicate
    )

    assert len(reranked) == n
    assert reranked["_relevance_score"].to_pylist() == sorted(
        reranked["_relevance_score"].to_pylist(), reverse=True
    )


def test_builders_and_their_results_give_equal_tables(table, longest):
    """A list of builders is the same as the list of what they return."""

    def builders():
        return [
            table.search(vector).with_row_id(True).limit(5)
            for vector in ([1.0, 0.0], [0.0, 1.0])
        ]

    reranker = resift.lancedb.load(longest)

    from_builders = reranker.rerank_multivector(builders(), "apple")

    results = [builder.to_arrow() for builder in builders()]
    assert from_builders.equals(reranker.rerank_multivector(results, "apple"))


def test_vector_search_keeps_every_row_and_column(table, longest, query_vector):
    """A vector search reranked has its rows, its columns and the relevance score."""
    plain = table.search(query_vector).limit(6).to_arrow()

    reranked = (
        table.search(query_vector)
        .rerank(resift.lancedb.load(longest), query_string="apple")
        .limit(6)
        .to_arrow()
    )

    expected = [n for n in plain.column_names if n != "_distance"]
    assert reranked.column_names == [*expected, "_relevance_score"]
    assert sorted(reranked["id"].to_pylist()) == sorted(plain["id"].to_pylist())


def test_full_text_search_is_reranked(table, longest):
    """`search(query).limit(10).rerank(reranker)` sorts by the reranker's score."""
    reranked = (
        table.search("apple", query_type="fts")
        .limit(10)
        .rerank(resift.lancedb.load(longest))
        .to_arrow()
    )

    assert reranked["text"].to_pylist() == [
        "a red apple and a green apple",
        "an apple a day",
    ]


def test_load_takes_a_name_an_object_and_a_function(longest):
    """Whatever can be a reranker can go to LanceDB."""
    named = resift.lancedb.load("bm25", k1=1.5)
    built = resift.lancedb.load(resift.Reranker(longest))
    function = resift.lancedb.load(lambda query, documents: [0.0] * len(documents))

    for reranker in (named, built, function):
        assert isinstance(reranker, lancedb.rerankers.Reranker)
        assert isinstance(reranker.reranker, resift.Reranker)
    assert str(named) == "resift:bm25"


def test_options_need_a_name(longest):
    """Options for a reranker that is built already are refused."""
    with pytest.raises(InputError) as error:
        resift.lancedb.load(longest, top_k=3)

    assert str(error.value) == (
        "resift.lancedb.load: 'top_k' only works with a name. Set it where the "
        "reranker is built."
    )


def test_return_score_is_checked():
    """`return_score` is LanceDB's, and so is its error."""
    with pytest.raises(ValueError, match="must be either"):
        resift.lancedb.load("rrf", return_score="some")


def test_it_pickles():
    """A LanceDB reranker crosses a process boundary."""
    copy = pickle.loads(pickle.dumps(resift.lancedb.load("rrf", return_score="all")))

    assert copy.score == "all"
    assert copy.reranker.name == "rrf"


# Defects of LanceDB's rerankers, each with its regression test -----------------------


@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_a_single_keyword_hit_counts(table, query_vector, alpha):
    """The only row that holds the word comes first, not last."""
    reranker = resift.lancedb.load("convex", alpha=alpha)

    reranked = hybrid(table, query_vector, "cat", reranker)

    assert reranked["text"][0].as_py() == "cat"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (MatchQuery("red apple", "text"), "red apple"),
        (PhraseQuery("red apple", "text"), "red apple"),
        (
            BooleanQuery(
                [
                    (Occur.MUST, MatchQuery("red", "text")),
                    (Occur.SHOULD, MatchQuery("apple", "text")),
                    (Occur.MUST_NOT, MatchQuery("whale", "text")),
                ]
            ),
            "red apple",
        ),
        (
            BoostQuery(MatchQuery("red", "text"), MatchQuery("tea", "text")),
            "red",
        ),
        (None, ""),
    ],
)
def test_query_objects_reach_the_reranker_as_text(query, text):
    """A full-text query object becomes the words it looks for."""
    assert query_text(query) == text


def test_a_match_query_is_reranked(table, longest):
    """A search by query object hands the reranker a string."""
    reranker = resift.lancedb.load(longest)

    table.search(MatchQuery("apple", "text"), query_type="fts").limit(5).rerank(
        reranker
    ).to_arrow()

    assert longest.queries == ["apple"]


def test_the_order_does_not_depend_on_the_plugin(table):
    """Scores decide the order: a plugin cannot return rows unsorted."""
    reranker = resift.lancedb.load(lambda query, documents: range(len(documents)))

    scores = (
        table.search([1.0, 0.0])
        .limit(5)
        .rerank(reranker, query_string="x")
        .to_arrow()["_relevance_score"]
        .to_pylist()
    )

    assert scores == [4.0, 3.0, 2.0, 1.0, 0.0]


def test_duplicates_in_one_list_do_not_add_up():
    """A row id twice in one list counts once, at its best rank."""
    ids = pa.array([1, 1, 2], pa.uint64())
    vector = pa.table({"_rowid": ids, "text": ["a", "a", "b"]})
    fts = pa.table({"_rowid": pa.array([2, 3], pa.uint64()), "text": ["b", "c"]})

    merged = resift.lancedb.load("rrf").rerank_hybrid("x", vector, fts)

    assert merged["_rowid"].to_pylist() == [2, 1, 3]


def test_a_text_is_sent_once(table, longest):
    """Rows that come back from several searches are scored once."""
    results = [table.search([1.0, 0.0]).limit(4).to_arrow() for _ in range(3)]

    reranked = resift.lancedb.load(longest).rerank_multivector(results, "apple")

    assert [len(texts) for texts in longest.sent] == [4]
    assert len(reranked) == 12


def test_results_can_be_reranked_twice(table, longest):
    """A `_relevance_score` that is there already is replaced."""
    once = resift.lancedb.load("rrf").rerank_vector(
        "x", table.search([1.0, 0.0]).limit(4).to_arrow()
    )

    twice = resift.lancedb.load(longest).rerank_vector("x", once)

    assert twice.column_names == once.column_names


def test_null_text_follows_unscored(tmp_path, longest):
    """A row without text is kept, last and with a null score; it is never sent."""
    rows = pa.table(
        {
            "text": pa.array(["fox", None, "  ", "a longer fox"]),
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(np.linspace(1, 2, 8, dtype=np.float32)), 2
            ),
        }
    )
    table = lancedb.connect(tmp_path).create_table("nulls", rows)

    reranked = (
        table.search([1.0, 1.0])
        .limit(4)
        .rerank(resift.lancedb.load(longest), query_string="fox")
        .to_arrow()
    )

    assert longest.sent == [["fox", "a longer fox"]]
    assert reranked["text"].to_pylist() == ["a longer fox", "fox", None, "  "]
    assert reranked["_relevance_score"].to_pylist() == [12.0, 3.0, None, None]


def test_a_missing_text_column_says_what_to_do(table):
    """A search that does not select the text column gets an error that names it."""
    query = table.search([1.0, 0.0]).select(["id"]).limit(2)

    with pytest.raises(InputError) as error:
        query.rerank(resift.lancedb.load("bm25"), query_string="x").to_arrow()

    assert str(error.value) == (
        "Reranker 'bm25' (resift 0.1.0): the results have no text column 'text'. "
        "Columns: 'id', '_distance'. Name the right one with text=..., and select it "
        "in the search."
    )


def test_a_column_that_is_not_text_is_refused(table):
    """Numbers are not documents."""
    reranker = resift.lancedb.load("bm25", column="id")

    with pytest.raises(InputError) as error:
        table.search([1.0, 0.0]).limit(2).rerank(reranker, query_string="x").to_arrow()

    assert str(error.value) == (
        "Reranker 'bm25' (resift 0.1.0): the text column 'id' must hold strings, got "
        "int32. Name another with text=..., or cast it."
    )


def test_no_results_at_all_is_an_error():
    """An empty list of searches has nothing to rerank."""
    with pytest.raises(InputError) as error:
        resift.lancedb.load("rrf").rerank_multivector([])

    assert str(error.value) == (
        "rerank_multivector: give at least one result, got an empty list."
    )


def test_a_missing_row_id_is_noticed_before_the_model_runs(table, longest):
    """Deduplication without row ids fails at once, not after scoring."""
    results = [table.search([1.0, 0.0]).limit(4).to_arrow()]

    with pytest.raises(InputError) as error:
        resift.lancedb.load(longest).rerank_multivector(results, "x", deduplicate=True)

    assert str(error.value) == (
        "rerank_multivector: result 1 has no '_rowid', which deduplicate=True needs. "
        "Search with .with_row_id(True)."
    )
    assert longest.sent == []


def test_full_text_and_vector_builders_mix(table, longest):
    """Searches of any kind, run or not, can be reranked together."""
    results = [
        table.search([1.0, 0.0]).limit(2),
        table.search("apple", query_type="fts").limit(2),
        table.search([0.0, 1.0]).limit(2).to_arrow(),
    ]

    reranked = resift.lancedb.load(longest).rerank_multivector(results, "apple")

    assert len(reranked) == 6


def test_an_async_query_cannot_be_run_here(tmp_path, rows):
    """An async builder in a list is refused with the way out."""

    async def run():
        db = await lancedb.connect_async(tmp_path)
        table = await db.create_table("rows", rows)
        query = table.query().nearest_to([1.0, 0.0])
        resift.lancedb.load("rrf").rerank_multivector([query])

    with pytest.raises(InputError) as error:
        asyncio.run(run())

    assert str(error.value) == (
        "rerank_multivector cannot run an async query. Pass the result of 'await "
        "query.to_arrow()'."
    )


def test_all_scores_keep_their_types(table, longest, query_vector):
    """`return_score="all"` changes the type of no column."""
    plain = table.search(query_vector).with_row_id(True).limit(3).to_arrow()
    reranker = resift.lancedb.load(longest, return_score="all")

    query = table.search(query_vector).limit(3).rerank(reranker, query_string="x")

    reranked = query.to_arrow()
    for field in plain.schema:
        assert reranked.schema.field(field.name).type == field.type


def test_missing_scores_are_null_not_nan(table, query_vector):
    """A row that no full-text leg found has a null `_score`."""
    reranker = resift.lancedb.load("convex", return_score="all")

    scores = hybrid(table, query_vector, "cat", reranker)["_score"]

    assert scores.null_count == 7
    assert not np.isnan(scores.drop_null().to_numpy()).any()


def test_async_queries_are_reranked(tmp_path, rows, longest):
    """The same reranker works on an async table: vector, full text and hybrid."""

    async def run():
        db = await lancedb.connect_async(tmp_path)
        table = await db.create_table("rows", rows)
        await table.create_index("text", config=FTS())
        reranker = resift.lancedb.load(longest)
        nearest = table.query().nearest_to([1.0, 0.0])
        return [
            await nearest.limit(4).rerank(reranker, query_string="apple").to_arrow(),
            await table.query()
            .nearest_to_text("apple")
            .limit(4)
            .rerank(reranker)
            .to_arrow(),
            await table.query()
            .nearest_to([1.0, 0.0])
            .nearest_to_text("apple")
            .limit(4)
            .rerank(reranker)
            .to_arrow(),
        ]

    vector, text, both = asyncio.run(run())

    assert (len(vector), len(text), len(both)) == (4, 2, 4)
    assert both["text"][0].as_py() == "a red apple and a green apple"


def test_arerank_leaves_the_event_loop_free(table):
    """Four slow rerankings run side by side while the loop keeps ticking."""

    def slow(query, documents):
        time.sleep(0.3)
        return [0.0] * len(documents)

    rows = table.search([1.0, 0.0]).limit(4).to_arrow()
    reranker = resift.Reranker(slow)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    async def run():
        ticker = asyncio.create_task(tick())
        calls = [reranker.arerank("x", rows, id=None) for _ in range(4)]
        tables = await asyncio.gather(*calls)
        ticker.cancel()
        return tables

    tables = asyncio.run(run())

    assert [len(table) for table in tables] == [4, 4, 4, 4]
    assert ticks >= 5
