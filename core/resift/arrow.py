"""Arrow in and out: what counts as a table, its texts, and rows taken from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_Rows = TypeVar("_Rows", pa.Table, pa.ChunkedArray)

__all__ = [
    "OURS",
    "PLAIN",
    "RELEVANCE",
    "as_table",
    "gather",
    "take",
    "text_columns",
    "text_of",
]

RELEVANCE = "_relevance_score"
OURS = {b"resift": b"output"}  # marks the columns that resift itself has added
PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
"""For each type that Arrow cannot take from, one that it can."""
_SPARSE = 4  # take before concatenating where fewer than 1 row in 4 is wanted


def as_table(result: object) -> pa.Table:
    """Return *result* as an Arrow table, without copying where it can be avoided.

    Args:
        result: A table, a record batch, a pandas or polars frame, or anything else
            that exports an Arrow stream.

    Raises:
        InputError: If it is nothing of the kind.
    """
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pa.RecordBatch):
        return pa.Table.from_batches([result])
    if type(result).__module__.partition(".")[0] == "pandas":
        try:
            return pa.Table.from_pandas(result, preserve_index=False)
        except (pa.ArrowException, ValueError) as error:  # mixed types, a name twice
            msg = f"rerank: the frame cannot be an Arrow table: {_reason(error)}"
            raise InputError(msg) from None  # the cause may quote a document
    if hasattr(result, "__arrow_c_stream__"):
        return pa.table(result)
    msg = (
        "rerank: each result must be an Arrow table or a pandas or polars frame, got "
        f"{type(result).__name__}. Strings are ranked by Reranker.rank."
    )
    raise InputError(msg)


def _reason(error: Exception) -> str:
    """Return what Arrow says of a column, without what it says of a value."""
    return f"{str(error.args[-1]).rstrip('.')}."


def text_of(table: pa.Table, column: str | Sequence[str], who: str) -> list[str | None]:
    """Return the documents' texts as Python strings, None where null.

    Args:
        table: One row per document.
        column: A string column; ``"meta.title"`` reads a field of a struct; several
            are joined by a newline, nulls left out.
        who: The reranker, as messages name it.

    Raises:
        InputError: If a column is missing or does not hold strings.
    """
    if isinstance(column, str):
        texts: list[str | None] = _strings(table, column, who).to_pylist()
        return texts
    parts = [_strings(table, name, who).to_pylist() for name in column]
    return [
        "\n".join(part for part in row if part is not None) or None
        for row in zip(*parts, strict=True)
    ]


def text_columns(column: str | Sequence[str], available: Sequence[str]) -> list[str]:
    """Return the table columns that *column* reads, in their order."""
    names = [column] if isinstance(column, str) else list(column)
    return [n if n in available else n.partition(".")[0] for n in names]


def _strings(table: pa.Table, name: str, who: str) -> pa.ChunkedArray:
    column, *path = [name] if name in table.column_names else name.split(".")
    if column not in table.column_names:
        msg = (
            f"{who}: the results have no text column {name!r}. Columns: "
            f"{', '.join(map(repr, table.column_names))}. Name the right one with "
            "text=..., and select it in the search."
        )
        raise InputError(msg)
    values = table[column]
    for part in path:
        known = [f.name for f in values.type] if pa.types.is_struct(values.type) else []
        if part not in known:
            msg = f"{who}: text column {name!r}: {column!r} has no field {part!r}."
            raise InputError(msg)
        values = pc.struct_field(values, part)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_null(kind):
        return values
    if not any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
        )
    ):
        msg = (
            f"{who}: the text column {name!r} must hold strings, got {kind}. "
            "Name another with text=..., or cast it."
        )
        raise InputError(msg)
    return values


def gather(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Take rows; where few are wanted, of each chunk before laying them end to end."""
    if len(rows) * _SPARSE < len(table) and len(batches := table.to_batches()) > 1:
        stops = np.cumsum([len(batch) for batch in batches])
        source = np.searchsorted(stops, rows, side="right")
        place = np.argsort(np.argsort(source, kind="stable"))
        chunks = [pa.Table.from_batches([batch]) for batch in batches]
        table = pa.concat_tables(
            take(chunk, rows[source == i] - (stops[i] - len(chunk)))
            for i, chunk in enumerate(chunks)
        )
        rows = place
    return take(table, rows)


def take(rows: _Rows, indices: NDArray[np.int64]) -> _Rows:
    """Take rows of a table or of a column."""
    wanted = pa.array(indices)
    try:
        return pc.call_function("take", [rows, wanted])  # what rows.take calls, slower
    except pa.ArrowNotImplementedError as error:
        reason = _reason(error)
    if isinstance(rows, pa.ChunkedArray):
        plain = PLAIN.get(rows.type, rows.type)
        target = rows.type
    else:  # views, which polars exports, cannot be taken
        plain = pa.schema(
            field.with_type(PLAIN.get(field.type, field.type)) for field in rows.schema
        )
        target = rows.schema
    try:
        return rows.cast(plain).take(wanted).cast(target)
    except pa.ArrowNotImplementedError:  # run-end encoded, say
        msg = f"rerank: a column cannot be reordered: {reason} Cast it."
        raise InputError(msg) from None
