"""`select` takes all that LanceDB's does; names that it quotes are plain here."""

from __future__ import annotations

import asyncio

import lancedb
import pyarrow as pa
import pytest
from lancedb.expr import col, lit
from lancedb.index import FTS
from lancedb.query import BooleanQuery, MatchQuery, MultiMatchQuery, Occur

import resift.lancedb
from resift.errors import InputError

NEAR = [1.0, 0.0]


@pytest.fixture
def odd(tmp_path, rows):
    """Return a table whose names LanceDB quotes: spaces, hyphens, fields of structs."""
    meta = [{"title": text, "Sub T": text} for text in rows["text"].to_pylist()]
    named = pa.table(
        {
            "id": rows["id"],
            "Body Text": rows["text"],
            "body-text": rows["text"],
            "meta": pa.array(meta),
            "My Vector": rows["vector"],
        }
    )
    table = lancedb.connect(tmp_path).create_table("odd", named)
    for name in ("Body Text", "body-text", "meta.title", "meta.`Sub T`"):
        table.create_index(name, config=FTS(stem=False, remove_stop_words=False))
    return table


def both(table, query, **options):
    """Return what a search finds, sync and async alike."""
    found = resift.lancedb.search(table, query, **options)

    async def run():
        db = await lancedb.connect_async(table.uri.rpartition("/")[0])
        opened = await db.open_table(table.name)
        return await resift.lancedb.asearch(opened, query, **options)

    assert asyncio.run(run()).equals(found)
    return found


@pytest.mark.parametrize(
    "name", ["Body Text", "`Body Text`", "body-text", "meta.title", "meta.Sub T"]
)
def test_quoted_names_work_everywhere(odd, name):
    """In fts, weights, text, select and query objects, quoted or plain."""
    plain = name.replace("`", "")

    page = both(
        odd,
        "apple",
        vectors={"My Vector": NEAR},
        fts=name,
        weights={name: 2},
        text=name,
        select=[name, "id"],
        reranker="bm25",
        limit=2,
        explain=True,
    )
    by_query = both(odd, MatchQuery("apple", name), vectors=False)

    assert page.column_names[:2] == [plain, "id"]
    assert page["id"].to_pylist() == [1, 7]
    assert f"_{plain}_rank" in page.column_names
    assert by_query["id"].to_pylist() == [1, 7]


def test_query_objects_of_several_columns_are_read(odd):
    """The columns that a query object names are plain, however they are quoted."""
    several = MultiMatchQuery("apple", ["`Body Text`", "body-text"])
    both_words = BooleanQuery(
        [(Occur.MUST, MatchQuery("apple", "Body Text")), (Occur.SHOULD, several)]
    )

    for query in (several, both_words):
        page = resift.lancedb.search(
            odd, query, vectors=False, fts=["Body Text", "body-text"]
        )
        assert page["id"].to_pylist() == [1, 7]


def test_every_index_of_a_table_is_a_leg(odd):
    """By default each indexed column is searched once, called by its plain name."""
    page = both(odd, "apple", vectors=False, explain=True)

    ranks = [name for name in page.column_names if name.endswith("_rank")]
    assert ranks == [
        "_Body Text_rank",
        "_body-text_rank",
        "_meta.Sub T_rank",
        "_meta.title_rank",
        "_merged_rank",
    ]


def test_two_indexes_on_a_column_are_one_leg(table):
    """A column is searched once, however often it is indexed."""
    table.create_index("text", config=FTS(with_position=True), name="phrases")

    page = resift.lancedb.search(table, "apple", vectors=False, explain=True)
    twice = resift.lancedb.search(
        table, "apple", vectors=False, fts=["text", "text"], explain=True
    )

    assert [n for n in page.column_names if n.endswith("_rank")] == [
        "_text_rank",
        "_merged_rank",
    ]
    assert twice.equals(page)


def test_a_mapping_computes_columns(table):
    """SQL and LanceDB's expressions are evaluated by LanceDB, for every leg."""
    options = {"vectors": NEAR, "limit": 2}
    sql = {"double": "id * 2", "text": "upper(text)"}

    page = both(table, "apple", select=sql, **options)
    more = both(table, "apple", select={"more": col("id") + lit(1)}, **options)

    assert page.column_names == ["double", "text", "_relevance_score"]
    assert page["double"].to_pylist() == [2, 14]
    assert more["more"].to_pylist() == [2, 8]
    assert page["text"][0].as_py() == "A RED APPLE AND A GREEN APPLE"


def test_a_reranker_reads_the_text_that_is_not_selected(table, longest):
    """A column that only the reranker needs is fetched, and not shown."""
    page = both(
        table,
        "apple",
        vectors=NEAR,
        select={"double": "id * 2"},
        reranker=resift.Reranker(longest),
        limit=1,
    )

    assert page.column_names == ["double", "_relevance_score"]
    assert page["double"].to_pylist() == [2]


def test_scores_of_the_legs_may_be_selected(table):
    """`_distance` and `_score` come as LanceDB computes them, null where not found."""
    page = both(
        table, "apple", vectors=NEAR, select=["id", "_score", "_distance"], limit=3
    )

    assert page.column_names == ["id", "_score", "_distance", "_relevance_score"]
    assert page["id"].to_pylist() == [1, 7, 0]
    assert page["_score"].null_count == 1
    assert page["_distance"][2].as_py() == 0


def test_scores_of_the_legs_may_be_computed_with(table):
    """An expression of a score is for the legs that have it."""
    page = both(
        table,
        "apple",
        vectors=NEAR,
        select={"near": "1 - _distance", "id": "id"},
        limit=3,
    )

    assert page["id"].to_pylist()[:3] == [1, 7, 0]
    assert page["near"][2].as_py() == 1


def test_vectors_in_structs_are_searched_and_taken(tmp_path, rows):
    """A vector column may be a field of a struct."""
    inner = pa.StructArray.from_arrays(
        [rows["vector"].combine_chunks(), rows["text"].combine_chunks()], ["vec", "t"]
    )
    nested = lancedb.connect(tmp_path).create_table(
        "nested", pa.table({"id": rows["id"], "inner": inner})
    )

    page = both(
        nested, "", vectors={"inner.vec": NEAR}, select=["id", "inner.vec"], limit=1
    )

    assert page.column_names == ["id", "inner.vec", "_relevance_score"]
    assert page["inner.vec"].to_pylist() == [[1.0, 0.0]]


@pytest.mark.parametrize("own", ["_distance", "_score"])
def test_a_stored_score_never_beats_the_legs_own(tmp_path, rows, own):
    """A stored `_distance` or `_score` is payload, `_relevance_score` is replaced."""
    stored = pa.array([float(100 - i) for i in range(len(rows))], pa.float32())
    saved = rows.append_column(own, stored).append_column("_relevance_score", stored)
    table = lancedb.connect(tmp_path).create_table("saved", saved)
    plain = lancedb.connect(tmp_path).create_table("plain", rows)
    for each in (table, plain):
        each.create_index("text", config=FTS(stem=False, remove_stop_words=False))
    options = {"vectors": NEAR, "reranker": "dbsf", "explain": True}

    page = both(table, "apple", **options)
    expected = resift.lancedb.search(plain, "apple", **options)

    assert page.drop_columns([own]).equals(expected)
    assert page[own].to_pylist() == [100.0 - i for i in page["id"].to_pylist()]


def test_a_stored_score_never_beats_the_legs_own_in_lancedbs_queries(tmp_path, rows):
    """The adapter scores by the leg's own column, and keeps the stored one."""
    stored = pa.array([float(100 - i) for i in range(len(rows))], pa.float32())
    saved = rows.append_column("_distance", stored)
    saved = saved.append_column("_relevance_score", stored)
    table = lancedb.connect(tmp_path).create_table("saved", saved)
    plain = lancedb.connect(tmp_path).create_table("plain", rows)
    for each in (table, plain):
        each.create_index("text", config=FTS(stem=False, remove_stop_words=False))
    reranker = resift.lancedb.load("dbsf")

    def hybrid(searched):
        query = searched.search(query_type="hybrid").vector(NEAR).text("apple")
        return query.limit(8).rerank(reranker).to_arrow()

    def words(searched):
        query = searched.search("apple", query_type="fts").rerank(reranker)
        return query.to_arrow()

    assert hybrid(table).equals(hybrid(plain))
    assert words(table).drop_columns(["_distance"]).equals(words(plain))
    assert words(table)["_distance"].to_pylist() == [99.0, 93.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"select": ["_score"], "fts": False, "vectors": NEAR},
            "search: select names '_score', which only a full-text leg has, and none "
            "is searched.",
        ),
        (
            {"select": {"d": "1 - _distance"}, "vectors": False},
            "search: select computes 'd' from '_distance', which only a vector leg "
            "has, and none is searched.",
        ),
        (
            {"select": {"_distance": "id"}, "vectors": NEAR},
            "search: select must not compute '_distance', which the search itself "
            "gives. Choose another name.",
        ),
        (
            {"select": {"a": "id * 2", "b": col("id")}},
            "search: select must map names to SQL strings or to expressions, not to "
            "both: LanceDB would take the strings for values. Use col(name).",
        ),
        (
            {"select": {"d": 3}},
            "search: select must map names to SQL expressions, got int for 'd'.",
        ),
        (
            {"select": "text"},
            "search: select must be a list of columns, or a mapping of names to SQL "
            "expressions, got 'text'.",
        ),
        (
            {"select": ["text.title"]},
            "search: select names 'text.title', which is unknown. Known: 'id', 'text', "
            "'kind', 'vector'.",
        ),
    ],
)
def test_what_cannot_be_selected_is_told(table, options, message):
    """A name that is not there, or not there in this search."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", **options)

    assert str(error.value) == message
