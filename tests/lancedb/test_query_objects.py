"""Full-text query objects: what a model reads of them, and which leg they are."""

from __future__ import annotations

import asyncio

import lancedb
import polars as pl
import pyarrow as pa
import pytest
from lancedb.index import FTS
from lancedb.query import (
    BooleanQuery,
    BoostQuery,
    MatchQuery,
    MultiMatchQuery,
    Occur,
    PhraseQuery,
)

import resift
import resift.lancedb
from resift.errors import InputError
from resift.lancedb.engine import query_text, searched_by

FOX = MatchQuery("fox", "title")


@pytest.fixture
def titled(tmp_path):
    """Return a table with three full-text indexes; only one column has the word."""
    rows = pa.table(
        {
            "title": ["red fox", "owl", "hen"],
            "text": ["one", "two", "three"],
            "body": ["a", "b", "c"],
            "vector": pa.array([[1, 0], [0, 1], [0, 1]], pa.list_(pa.float32(), 2)),
        }
    )
    table = lancedb.connect(tmp_path).create_table("titled", rows)
    for column in ("title", "text", "body"):
        table.create_index(column, config=FTS(with_position=True))
    return table


@pytest.mark.parametrize(
    ("query", "text", "columns"),
    [
        (FOX, "fox", ["title"]),
        (PhraseQuery("red fox", "title"), "red fox", ["title"]),
        (MultiMatchQuery("fox", ["title", "text"]), "fox", ["title", "text"]),
        (BoostQuery(FOX, MatchQuery("hen", "text")), "fox", ["title"]),
        (
            BooleanQuery(
                [
                    (Occur.MUST, FOX),
                    (Occur.SHOULD, MatchQuery("fox", "text")),
                    (Occur.SHOULD, MatchQuery("den", "text")),
                    (Occur.MUST_NOT, MatchQuery("hen", "body")),
                ]
            ),
            "fox den",
            ["title", "text", "text"],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_query_object_is_words_and_columns(query, text, columns):
    """A model reads what is looked for, each word's query once; nothing avoided."""
    assert query_text(query) == text
    assert searched_by(query) == columns


@pytest.mark.parametrize(
    ("query", "text"),
    [('"red fox"', "red fox"), ('"a" "b"', '"a" "b"'), ('say "hi"', 'say "hi"')],
)
def test_a_phrase_is_read_without_its_quotes(query, text):
    """They are syntax, which LanceDB hands over in an async search."""
    assert query_text(query) == text


@pytest.mark.parametrize("fts", [None, "title", ["title"]])
def test_a_query_object_is_one_leg(titled, fts):
    """LanceDB reads its columns from it, so every index would give the same rows."""
    options = {"vectors": [1.0, 0.0], "fts": fts, "explain": True}

    page = resift.lancedb.search(titled, FOX, **options)

    ranks = [name for name in page.column_names if name.endswith("_rank")]
    assert ranks == ["_vector_rank", "_title_rank", "_merged_rank"]
    assert page["title"][0].as_py() == "red fox"
    assert page["_relevance_score"][0].as_py() == pytest.approx(2 / 61)


def test_a_query_of_several_columns_is_one_leg_too(titled):
    """It has no single column to be called after."""
    query = MultiMatchQuery("fox", ["title", "text"])

    page = resift.lancedb.search(titled, query, explain=True)

    assert "_fts_rank" in page.column_names
    assert page["title"].to_pylist() == ["red fox"]


def test_columns_that_contradict_the_query_object_are_refused(titled):
    """LanceDB would not listen."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(titled, FOX, fts=["title", "body"])

    assert str(error.value) == (
        "search: the query searches ['title'], and fts names ['title', 'body']. Leave "
        "fts out where the query is an object."
    )


def test_a_query_object_needs_an_index_on_its_column(titled):
    """Told before the search, in the words used for a column that is named."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(titled, MatchQuery("fox", "vector"))

    assert str(error.value) == (
        "search: column 'vector' has no full-text index. "
        "Indexed: ['body', 'text', 'title']. "
        "Create one with table.create_index('vector', config=FTS())."
    )


def _rerank(tmp_path, query, reranker):
    async def run():
        table = await (await lancedb.connect_async(tmp_path)).open_table("titled")
        builder = (await table.search(query, query_type="fts")).limit(3)
        return await builder.rerank(reranker).to_arrow()

    return asyncio.run(run())


def test_an_async_phrase_reaches_the_model_without_quotes(titled, tmp_path, longest):
    """LanceDB hands over the phrase as it would be typed."""
    _rerank(tmp_path, PhraseQuery("red fox", "title"), resift.lancedb.load(longest))

    assert longest.queries == ["red fox"]


def test_a_query_that_lancedb_lost_is_told(titled, tmp_path, longest):
    """The message says what to call instead."""
    query = BooleanQuery([(Occur.MUST, FOX)])

    with pytest.raises(InputError) as error:
        _rerank(tmp_path, query, resift.lancedb.load(longest))

    assert str(error.value) == (
        "Reranker 'Longest' must score, but LanceDB handed over no text of the query. "
        "An async search loses that of a BooleanQuery: use "
        "resift.lancedb.asearch(table, query), or search with a string."
    )


def test_equal_scores_come_in_the_order_of_row_ids(tmp_path):
    """LanceDB's own order of ties changes from call to call once rows were added."""
    rows = pa.table({"id": range(10), "text": ["red fox"] * 10})
    table = lancedb.connect(tmp_path).create_table("ties", rows)
    table.create_index("text", config=FTS())
    table.add(pa.table({"id": range(10, 20), "text": ["red fox"] * 10}))

    for _ in range(20):
        pages = [
            resift.lancedb.search(table, "fox", limit=5, offset=offset)
            for offset in (0, 5, 10, 15)
        ]
        found = [id for page in pages for id in page["id"].to_pylist()]
        assert sorted(found) == list(range(20))


def test_results_of_several_searches_may_be_frames():
    """A polars frame has a `limit` and a `to_arrow`, and is no query all the same."""
    frame = pl.DataFrame({"_rowid": [1, 2], "text": ["a", "b"]})

    merged = resift.lancedb.load("rrf").rerank_multivector([frame, frame[::-1]])

    assert merged["text"].to_pylist() == ["a", "b"]
