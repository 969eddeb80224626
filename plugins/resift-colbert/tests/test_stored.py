"""Reading a multivector column: without copying, and refusing what is not one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from resift.errors import InputError
from resift_colbert.stored import MODEL, check_model, stored_embeddings

LENGTHS = [2, 0, 3, 1]
REWRITE = "Write it again with 'resift colbert-index --overwrite'."


def multivector(kind: pa.DataType, *, large: bool = False) -> pa.Array:
    """Return 4 documents of 2, 0, 3 and 1 vectors of width 4, numbered from 0."""
    numbers = pa.array(np.arange(24, dtype=kind.to_pandas_dtype()))
    vectors = pa.FixedSizeListArray.from_arrays(numbers, 4)
    cls, offset = (
        (pa.LargeListArray, pa.int64()) if large else (pa.ListArray, pa.int32())
    )
    return cls.from_arrays(pa.array(np.cumsum([0, *LENGTHS]), offset), vectors)


def read(column: object) -> list[tuple[list[int], list[float], list[int]]]:
    """Return rows, first numbers of the vectors, and lengths, chunk by chunk."""
    return [
        (rows.tolist(), tokens.values[:, 0].tolist(), tokens.lengths.tolist())
        for rows, tokens in stored_embeddings(pa.table({"c": column}), "c", "error")
    ]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32()], ids=str)
@pytest.mark.parametrize("large", [False, True])
def test_nothing_is_copied(kind: pa.DataType, large: bool) -> None:
    """The embeddings are the column's own buffer."""
    column = multivector(kind, large=large)

    ((rows, tokens),) = stored_embeddings(pa.table({"c": column}), "c", "error")

    buffer = column.values.values.buffers()[1]
    assert tokens.values.__array_interface__["data"][0] == buffer.address
    assert tokens.values.dtype == kind.to_pandas_dtype()
    assert (rows.tolist(), tokens.lengths.tolist()) == ([0, 1, 2, 3], LENGTHS)


def test_slices_and_chunks_keep_their_places() -> None:
    """Offsets of slices count, and rows are numbered through the chunks."""
    column = multivector(pa.float32())
    chunks = pa.chunked_array([column.slice(2), column.slice(0, 0), column.slice(1, 2)])

    assert read(chunks) == [
        ([0, 1], [8.0, 12.0, 16.0, 20.0], [3, 1]),
        ([2, 3], [8.0, 12.0, 16.0], [0, 3]),
    ]


def test_a_slice_of_the_vectors_keeps_its_place() -> None:
    """Vectors that are themselves a slice are read from where it begins."""
    vectors = multivector(pa.float32()).values.slice(2)
    column = pa.ListArray.from_arrays(pa.array([0, 1, 4], pa.int32()), vectors)

    assert read(column.slice(1)) == [([0], [12.0, 16.0, 20.0], [3])]


def test_as_many_vectors_for_each_document() -> None:
    """A fixed number of vectors per document is a multivector column, too."""
    vectors = multivector(pa.float32()).values
    column = pa.FixedSizeListArray.from_arrays(vectors, 3)

    assert read(column.slice(1)) == [([0], [12.0, 16.0, 20.0], [3])]


def test_pandas_and_polars_keep_it_readable() -> None:
    """A column that went through a data frame is read as before."""
    polars = pytest.importorskip("polars", reason="polars is not installed")
    table = pa.table({"c": multivector(pa.float32())})
    as_before = read(table["c"])

    assert read(pa.Table.from_pandas(table.to_pandas())["c"]) == as_before
    assert read(polars.from_arrow(table).to_arrow()["c"]) == as_before


def test_plain_lists_are_narrowed() -> None:
    """Python numbers come as float64 and are scored as float32."""
    column = pa.array([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]])

    ((_, tokens),) = stored_embeddings(pa.table({"c": column}), "c", "error")

    assert tokens.values.dtype == np.float32
    assert tokens.values.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_missing_column_is_named() -> None:
    """The message lists the columns that there are, and three ways out."""
    with pytest.raises(InputError) as error:
        list(stored_embeddings(pa.table({"text": ["a"]}), "c", "error"))

    assert str(error.value) == (
        "colbert: the documents have no column 'c' (option embeddings). Columns: "
        "'text'. Select it in the search, write it with 'resift colbert-index', or "
        "unset embeddings to encode the texts."
    )


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["text"]),
        pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
        pa.array([[[1, 2]]], pa.list_(pa.list_(pa.int8(), 2))),
        pa.array([None], pa.null()),
    ],
    ids=lambda column: str(column.type),
)
def test_another_type_is_refused(column: pa.Array) -> None:
    """One vector per document, integers and strings are no token embeddings."""
    with pytest.raises(InputError) as error:
        read(column)

    assert str(error.value) == (
        "colbert: the column 'c' (option embeddings) must be of the type "
        "list<fixed_size_list<float16 or float32>>, one vector per token, got "
        f"{column.type}. Name the right column, or write one with 'resift "
        "colbert-index'."
    )


def with_null(*, inside: str) -> pa.Array:
    """Return two documents with a null as a document, a vector or a number."""
    found: dict[str, list[object]] = {
        "document": [[[1.0, 2.0]], None],
        "vector": [[[1.0, 2.0]], [None]],
        "number": [[[1.0, 2.0]], [[1.0, None]]],
    }
    return pa.array(found[inside], pa.list_(pa.list_(pa.float32(), 2)))


def test_a_null_document_is_an_error() -> None:
    """A document that was never filled stops the call, with a way to fill it."""
    with pytest.raises(InputError) as error:
        read(with_null(inside="document"))

    assert str(error.value) == (
        "colbert: the column 'c' (option embeddings) is null for 1 of 2 documents, "
        "first for document 1. Fill it with 'resift colbert-index', which leaves the "
        "others as they are, or set missing='skip' to leave such documents unscored."
    )


def test_a_null_document_can_be_skipped() -> None:
    """With missing='skip' the other documents keep their rows."""
    column = pa.array(
        [None, [[1.0, 2.0]], None, [[3.0, 4.0]]], pa.list_(pa.list_(pa.float32(), 2))
    )

    ((rows, tokens),) = stored_embeddings(pa.table({"c": column}), "c", "skip")

    assert rows.tolist() == [1, 3]
    assert tokens.values.tolist() == [[1, 2], [3, 4]]


def test_a_null_document_may_hide_numbers() -> None:
    """Values under a null are not read, which Arrow allows to be there."""
    kind = pa.list_(pa.list_(pa.float32(), 2))
    vectors = pa.array([[1.0, 2.0], [9.0, 9.0], [3.0, 4.0]], kind.value_type)
    column = pa.ListArray.from_arrays(
        pa.array([0, 1, 2, 3], pa.int32()), vectors, mask=pa.array([False, True, False])
    )

    ((rows, tokens),) = stored_embeddings(pa.table({"c": column}), "c", "skip")

    assert rows.tolist() == [0, 2]
    assert tokens.values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (with_null(inside="vector"), "has nulls among the vectors of a document"),
        (with_null(inside="number"), "has nulls inside a vector"),
        (
            pa.array([[[1.0, 2.0]], [[1.0]]]),
            "must hold vectors of one width, got 1 to 2 numbers",
        ),
    ],
)
def test_holes_are_refused(column: pa.Array, problem: str) -> None:
    """Nulls further inside and vectors of several widths are errors."""
    with pytest.raises(InputError) as error:
        read(column)

    assert str(error.value) == (
        f"colbert: the column 'c' (option embeddings) {problem}. {REWRITE}"
    )


@pytest.mark.parametrize("model", ["colbert-ir/colbertv2.0", "/models/colbertv2.0"])
def test_the_model_that_wrote_the_column_may_read_it(model: str) -> None:
    """Models are compared by the last part of their name or path."""
    field = pa.field("c", pa.null(), metadata={MODEL: "colbert-ir/colbertv2.0"})

    check_model(pa.schema([field]), "c", model)
    check_model(pa.schema([field.remove_metadata()]), "c", "another")


def test_another_model_is_refused() -> None:
    """Embeddings of two models have nothing to say to each other."""
    field = pa.field("c", pa.null(), metadata={MODEL: "colbert-ir/colbertv2.0"})

    with pytest.raises(InputError) as error:
        check_model(pa.schema([field]), "c", "answerdotai/answerai-colbert-small-v1")

    assert str(error.value) == (
        "colbert: the column 'c' (option embeddings) was written by the model "
        "'colbert-ir/colbertv2.0', but the option model is "
        "'answerdotai/answerai-colbert-small-v1': their embeddings cannot be compared. "
        "Give the model that wrote it, or write it again with 'resift colbert-index "
        "--overwrite'."
    )
