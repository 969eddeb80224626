"""Tables in and out: ids, columns, types and rows survive as they came."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

import resift

N = 6


def column(kind: pa.DataType, *values: object) -> pa.Array:
    """Return a column of `N` rows that repeats *values*."""
    return pa.array([values[i % len(values)] for i in range(N)], kind)


COLUMNS = {
    "vector": pa.FixedSizeListArray.from_arrays(
        pa.array(np.arange(N * 4, dtype=np.float32)), 4
    ),
    "uint64": column(pa.uint64(), 2**64 - 1, 0, None),
    "decimal128": column(pa.decimal128(30, 5), Decimal("1.5"), None),
    "decimal256": column(pa.decimal256(60, 5), Decimal("1.5"), None),
    "dictionary": column(None, "a", "b", None).dictionary_encode(),
    "ordered": pa.DictionaryArray.from_arrays(
        column(pa.int8(), 0, 1), pa.array(["low", "high"]), ordered=True
    ),
    "struct": column(None, {"a": 1, "b": ["x"]}, {"a": None, "b": []}, None),
    "list": column(pa.list_(pa.int32()), [1, 2], [], None),
    "large_list": column(pa.large_list(pa.string()), ["a"], None),
    "list_view": column(pa.list_view(pa.int8()), [1], None),
    "map": column(pa.map_(pa.string(), pa.int64()), [("a", 1)], None),
    "timestamp": column(pa.timestamp("ns", "Europe/Berlin"), dt.datetime(2020, 1, 1)),  # noqa: DTZ001  # the type has the zone
    "duration": column(pa.duration("us"), dt.timedelta(1), None),
    "date": column(pa.date32(), dt.date(2020, 1, 1), None),
    "interval": column(pa.month_day_nano_interval(), (1, 2, 3), None),
    "half": pa.array(np.arange(N, dtype=np.float16)),
    "large_string": column(pa.large_string(), "ä", "", None),
    "string_view": column(pa.string_view(), "ä" * 20, "", None),
    "binary": column(pa.binary(), b"\xff", None),
    "fixed_binary": column(pa.binary(2), b"ab", None),
    "binary_view": column(pa.binary_view(), b"\xff" * 20, None),
    "bool": column(pa.bool_(), True, False, None),
    "null": pa.nulls(N),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), column(pa.binary(16), b"x" * 16)),
}

TABLE = pa.table({"_rowid": range(N), "text": [f"fox {i}" for i in range(N)]})
BASE = pa.table({"_rowid": [1, 2, 3], "text": ["a", "b", "c"]})


def refusal(*results: object, name: str = "rrf", query: str = "a", **options) -> str:
    """Return the whole message that refuses *results*."""
    with pytest.raises(resift.InputError) as caught:
        resift.load(name, config=None).rerank(query, *results, **options)
    return str(caught.value)


# Types -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    "shape", ["one", "two", "chunks", "sparse", "slices", "missing"]
)
@pytest.mark.parametrize("reranker", ["rrf", "bm25"])
def test_types_and_values_are_preserved_exactly(name, shape, reranker):
    """Every column comes out in the type and with the values it went in with."""
    table = TABLE.append_column(name, COLUMNS[name])
    tables = {
        "one": [table],
        "two": [table, table],
        "chunks": [pa.concat_tables([table.slice(3), table.slice(0, 3)])],
        "sparse": [pa.concat_tables([table] * 20), table],
        "slices": [table.slice(1, 2), table.slice(0, 0), table.slice(2)],
        "missing": [table.drop_columns(name).slice(0, 2), table.slice(2)],
    }[shape]

    result = resift.load(reranker, config=None).rerank("fox 5", *tables)

    assert result.schema.field(name).type == COLUMNS[name].type
    for got in result.drop_columns("_relevance_score").to_pylist():
        expected = table.slice(got["_rowid"], 1).to_pylist()[0]
        if shape == "missing" and got["_rowid"] < 2:
            expected[name] = None
        assert got == expected


def test_nullability_and_metadata_of_the_schema_are_preserved():
    """Fields keep their flags and their metadata, and so does the table."""
    schema = pa.schema(
        [
            pa.field("_rowid", pa.int64(), nullable=False),
            pa.field("text", pa.string(), metadata={"unit": "words"}),
        ],
        metadata={"mine": "yes"},
    )

    result = resift.load("rrf", config=None).rerank("", BASE.cast(schema))

    assert result.schema.metadata == {b"mine": b"yes"}
    assert not result.schema.field("_rowid").nullable
    assert result.schema.field("text").metadata == {b"unit": b"words"}


# Frames ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result",
    [
        BASE,
        BASE.to_batches()[0],
        BASE.to_reader(),
        pl.DataFrame(BASE.to_pydict()),
        pd.DataFrame(BASE.to_pydict(), index=[7, 8, 9]),
    ],
    ids=lambda result: f"{type(result).__module__}.{type(result).__name__}",
)
@pytest.mark.parametrize("reranker", ["rrf", "bm25"])
def test_anything_that_exports_arrow_is_accepted(result, reranker):
    """Tables, batches, readers, pandas and polars frames all become a table."""
    if isinstance(result, pa.RecordBatchReader):
        result = BASE.to_reader()  # it can be read once

    table = resift.load(reranker, config=None).rerank("c", result)

    assert isinstance(table, pa.Table)
    assert table.column_names == ["_rowid", "text", "_relevance_score"]
    assert table["_rowid"].to_pylist() == (
        [3, 1, 2] if reranker == "bm25" else [1, 2, 3]
    )


def test_frames_that_are_merged_keep_their_types():
    """Two polars frames merge like two tables."""
    frame = pl.DataFrame({"_rowid": [1, 2], "text": ["a", None], "tag": ["x", "y"]})

    table = resift.load("rrf", config=None).rerank("", frame, frame[::-1])

    assert table.drop_columns("_relevance_score").schema == pa.table(frame).schema


STRINGS = "Strings are ranked by Reranker.rank."


@pytest.mark.parametrize(
    ("result", "remedy"),
    [
        (["a"], STRINGS),
        ([{"text": "a"}, "a"], STRINGS),
        ({"text": ["a"]}, "Make a table of its columns: pyarrow.table(result)."),
        (None, STRINGS),
        ("abc", STRINGS),
        (pd.Series(["a"]), "Pass what its .to_frame() returns."),
        (pl.Series(["a"]), "Pass what its .to_frame() returns."),
        (
            pa.chunked_array([["a"]]),
            "Give it a name: pyarrow.table({name: column}).",
        ),
        (
            pyarrow.dataset.dataset(BASE),
            "Pass what its .to_table() returns.",
        ),
    ],
    ids=lambda value: f"{type(value).__module__}.{type(value).__name__}",
)
def test_what_is_no_table_is_refused(result, remedy):
    """The message names the one call that makes a table of it."""
    assert refusal(result) == (
        "rerank: a result must be an Arrow table, a pandas or polars frame, or a list "
        f"of mappings, got {type(result).__name__}. {remedy}"
    )


def test_no_table_at_all_is_refused():
    """One table is the least, and it may be empty."""
    assert refusal() == "rerank: give at least one result table; an empty one is fine."


def test_a_column_that_is_there_twice_is_refused():
    """Two columns of one name cannot be told apart."""
    twice = pa.Table.from_arrays([pa.array([1])] * 3, names=["_rowid", "tag", "tag"])

    assert refusal(BASE, twice) == (
        "rerank: list 2 has several columns 'tag'. Rename them."
    )


# Ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1, 2, 1]),
        pa.array([2**64 - 1, 0, 2**64 - 1], pa.uint64()),
        pa.array(["a", "ä", "a"]),
        pa.array(["a", "ä", "a"], pa.large_string()),
        pa.array(["a", "ä", "a"], pa.string_view()),
        pa.array(["a", "ä", "a"]).dictionary_encode(),
        pa.array([b"a", b"b", b"a"]),
        pa.array([1.5, 2.5, 1.5]),
        pa.array([True, False, True]),
        pa.array([1, 2, 1], pa.timestamp("us")),
        pa.array([Decimal(1), Decimal(2), Decimal(1)]),
    ],
    ids=lambda ids: str(ids.type),
)
def test_any_scalar_may_be_an_id(ids):
    """Rows of one id are one document, whatever the type of the id."""
    table = pa.table({"_rowid": ids, "text": ["first", "second", "third"]})

    result = resift.load("rrf", config=None).rerank("", table, table)

    assert result["text"].to_pylist() == ["first", "second"]
    assert result["_rowid"].to_pylist() == ids.to_pylist()[:2]
    assert result["_rowid"].type == ids.type


def test_any_column_may_be_the_id():
    """`id=` names the column that tells documents apart."""
    table = pa.table({"key": [7, 7, 8], "text": ["a", "b", "c"]})

    assert len(resift.load("rrf", config=None).rerank("", table, id="key")) == 2


def test_without_an_id_every_row_is_a_document():
    """`id=None` drops nothing, in one list or between lists."""
    table = pa.table({"text": ["a", "a"]})

    assert len(resift.load("rrf", config=None).rerank("", table, table, id=None)) == 4


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            pa.array([1, None, None]),
            "rerank: the id column '_rowid' of list 2 has 2 nulls. An id must tell "
            "documents apart.",
        ),
        (
            pa.nulls(3),
            "rerank: the id column '_rowid' of list 2 has 3 nulls. An id must tell "
            "documents apart.",
        ),
        (
            pa.array(["1", "2", "3"]),
            "rerank: the id column '_rowid' must have one type, got int64, string. "
            "Cast it.",
        ),
        (
            None,
            "rerank: list 2 has no id column '_rowid'. Columns: 'text'. Name another "
            "with id=..., or pass id=None where every row is a document of its own.",
        ),
    ],
    ids=["nulls", "only nulls", "strings", "missing"],
)
def test_a_wrong_id_column_is_told(ids, message):
    """An id must be there, of types that one can hold, and never null."""
    other = BASE.drop_columns("_rowid")
    if ids is not None:
        other = other.append_column("_rowid", ids)

    assert refusal(BASE, other) == message


@pytest.mark.parametrize(
    "ids", [pa.array([[1], [2], [3]]), pa.array([{"a": 1}] * 3)], ids=["list", "struct"]
)
def test_an_id_that_is_no_scalar_is_told(ids):
    """Lists and structs cannot be ids."""
    assert refusal(BASE.set_column(0, "_rowid", ids)) == (
        f"rerank: the id column '_rowid' must hold numbers or strings, got {ids.type}. "
        "Name another with id=...."
    )


# Columns of several lists ------------------------------------------------------------


def test_a_column_of_a_later_list_is_filled_from_it():
    """`_score` of the second list is there for rows that both lists found."""
    first = pa.table({"_rowid": [1, 2], "_distance": [0.1, 0.2]})
    second = pa.table({"_rowid": [2, 3], "_score": [5.0, 4.0]})

    result = resift.load("rrf", config=None).rerank("", first, second)

    assert result.drop_columns("_relevance_score").to_pylist() == [
        {"_rowid": 2, "_distance": 0.2, "_score": 5.0},
        {"_rowid": 1, "_distance": 0.1, "_score": None},
        {"_rowid": 3, "_distance": None, "_score": 4.0},
    ]


def test_a_value_comes_from_the_first_list_that_has_the_row():
    """Where lists disagree, the earlier one is right."""
    first = pa.table({"_rowid": [1, 2], "tag": ["a1", "a2"]})
    second = pa.table({"_rowid": [2, 3, 1], "tag": ["b2", "b3", "b1"]})

    result = resift.load("rrf", config=None).rerank("", first, second)

    assert dict(zip(*result.select([0, 1]).to_pydict().values(), strict=True)) == {
        1: "a1",
        2: "a2",
        3: "b3",
    }


def test_columns_keep_the_order_in_which_they_are_first_seen():
    """The score comes last."""
    first = pa.table({"b": [1], "_rowid": [1]})
    second = pa.table({"_rowid": [1], "a": [1]})

    result = resift.load("rrf", config=None).rerank("", first, second)

    assert result.column_names == ["b", "_rowid", "a", "_relevance_score"]


def test_a_column_that_is_null_in_one_list_takes_the_type_of_the_other():
    """A leg without a value for a column does not spoil its type."""
    first = pa.table({"_rowid": [1], "tag": pa.nulls(1)})
    second = pa.table({"_rowid": [2], "tag": ["x"]})

    result = resift.load("rrf", config=None).rerank("", first, second)

    assert result.schema.field("tag").type == pa.string()
    assert result["tag"].to_pylist() == [None, "x"]


def test_a_column_of_two_types_is_told():
    """Nothing is cast behind the user's back."""
    other = BASE.append_column("year", pa.array(["1", "2", "3"]))

    assert refusal(BASE.append_column("year", pa.array([1, 2, 3])), other) == (
        "rerank: column 'year' is int64 in one list and string in another. Cast one of "
        "them."
    )


# Text --------------------------------------------------------------------------------


def texts(table: pa.Table, **options: object) -> list[str]:
    """Return the texts that a scorer is given, in order."""
    seen: list[str] = []

    def score(query, documents):
        seen.extend(documents)
        return [0.0] * len(documents)

    resift.Reranker(score).rerank("q", table, id=None, **options)
    return seen


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"]),
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"], pa.string_view()),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.chunked_array([["a"], ["b"]]),
    ],
    ids=lambda column: f"{type(column).__name__} {column.type}",
)
def test_any_kind_of_string_is_text(column):
    """Strings of every Arrow type are read."""
    assert texts(pa.table({"text": column})) == ["a", "b"]


def test_a_field_of_a_struct_may_be_the_text():
    """A dotted name reads a struct, unless a column has that very name."""
    table = pa.table(
        {
            "meta": [{"title": {"en": "a"}}, {"title": None}, None],
            "x.y": ["c", "d", "e"],
        }
    )

    assert texts(table, text="meta.title.en") == ["a"]
    assert texts(table, text="x.y") == ["c", "d", "e"]


def test_several_columns_are_joined_by_a_newline():
    """Nulls are left out, and a row of nulls is no text."""
    table = pa.table(
        {"title": ["t", None, None], "meta": [{"body": "b"}, {"body": "c"}, None]}
    )

    assert texts(table, text=["title", "meta.body"]) == ["t\nb", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "body",
            "the results have no text column 'body'. Columns: '_rowid', 'text'. Name "
            "the right one with text=..., and select it in the search.",
        ),
        (
            ["text", "body"],
            "the results have no text column 'body'. Columns: '_rowid', 'text'. Name "
            "the right one with text=..., and select it in the search.",
        ),
        ("text.en", "text column 'text.en': 'text' has no field 'en'."),
        (
            "_rowid",
            "the text column '_rowid' must hold strings, got int64. Name another with "
            "text=..., or cast it.",
        ),
    ],
)
def test_a_wrong_text_column_is_told(text, message):
    """A text column must be there and hold strings."""
    assert refusal(BASE, name="bm25", text=text) == (
        f"Reranker 'bm25' (resift {resift.__version__}): {message}"
    )


def test_a_column_of_nulls_is_text_that_is_missing():
    """A leg that knows no text has a column without a type."""
    assert texts(pa.table({"text": pa.nulls(2)})) == []


def test_a_reranker_that_only_merges_needs_no_text():
    """Merging never reads the text column."""
    assert len(resift.load("rrf", config=None).rerank("", BASE, text="body")) == 3


# Scores of a list --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "order"),
    [
        ("_distance", [0.3, 0.1, 0.2], [2, 3, 1]),
        ("_score", [1.0, 3.0, 2.0], [2, 3, 1]),
        ("_relevance_score", [1.0, 3.0, 2.0], [2, 3, 1]),
        ("_score", pa.array([1, 3, 2], pa.uint8()), [2, 3, 1]),
        ("_distance", pa.array([3, 1, 2], pa.uint8()), [2, 3, 1]),
        ("_score", pa.array([Decimal(1), Decimal(3), Decimal(2)]), [2, 3, 1]),
        ("_score", pa.array(np.array([1, 3, 2], np.float16)), [2, 3, 1]),
        ("_score", pa.array([1.0, None, 2.0]), [3, 1, 2]),
        ("_score", [1.0, float("nan"), 2.0], [3, 1, 2]),
        ("_score", pa.nulls(3), [1, 2, 3]),
    ],
)
def test_the_scores_of_a_list_are_found_under_their_usual_names(column, values, order):
    """A distance is negated; a row without a score leaves the list, not the result."""
    table = BASE.append_column(column, pa.array(values))

    result = resift.load("dbsf", config=None).rerank("", table)

    assert result["_rowid"].to_pylist() == order


def test_a_distance_comes_before_a_score():
    """Of several score columns, the retrieval's own is read."""
    table = BASE.append_column("_distance", pa.array([0.3, 0.2, 0.1]))
    table = table.append_column("_score", pa.array([3.0, 2.0, 1.0]))

    assert resift.load("dbsf", config=None).rerank("", table)["_rowid"].to_pylist() == [
        3,
        2,
        1,
    ]


def test_scores_that_are_no_numbers_are_told():
    """A score column must hold numbers, for mergers that read it."""
    table = BASE.append_column("_score", pa.array(["1", "2", "3"]))
    message = "rerank: column '_score' must hold numbers, got string."

    assert refusal(table, name="dbsf") == message
    assert refusal(table, score="_score") == message
    assert len(resift.load("rrf", config=None).rerank("", table)) == 3
