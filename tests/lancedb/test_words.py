"""What stands in the wrong place gets words that say what to do."""

from __future__ import annotations

import asyncio

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS
from lancedb.rerankers import (
    JinaReranker,
    LinearCombinationReranker,
    MRRReranker,
    Reranker,
    RRFReranker,
)

import resift
import resift.lancedb
from resift.errors import InputError
from resift.notes import notes_of

NEAR = [1.0, 0.0]
NOT_SEARCHED = (
    "search: vector column 'vector' was not searched, for want of an embedding "
    "function. Give the query vector, vectors={'vector': vector}, or vectors=False for "
    "none"
)


# Tables and queries ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            lambda table: table.search("apple"),
            "search: table must be a LanceDB table, got LanceFtsQueryBuilder. Pass the "
            "table itself: search builds the queries of its legs.",
        ),
        (
            lambda table: table.to_arrow(),
            "search: table must be a LanceDB table, got Table. Open one: "
            "lancedb.connect(path).open_table(name).",
        ),
        (
            lambda table: table.uri,
            "search: table must be a LanceDB table, got str. Open one: "
            "lancedb.connect(path).open_table(name).",
        ),
    ],
)
def test_what_is_no_table_is_told(table, place, message):
    """A query, a result or a path where the table is meant, in both searches."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(place(table), "apple")
    with pytest.raises(InputError) as same:
        asyncio.run(resift.lancedb.asearch(place(table), "apple"))

    assert str(error.value) == str(same.value) == message


def test_an_awaitable_in_the_place_of_a_table_is_told(table):
    """`open_table` of an async database must be awaited."""

    async def run(search):
        db = await lancedb.connect_async(table.uri.rpartition("/")[0])
        opening = db.open_table("rows")
        try:
            await search(opening, "apple")
        finally:
            opening.close()

    async def sync(opening, query):
        return resift.lancedb.search(opening, query)

    for search in (resift.lancedb.asearch, sync):
        with pytest.raises(InputError) as error:
            asyncio.run(run(search))
        assert str(error.value) == (
            "search: table must be a LanceDB table, got coroutine. Await it first: "
            "table = await db.open_table(name)."
        )


def test_an_async_table_is_for_asearch(table):
    """The sync search names the async one."""

    async def run():
        db = await lancedb.connect_async(table.uri.rpartition("/")[0])
        resift.lancedb.search(await db.open_table("rows"), "apple")

    with pytest.raises(InputError) as error:
        asyncio.run(run())

    assert str(error.value) == (
        "search: the table is async. Search it with 'await "
        "resift.lancedb.asearch(table, query)'."
    )


@pytest.mark.parametrize("query", [NEAR, np.array(NEAR), 5, b"apple"])
def test_a_query_is_text(table, query):
    """A vector in its place is sent to `vectors`."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, query)

    assert str(error.value) == (
        "search: query must be text or a full-text query object, got "
        f"{type(query).__name__}. Give a vector as vectors={{column: vector}}."
    )


def test_a_query_builder_is_no_query(table):
    """It is told that the query must be text."""
    with pytest.raises(InputError, match="got LanceVectorQueryBuilder"):
        resift.lancedb.search(table, table.search(NEAR))


def test_awaitables_and_tables_are_no_results(table):
    """`rerank_multivector` names the call that makes results of them."""
    reranker = resift.lancedb.load("rrf")

    async def run():
        db = await lancedb.connect_async(table.uri.rpartition("/")[0])
        opened = await db.open_table("rows")
        running = opened.vector_search(NEAR).to_arrow()
        try:
            reranker.rerank_multivector([running])
        finally:
            running.close()

    with pytest.raises(InputError) as awaitable:
        asyncio.run(run())
    with pytest.raises(InputError) as whole:
        reranker.rerank_multivector([table])

    assert str(awaitable.value) == (
        "rerank_multivector cannot run an async query. Pass the result of 'await "
        "query.to_arrow()'."
    )
    assert str(whole.value) == (
        "rerank_multivector: a result must be a query or its Arrow table, got a "
        "LanceDB table. Search it: table.search(vector).with_row_id(True)."
    )


# Vectors that are not searched -------------------------------------------------------


def test_vectors_that_are_not_searched_are_noted(table):
    """Full text alone is not silently what was searched."""
    page = resift.lancedb.search(table, "apple")
    chosen = resift.lancedb.search(table, "apple", vectors=False)

    assert notes_of(page) == [NOT_SEARCHED]
    assert notes_of(chosen) == []
    assert chosen["id"].equals(page["id"])


def test_each_vector_column_without_a_function_is_noted(embedding_table, rows):
    """One is searched, the other is named."""
    wide = rows.append_column("other", rows["vector"]).append_column(
        "third", rows["vector"]
    )
    function = embedding_table.embedding_functions["vector"].function
    config = lancedb.embeddings.EmbeddingFunctionConfig(
        vector_column="vector", source_column="text", function=function
    )
    database = lancedb.connect(embedding_table.uri.rpartition("/")[0])
    table = database.create_table("wide", wide, embedding_functions=[config])

    page = resift.lancedb.search(table, "apple")

    assert notes_of(page) == [
        "search: vector columns 'other', 'third' were not searched, for want of an "
        "embedding function. Give the query vector, vectors={'other': vector}, or "
        "vectors=False for none"
    ]


def test_vectors_that_were_asked_for_and_cannot_be_searched_are_an_error(table):
    """`vectors=True` is never answered by full text alone."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", vectors=True)

    assert str(error.value) == (
        "search: vectors=True needs an embedding function, and no vector column has "
        "one. Vector columns: ['vector']. Give the query vector: vectors={column: "
        "vector}."
    )


# LanceDB's own rerankers -------------------------------------------------------------


@pytest.mark.parametrize(
    "theirs",
    [
        RRFReranker(K=10),
        MRRReranker(weight_vector=0.2, weight_fts=0.8),
        LinearCombinationReranker(weight=0.4),
        RRFReranker(return_score="all"),
    ],
    ids=str,
)
def test_lancedbs_fusion_is_taken(table, theirs):
    """Its order and scores, in a hybrid query through the adapter, and in a search."""

    def hybrid(reranker):
        query = table.search(query_type="hybrid").vector(NEAR).text("apple").limit(8)
        return query.rerank(reranker).to_arrow()

    expected = hybrid(theirs)
    ours = hybrid(resift.lancedb.load(theirs))
    page = resift.lancedb.search(table, "apple", vectors=NEAR, reranker=theirs)

    assert ours["id"].equals(expected["id"])
    assert set(ours.column_names) == set(expected.column_names)
    np.testing.assert_allclose(
        ours["_relevance_score"].to_numpy(),
        expected["_relevance_score"].to_numpy(),
        atol=1e-6,
    )
    assert page["id"].to_pylist()[:2] == expected["id"].to_pylist()[:2]
    assert ("_distance" in page.column_names) == (theirs.score == "all")


class Own(Reranker):
    def rerank_hybrid(self, query, vector_results, fts_results):
        return vector_results


@pytest.mark.parametrize(
    ("theirs", "remedy"),
    [
        (
            JinaReranker(api_key="k"),
            "JinaReranker. Load the resift reranker for the same model by its name; "
            "the page on migration has a row for each. A class of your own becomes a "
            "function (query, documents) -> scores.",
        ),
        (
            Own(),
            "Own. Load the resift reranker for the same model by its name; the page on "
            "migration has a row for each. A class of your own becomes a function "
            "(query, documents) -> scores.",
        ),
        (RRFReranker, "RRFReranker. Pass an instance: RRFReranker()."),
        (
            LinearCombinationReranker(fill=0.5),
            "LinearCombinationReranker. Only fill=1.0 has an equal here: "
            "load('convex', alpha=weight).",
        ),
    ],
)
def test_lancedbs_models_are_refused_in_words(table, theirs, remedy):
    """The way here is named, not an attribute that is missing."""
    with pytest.raises(InputError) as searched:
        resift.lancedb.search(table, "apple", reranker=theirs)
    with pytest.raises(InputError) as loaded:
        resift.lancedb.load(theirs)

    said = f"reranker must be one of resift's, got LanceDB's {remedy}"
    assert str(searched.value) == f"search: {said}"
    assert str(loaded.value) == f"resift.lancedb.load: {said}"


def test_an_adapter_is_not_adapted_again():
    """What LanceDB takes already is not wrapped."""
    with pytest.raises(InputError) as error:
        resift.lancedb.load(resift.lancedb.load("rrf"))

    assert str(error.value) == (
        "resift.lancedb.load: this is what LanceDB's .rerank() takes. Use it."
    )


# Two tables --------------------------------------------------------------------------


@pytest.fixture
def teams(tmp_path, rows):
    """Return searches of two tables whose row ids are equal by chance."""
    database = lancedb.connect(tmp_path)
    one = database.create_table("one", rows.slice(0, 4))
    two = database.create_table("two", rows.slice(4, 4))
    return lambda: [table.search(NEAR).limit(4) for table in (one, two)]


@pytest.mark.parametrize(
    ("name", "options"), [("rrf", {}), ("bm25", {"deduplicate": True}), ("bm25", {})]
)
def test_rows_of_two_tables_are_never_one(teams, name, options):
    """A row id is one of its table: no row is lost."""
    got = resift.lancedb.load(name).rerank_multivector(teams(), "apple", **options)

    assert sorted(got["id"].to_pylist()) == list(range(8))
    assert "_source_rowid" not in got.column_names


def test_two_handles_on_a_table_are_one_table(table):
    """Its rows are the same, however often it was opened."""
    again = lancedb.connect(table.uri.rpartition("/")[0]).open_table("rows")
    searches = [each.search(NEAR).limit(8) for each in (table, again)]

    got = resift.lancedb.load("rrf").rerank_multivector(searches)

    assert sorted(got["id"].to_pylist()) == list(range(8))


def test_is_vector_is_public():
    """A plugin asks it which columns hold vectors."""
    vector = pa.list_(pa.float32(), 2)

    assert resift.lancedb.is_vector(vector)
    assert resift.lancedb.is_vector(pa.list_(vector))
    assert not resift.lancedb.is_vector(pa.list_(pa.float32()))


def test_an_index_of_words_and_vectors_that_were_given_need_no_note(table):
    """Where vectors are given, nothing is missing."""
    table.create_index("text", config=FTS(), name="again")

    assert notes_of(resift.lancedb.search(table, "apple", vectors=NEAR)) == []
