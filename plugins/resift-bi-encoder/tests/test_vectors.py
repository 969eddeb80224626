from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from resift import InputError
from resift_bi_encoder.vectors import stored_vectors

DIM = 4
VALUES = np.arange(12, dtype=np.float32).reshape(3, DIM)


def column(values, kind=None) -> pa.Table:
    """Return a table with the column ``vector``."""
    return pa.table(
        {"vector": pa.array(values, type=kind or pa.list_(pa.float32(), DIM))}
    )


def read(table, dim=DIM):
    return list(stored_vectors(table, "vector", dim))


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16(), pa.float64()])
def test_fixed_size_lists_are_not_copied(kind) -> None:
    """The matrix is the memory of the Arrow array."""
    flat = pa.array(VALUES.ravel().astype(kind.to_pandas_dtype()))
    table = pa.table({"vector": pa.FixedSizeListArray.from_arrays(flat, DIM)})

    (found,) = read(table)

    assert found.tolist() == VALUES.tolist()
    assert found.ctypes.data == flat.buffers()[1].address


def test_slices_keep_their_offset() -> None:
    """A slice of a table gives the vectors of its own rows."""
    (found,) = read(column(VALUES.tolist()).slice(1, 2))

    assert found.tolist() == VALUES[1:].tolist()


def test_chunk_by_chunk() -> None:
    """A chunked column is read chunk by chunk; empty chunks are left out."""
    table = column(VALUES.tolist())
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(0, 0), table.slice(1)])

    found = read(chunked)

    assert np.concatenate(found).tolist() == VALUES.tolist()
    assert all(len(chunk) for chunk in found)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64())])
def test_lists_of_one_length(kind) -> None:
    """A list column works too, where all its rows are as long as they must be."""
    (found,) = read(column(VALUES.tolist(), kind).slice(1))

    assert found.tolist() == VALUES[1:].tolist()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            None,
            "bi-encoder: option 'embeddings': the candidates have no column 'vector'. "
            "Columns: none. Select it in the search, or leave the option out to encode "
            "the texts.",
        ),
        (
            pa.table({"text": ["a"], "embedding": [1.0]}),
            "bi-encoder: option 'embeddings': the candidates have no column 'vector'. "
            "Columns: 'text', 'embedding'. Select it in the search, or leave the "
            "option out to encode the texts.",
        ),
        (
            column([[1.0] * 4, None, None]),
            "bi-encoder: option 'embeddings': column 'vector' is null in 2 of 3 rows. "
            "Fill them, or leave these rows out of the search.",
        ),
        (
            column([[1.0, None, 1.0, 1.0]]),
            "bi-encoder: option 'embeddings': column 'vector' holds vectors with nulls "
            "in them. Fill them.",
        ),
        (
            column([[1.0] * 4, [1.0, float("nan"), 0.0, 0.0]]),
            "bi-encoder: option 'embeddings': column 'vector' holds a vector with NaN "
            "or infinity (row 1 of its chunk). Encode that document again.",
        ),
        (
            column([[1.0] * 8], pa.list_(pa.float32(), 8)),
            "bi-encoder: option 'embeddings': column 'vector' holds vectors of 8 "
            "dimensions, the model makes 4. Name the model that filled the column, or "
            "set 'dimensions' if it was filled with shortened ones.",
        ),
        (
            column([[1.0] * 4, [1.0] * 3], pa.list_(pa.float32())),
            "bi-encoder: option 'embeddings': column 'vector' holds vectors of 3 and 4 "
            "dimensions, the model makes 4. Name the model that filled the column, or "
            "set 'dimensions' if it was filled with shortened ones.",
        ),
        (
            column(["a"], pa.string()),
            "bi-encoder: option 'embeddings': column 'vector' must hold vectors "
            "(fixed_size_list of float16 or float32), got string. Name the column of "
            "the embeddings.",
        ),
        (
            column([[[1.0]]], pa.list_(pa.list_(pa.float32(), 1))),
            "bi-encoder: option 'embeddings': column 'vector' must hold vectors "
            "(fixed_size_list of float16 or float32), got "
            "list<item: fixed_size_list<item: float>[1]>. Name the column of the "
            "embeddings.",
        ),
    ],
)
def test_unusable_columns(table, expected) -> None:
    """What cannot be read is an error that says what to do, never a wrong score."""
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        read(table)
