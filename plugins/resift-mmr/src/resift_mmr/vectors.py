"""Vectors: read from a column or asked of a reranker, and made unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from resift.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

__all__ = ["HasEmbeddings", "stored", "unit"]


@runtime_checkable
class HasEmbeddings(Protocol):
    """A plugin that offers the vectors it compares."""

    def embed(
        self, query: str, documents: Sequence[str]
    ) -> tuple[ArrayLike, ArrayLike]:
        """Return the vectors of the query and of the documents.

        Returns:
            Shapes ``(dim,)`` and ``(n_docs, dim)``, of any length: their cosine is what
            counts.
        """
        ...


def stored(column: pa.ChunkedArray, name: str) -> NDArray[np.float32]:
    """Return the vectors in a column, zeros where there is none, shape ``(n, dim)``.

    Raises:
        InputError: If it holds anything but lists of numbers of one length.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = column.combine_chunks()
    if not (_is_list(lists.type) and pa.types.is_floating(lists.type.value_type)):
        msg = f"the column {name!r} must hold vectors of floats, got {lists.type}."
        raise InputError(msg, who="mmr")
    whole = lists.drop_null()
    widths = pc.unique(pc.list_value_length(whole)).to_pylist()
    if len(widths) > 1:
        msg = (
            f"the vectors in the column {name!r} must be of one length, got "
            f"lengths from {min(widths)} to {max(widths)}."
        )
        raise InputError(msg, who="mmr")
    found = whole.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    vectors = np.zeros((len(lists), widths[0] if widths else 0), dtype=np.float32)
    present = lists.is_valid().to_numpy(zero_copy_only=False)
    vectors[present] = found.reshape(len(whole), -1) if len(whole) else 0
    return vectors


def unit(vectors: ArrayLike) -> NDArray[np.float32]:
    """Return rows of length 1; rows that are zero or not finite become zero.

    Args:
        vectors: Shape ``(n, dim)``.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    rows = np.where(usable, rows, 0.0) / np.where(usable, lengths, 1.0)
    return rows.astype(np.float32)


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_fixed_size_list, pa.types.is_list, pa.types.is_large_list)
    return any(test(kind) for test in tests)
