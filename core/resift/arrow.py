"""Arrow in and out: what counts as a table, its texts, and rows taken from it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "OURS",
    "RELEVANCE",
    "as_table",
    "decoded",
    "gather",
    "plain",
    "safe_text",
    "take",
    "text_columns",
    "text_of",
]

RELEVANCE = "_relevance_score"
OURS = {b"resift": b"output"}  # marks the columns that resift itself has added
_TEXTS = {pa.string(), pa.large_string(), pa.string_view(), pa.null()}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPARSE = 4  # take before concatenating where fewer than 1 row in 4 is wanted


def as_table(result: object, what: str = "rerank: a result") -> pa.Table:
    """Return *result* as an Arrow table, without copying where it can be avoided.

    Args:
        result: A table, a record batch, a pandas or polars frame, or anything else
            that exports an Arrow stream.
        what: What it is, as messages call it.

    Raises:
        InputError: If it is nothing of the kind, or a column cannot be Arrow.
    """
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pa.RecordBatch):
        return pa.Table.from_batches([result])
    try:
        if type(result).__module__.partition(".")[0] == "pandas":
            return pa.Table.from_pandas(result, preserve_index=False)
        if hasattr(result, "__arrow_c_stream__"):
            return pa.table(result)
    except AttributeError:  # a pandas series has no columns
        pass
    except (ValueError, TypeError, OverflowError) as error:  # mixed types, huge numbers
        if "non-struct" not in str(error):  # a column alone is no table
            msg = f"{what} cannot be an Arrow table: {_reason(error)}"
            raise InputError(msg) from None  # the cause may quote a document
    msg = (
        f"{what} must be an Arrow table or a pandas or polars frame, got "
        f"{type(result).__name__}. Strings are ranked by Reranker.rank."
    )
    raise InputError(msg)


def _reason(error: Exception) -> str:
    """Return what Arrow says of a column, without what it says of a value."""
    if isinstance(error, UnicodeError):
        return "a string is not valid Unicode."
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


def safe_text(text: str) -> str:
    """Return *text* as every model and server can read it: no lone surrogates.

    Half an emoji, cut in the middle, becomes U+FFFD.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


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
    kind = values.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if len(table) and kind not in _TEXTS:  # an empty frame may be of any type
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


def take(rows: pa.Table, indices: NDArray[np.int64]) -> pa.Table:
    """Take rows of a table; types stay as they are.

    Raises:
        InputError: If the dictionaries of a column do not fit into one.
    """
    wanted = pa.array(indices)
    try:
        return pc.call_function("take", [rows, wanted])  # what rows.take calls, slower
    except pa.ArrowException:  # no kernel takes views, which polars exports
        columns = [
            _picked(name, column, indices)
            for name, column in zip(rows.schema.names, rows.columns, strict=True)
        ]
        return pa.table(columns, schema=rows.schema)


def _picked(name: str, column: pa.ChunkedArray, indices: NDArray[np.int64]) -> pa.Array:
    """Take rows of a column of any type, one by one where Arrow has no other way."""
    try:
        if pa.types.is_dictionary(column.type):
            return _with_one_dictionary(column, pa.array(indices))
        if (kind := plain(column.type)) != column.type:
            taken = column.cast(kind).take(pa.array(indices))
            return taken.combine_chunks().cast(column.type)
        values = column.combine_chunks()
        rows = [values.slice(i, 1) for i in indices.tolist()]
        return pa.concat_arrays(rows) if rows else values.slice(0, 0)
    except pa.ArrowException as error:
        msg = f"rerank: column {name!r} cannot be reordered: {_reason(error)} Cast it."
        raise InputError(msg) from None


def _with_one_dictionary(column: pa.ChunkedArray, indices: pa.Array) -> pa.Array:
    """Take rows of a column whose chunks have dictionaries too large for one.

    Only the values that are taken need a place in it.
    """
    encoded = decoded(column).take(indices).combine_chunks().dictionary_encode()
    kind = column.type
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(kind.index_type),
        encoded.dictionary.cast(kind.value_type),
        ordered=kind.ordered,
    )


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values of a dictionary column, of a type that can be taken."""
    kind = plain(column.type.value_type)
    chunks = [c.dictionary.cast(kind).take(c.indices) for c in column.chunks]
    return pa.chunked_array(chunks, kind)


@lru_cache(maxsize=256)
def plain(kind: pa.DataType) -> pa.DataType:
    """Return a type of the same values without views, which Arrow cannot take."""
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(plain(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_field(kind))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain_field(kind), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_plain_field(kind))
    views = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return views.get(kind, kind)


def _plain_field(kind: pa.DataType) -> pa.Field:
    return kind.value_field.with_type(plain(kind.value_type))
