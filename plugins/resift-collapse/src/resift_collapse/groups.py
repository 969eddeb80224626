"""Groups: which rows belong together, and which of a group come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.authors import as_array
from resift.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["groups", "places"]


def groups(columns: Sequence[pa.ChunkedArray], separator: str) -> NDArray[np.int64]:
    """Return the group of each row, shape ``(n,)``: equal numbers are one group.

    A row with a null or NaN in any column is a group of its own, numbered below 0.

    Args:
        columns: At least one, of equal length.
        separator: Only what stands before the last one counts, of texts; all of it
            where it is empty.

    Raises:
        InputError: If values of a column cannot be compared, or a separator is looked
            for in what is no text.
    """
    found = np.zeros(len(columns[0]), dtype=np.int64)
    alone = np.zeros(len(found), dtype=bool)
    for column in columns:
        codes = _codes(column, separator)
        alone |= codes < 0
        pairs = found * (len(found) + 1) + codes  # both are below the number of rows
        found = np.unique(pairs, return_inverse=True)[1]
    found[alone] = -1 - np.arange(alone.sum())
    return found


def places(group: NDArray[np.int64], ranking: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of its group stand before each row, shape ``(n,)``.

    Args:
        group: The group of each row.
        ranking: The rows, best first.

    >>> places(np.array([7, 7, 3, 7]), np.array([3, 2, 1, 0]))
    array([2, 1, 0, 0])
    """
    together = ranking[np.argsort(group[ranking], kind="stable")]
    sizes = np.unique(group, return_counts=True)[1]
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    before = np.empty(len(group), dtype=np.int64)
    before[together] = np.arange(len(group)) - starts
    return before


def _codes(column: pa.ChunkedArray, separator: str) -> NDArray[np.int64]:
    """Return a number for each value, -1 for null and NaN."""
    values = as_array(column)
    if isinstance(values, pa.ExtensionArray):  # a UUID
        values = values.storage
    if pa.types.is_dictionary(values.type):  # which may hold a value twice
        values = as_array(values.dictionary_decode())
    if separator:
        values = _before(values, separator)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    try:
        encoded = values.dictionary_encode()
    except pa.ArrowException:
        msg = f"by must name a column whose values compare, got one of {values.type}."
        raise InputError(msg, who="collapse") from None
    codes: NDArray[np.int64] = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return codes


def _before(values: pa.Array, separator: str) -> pa.Array:
    """Return what stands before the last *separator* in each text."""
    if values.type not in (pa.string(), pa.large_string(), pa.null()):
        msg = f"by must name a column of texts for a separator, got {values.type}."
        raise InputError(msg, who="collapse")
    if pa.types.is_null(values.type):
        return values
    return pc.list_element(
        pc.split_pattern(values, separator, max_splits=1, reverse=True), 0
    )
