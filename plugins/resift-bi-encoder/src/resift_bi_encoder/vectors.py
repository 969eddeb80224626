"""Reading the stored vectors of candidates, without a copy where Arrow allows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyarrow import types

from resift.errors import InputError
from resift_bi_encoder.similarity import FloatArray

__all__ = ["stored_vectors"]

_WHO = "bi-encoder: option 'embeddings'"


def stored_vectors(
    candidates: pa.Table | None, column: str, dim: int
) -> Iterator[FloatArray]:
    """Yield the vectors of *column*, chunk by chunk, each of shape ``(n_rows, dim)``.

    A ``fixed_size_list`` of float32 or float16 is looked at where it lies; a ``list``
    is, too, if all its rows are *dim* long.

    Args:
        candidates: One row per document.
        column: The column that holds the vectors.
        dim: How long the model makes them.

    Raises:
        InputError: If there is no such column, or it holds nulls, vectors of another
            length, or values that are not finite floats.
    """
    if candidates is None or column not in candidates.column_names:
        known = [] if candidates is None else candidates.column_names
        msg = (
            f"the candidates have no column {column!r}. Columns: "
            f"{', '.join(map(repr, known)) or 'none'}. Select it in the search, or "
            "leave the option out to encode the texts."
        )
        raise InputError(msg, who=_WHO)
    vectors = candidates.column(column)
    _require_floats(vectors.type, column)
    if vectors.null_count:
        msg = (
            f"column {column!r} is null in {vectors.null_count} of "
            f"{len(vectors)} rows. Fill them, or leave these rows out of the search."
        )
        raise InputError(msg, who=_WHO)
    for chunk in vectors.chunks:
        if len(chunk):
            yield _matrix(chunk, column, dim)


def _require_floats(kind: pa.DataType, column: str) -> None:
    lists = (types.is_fixed_size_list, types.is_list, types.is_large_list)
    if any(is_list(kind) for is_list in lists) and types.is_floating(kind.value_type):
        return
    msg = (
        f"column {column!r} must hold vectors (fixed_size_list of float16 or "
        f"float32), got {kind}. Name the column of the embeddings."
    )
    raise InputError(msg, who=_WHO)


def _matrix(chunk: pa.Array, column: str, dim: int) -> FloatArray:
    """Return one chunk as a matrix; the values are Arrow's own."""
    if types.is_fixed_size_list(chunk.type):
        widths = {chunk.type.list_size}
    else:
        widths = set(chunk.value_lengths().unique().to_pylist())
    if widths != {dim}:
        found = " and ".join(map(str, sorted(widths)))
        msg = (
            f"column {column!r} holds vectors of {found} dimensions, the model "
            f"makes {dim}. Name the model that filled the column, or set 'dimensions' "
            "if it was filled with shortened ones."
        )
        raise InputError(msg, who=_WHO)
    values = chunk.flatten()
    if values.null_count:
        msg = f"column {column!r} holds vectors with nulls in them. Fill them."
        raise InputError(msg, who=_WHO)
    matrix: FloatArray = values.to_numpy(zero_copy_only=True).reshape(-1, dim)
    if not np.isfinite(matrix).all():
        row = int(np.argmin(np.isfinite(matrix).all(axis=1)))
        msg = (
            f"column {column!r} holds a vector with NaN or infinity (row {row} "
            "of its chunk). Encode that document again."
        )
        raise InputError(msg, who=_WHO)
    return matrix
