"""Columns of like values in unlike types become one; nothing in them is lost."""

from __future__ import annotations

import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import resift
from samples import ids, loaded

ONE, TWO, THREE = (uuid.UUID(int=n) for n in (1, 2, 3))
TEXT_TYPES = [
    pa.array(["a", "b"]),
    pa.array(["a", "b"], pa.large_string()),
    pa.array(["a", "b"], pa.string_view()),
    pa.array(["a", "b"]).dictionary_encode(),
    pa.array(["a", "b"], pa.large_string()).dictionary_encode(),
]
INTEGERS = [
    pa.array([1, 2], kind)
    for kind in (
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    )
]
UUIDS = [
    pa.array([ONE, TWO]),
    pa.array([ONE.bytes, TWO.bytes], pa.binary(16)),
    pa.array([ONE.bytes, TWO.bytes], pa.binary()),
    pa.array([ONE.bytes, TWO.bytes], pa.binary_view()),
]


def merged(first: pa.Array, second: pa.Array, name: str = "_rowid") -> pa.Table:
    """Merge two lists of one column, beside ids where that is not the id."""
    tables = [{name: column} for column in (first, second)]
    if name != "_rowid":
        tables = [
            {"_rowid": range(7 * i, 7 * i + len(t[name])), **t}
            for i, t in enumerate(tables)
        ]
    return loaded().rerank("", *map(pa.table, tables))


def refusal(first: pa.Array, second: pa.Array, name: str = "_rowid") -> str:
    """Return the message that refuses to merge two columns."""
    with pytest.raises(resift.InputError) as caught:
        merged(first, second, name)
    return str(caught.value)


# Ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [TEXT_TYPES, INTEGERS, UUIDS])
def test_ids_of_equal_value_are_one_document_whatever_their_type(group):
    """Each type beside each other: two documents, of the first list's type."""
    for first in group:
        for second in group:
            result = merged(first, second)

            assert ids(result) == first.to_pylist(), (first.type, second.type)
            assert result.schema.field("_rowid").type == first.type


def test_runs_are_the_values_they_stand_for():
    """Ids that are encoded as runs are ids, too."""
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), ["a", "b"])

    assert ids(merged(runs, runs)) == ["a", "b"]
    assert ids(merged(pa.array(["b"]), runs)) == ["b", "a"]


def test_frames_of_three_libraries_share_string_ids():
    """Arrow writes strings, pandas large strings, polars string views."""
    rows = {"_rowid": ["x", "y"]}

    for first in (pa.table(rows), pd.DataFrame(rows), pl.DataFrame(rows)):
        result = loaded().rerank(
            "", first, pa.table(rows), pd.DataFrame(rows), pl.DataFrame(rows)
        )

        assert ids(result) == ["x", "y"]


def test_an_id_that_pandas_made_a_float_is_the_integer_it_was():
    """An integer column with a gap is float64 in pandas, until the gap is dropped."""
    frame = pd.DataFrame({"_rowid": [2, None, 1]}).dropna()

    result = loaded().rerank("", pa.table({"_rowid": [1]}), frame)

    assert ids(result) == [1, 2]
    assert result.schema.field("_rowid").type == pa.int64()


def test_a_value_beyond_the_first_type_widens_it():
    """A row id of 2**40 does not fit an int32."""
    result = merged(pa.array([1], pa.int32()), pa.array([2**40]))

    assert ids(result) == [1, 2**40]
    assert result.schema.field("_rowid").type == pa.int64()


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (pa.array([1]), pa.array(["1"]), "int64, string"),
        (pa.array([-1]), pa.array([2**63], pa.uint64()), "int64, uint64"),
        (pa.array([2**53 + 1]), pa.array([0.5]), "double, int64"),
        (pa.array([ONE]), pa.array([str(ONE)]), "extension<arrow.uuid>, string"),
        (pa.array([b"a"]), pa.array(["a"]), "binary, string"),
        (pa.array([True]), pa.array([1]), "bool, int64"),
    ],
)
def test_ids_that_no_type_holds_are_refused(first, second, found):
    """The message names both types."""
    assert refusal(first, second) == (
        f"rerank: the id column '_rowid' must have one type, got {found}. Cast it."
    )


# Payload -----------------------------------------------------------------------------

FIXED = pa.list_(pa.float32(), 2)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (pa.array([2020], pa.int32()), pa.array([2021]), pa.int32()),
        (pa.array([0.1], pa.float32()), pa.array([0.1]), pa.float64()),
        (pa.array([0.1]), pa.array([0.1], pa.float32()), pa.float64()),
        (pa.array([1]), pa.array([1.5]), pa.float64()),
        (pa.array([1]), pa.array([1.5], pa.float32()), pa.float32()),
        (
            pa.array([Decimal("1.5")], pa.decimal128(10, 2)),
            pa.array([Decimal("1.00005")], pa.decimal128(12, 5)),
            pa.decimal128(12, 5),
        ),
        (
            pa.array([1], pa.timestamp("s")),
            pa.array([1], pa.timestamp("ns")),
            pa.timestamp("ns"),
        ),
        (
            pa.array([1], pa.timestamp("s", "UTC")),
            pa.array([2], pa.timestamp("s", "Europe/Berlin")),
            pa.timestamp("s", "UTC"),
        ),
        (
            pa.array([[1.0, 2.0]], FIXED),
            pa.array([[0.1, 0.2]], pa.list_(pa.float32())),
            FIXED,
        ),
        (
            pa.array([[1.0, 2.0]], FIXED),
            pa.array([[0.1, 0.2]]),
            pa.list_(pa.float64()),
        ),
        (
            pa.array([[1.0, 2.0]], FIXED),
            pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float32(), 3)),
            pa.list_(pa.float32()),
        ),
        (
            pa.array([["a"]], pa.list_(pa.string_view())),
            pa.array([["b"]]),
            pa.list_(pa.string_view()),
        ),
        (
            pa.array([{"a": 1}]),
            pa.array([{"a": 1, "b": "x"}]),
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
        ),
        (pa.array(["x"]), pa.array([np.nan], from_pandas=True), pa.string()),
        (pa.array([None, None]), pa.array(["x"]), pa.string()),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else str(value),
)
def test_a_column_of_like_types_becomes_one_without_loss(first, second, kind):
    """Every value comes back as it came in."""
    result = merged(first, second, "payload")

    assert result.schema.field("payload").type == kind
    expected = [
        {**dict.fromkeys(kind.names), **value} if pa.types.is_struct(kind) else value
        for value in (*first.to_pylist(), *second.to_pylist())
    ]
    rows = zip(ids(result), result["payload"].to_pylist(), strict=True)
    assert [value for _, value in sorted(rows, key=lambda row: row[0])] == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([1]), pa.array(["1"])),
        (pa.array([Decimal("1.5")]), pa.array([1.5])),
        (pa.array([1], pa.timestamp("s")), pa.array([1], pa.timestamp("s", "UTC"))),
        (pa.array([2**60 + 1]), pa.array([0.5])),
        (pa.array([{"a": 1}]), pa.array([{"a": "x"}])),
        (pa.array([ONE]), pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1"]))),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_of_unlike_values_is_refused(first, second):
    """Nothing is cast that would lose or change a value."""
    assert refusal(first, second, "payload") == (
        f"rerank: column 'payload' is {first.type} in one list and {second.type} in "
        "another. Cast one of them."
    )


def test_categories_beyond_the_first_dictionary_become_plain_strings():
    """An int8 counts to 127; no value is worth losing to keep a dictionary."""
    small = pd.DataFrame({"c": pd.Categorical(["a"])})
    many = pd.DataFrame({"c": [f"b{i}" for i in range(200)]})

    result = loaded().rerank("", small, many, id=None)

    assert len(set(result["c"].to_pylist())) == 201
    assert result.schema.field("c").type == pa.large_string()
