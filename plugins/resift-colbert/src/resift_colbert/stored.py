"""Token embeddings that were computed before: a column of the candidates.

LanceDB calls it a multivector column: ``list<fixed_size_list<float16 | float32>>``, one
list per document, one vector per token. In Arrow all vectors of a chunk stand one after
another in one buffer, which is just what `maxsim` reads: nothing is copied, whether
the table is sliced, chunked, or both.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.errors import InputError
from resift_colbert.tokens import TokenEmbeddings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resift_colbert.maxsim import IntArray
    from resift_colbert.options import Missing

__all__ = ["MODEL", "check_model", "stored_embeddings"]

MODEL = "resift:model"
"""The field's metadata key under which the writer of a column leaves its model."""

_REWRITE = "Write it again with 'resift colbert-index --overwrite'."


def stored_embeddings(
    candidates: pa.Table | None, column: str, missing: Missing
) -> Iterator[tuple[IntArray, TokenEmbeddings]]:
    """Read the token embeddings of the candidates, chunk by chunk.

    Args:
        candidates: One row per document.
        column: The multivector column. Plain nested lists, as pandas makes of it, are
            read too; float64 is narrowed, which copies.
        missing: What to do about a null: ``"error"``, or ``"skip"`` the document.

    Yields:
        The rows, int64, and their embeddings.

    Raises:
        InputError: If there is no such column, or it holds anything else.
    """
    if candidates is None or column not in candidates.column_names:
        names = [] if candidates is None else candidates.column_names
        msg = (
            f"the documents have no column {column!r} (option embeddings). "
            f"Columns: {', '.join(map(repr, names)) or 'none'}. Select it in the "
            "search, write it with 'resift colbert-index', or unset embeddings to "
            "encode the texts."
        )
        raise InputError(msg, who="colbert")
    chunks = candidates[column]
    _check_type(chunks.type, column)
    if chunks.null_count and missing == "error":
        raise _is_null(chunks, column)
    done = 0
    for chunk in chunks.chunks:
        rows = np.arange(done, done + len(chunk))
        done += len(chunk)
        if chunk.null_count:
            rows = rows[chunk.is_valid().to_numpy(zero_copy_only=False)]
            chunk = chunk.drop_null()  # noqa: PLW2901  # the same rows
        if len(rows):
            yield rows, _embeddings(chunk, column)


def check_model(schema: pa.Schema, column: str, model: str) -> None:
    """Refuse a column that says another model wrote it.

    Models are told apart by the last part of their name or path, so that a folder may
    stand elsewhere on another machine. A column without the mark is not checked.

    Raises:
        InputError: If the column was written by another model.
    """
    metadata = schema.field(column).metadata or {}
    writer = metadata.get(MODEL.encode(), b"").decode()
    if writer and PurePath(writer).name != PurePath(model).name:
        msg = (
            f"the column {column!r} (option embeddings) was written by the "
            f"model {writer!r}, but the option model is {model!r}: their embeddings "
            "cannot be compared. Give the model that wrote it, or write it again with "
            "'resift colbert-index --overwrite'."
        )
        raise InputError(msg, who="colbert")


def _embeddings(chunk: pa.Array, column: str) -> TokenEmbeddings:
    vectors, lengths = _unnested(chunk)
    if vectors.null_count:
        raise _wrong(column, "has nulls among the vectors of a document")
    numbers, widths = _unnested(vectors)
    if numbers.null_count:
        raise _wrong(column, "has nulls inside a vector")
    if len(widths) and (widths != widths[0]).any():
        found = f"{widths.min()} to {widths.max()} numbers"
        raise _wrong(column, f"must hold vectors of one width, got {found}")
    width = _width(vectors, widths)
    values = numbers.to_numpy(zero_copy_only=True).reshape(-1, width)
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    return TokenEmbeddings(values, lengths)


def _unnested(lists: pa.Array) -> tuple[pa.Array, IntArray]:
    """Return what the lists hold, end to end, and how much each holds.

    Unlike ``flatten`` this keeps nulls where they are, and it never copies.
    """
    if pa.types.is_fixed_size_list(lists.type):
        size = lists.type.list_size
        inner = lists.values.slice(lists.offset * size, len(lists) * size)
        return inner, np.full(len(lists), size, dtype=np.int64)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    begin, end = (offsets[0], offsets[-1]) if len(offsets) else (0, 0)
    return lists.values.slice(begin, end - begin), np.diff(offsets)


def _width(vectors: pa.Array, widths: IntArray) -> int:
    if pa.types.is_fixed_size_list(vectors.type):
        return int(vectors.type.list_size)
    return int(widths[0]) if len(widths) else 1


def _is_null(chunks: pa.ChunkedArray, column: str) -> InputError:
    valid = chunks.is_valid().to_numpy()
    return InputError(
        f"the column {column!r} (option embeddings) is null for "
        f"{chunks.null_count} of {len(chunks)} documents, first for document "
        f"{np.argmin(valid)}. Fill it with 'resift colbert-index', which leaves the "
        "others as they are, or set missing='skip' to leave such documents unscored.",
        who="colbert",
    )


def _wrong(column: str, problem: str) -> InputError:
    return InputError(
        f"the column {column!r} (option embeddings) {problem}. {_REWRITE}",
        who="colbert",
    )


def _check_type(kind: pa.DataType, column: str) -> None:
    vectors = kind.value_type if _is_list(kind) else None
    numbers = vectors.value_type if vectors and _is_list(vectors) else None
    if numbers is None or not pa.types.is_floating(numbers):
        msg = (
            f"the column {column!r} (option embeddings) must be of the type "
            "list<fixed_size_list<float16 or float32>>, one vector per token, got "
            f"{kind}. Name the right column, or write one with 'resift colbert-index'."
        )
        raise InputError(msg, who="colbert")


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )
