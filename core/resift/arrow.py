"""Arrow in and out: what counts as a table, its texts, and rows taken from it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    _PandasFrame: TypeAlias = Any  # pandas has no types of its own

__all__ = [
    "OURS",
    "RELEVANCE",
    "as_list",
    "as_table",
    "column_at",
    "compact",
    "decoded",
    "gather",
    "is_list",
    "pick",
    "plain",
    "safe_text",
    "stored",
    "take",
    "text_columns",
    "text_of",
]

_T = TypeVar("_T")
RELEVANCE = "_relevance_score"
OURS = {b"resift": b"output"}  # marks the columns that resift itself has added
_TEXT = {"text": "text=..."}  # as Python spells that argument
_TEXTS = {pa.string(), pa.large_string(), pa.string_view(), pa.null()}
_SMALL = 1_000  # rows: chunks of fewer on average are laid end to end
_SPARSE = 4  # take before concatenating where fewer than 1 row in 4 is wanted
_LIGHT = 500_000  # bytes: of a table so small, one call takes rows faster than several


def as_table(result: object, what: str = "rerank: a result") -> pa.Table:
    """Return *result* as an Arrow table, without copying where it can be avoided.

    Args:
        result: A table, a record batch, a pandas or polars frame, a list of mappings,
            or anything else that exports an Arrow stream. The named index of a pandas
            frame becomes a column; a lazy polars frame is collected.
        what: What it is, as messages call it.

    Raises:
        InputError: If it is nothing of the kind, or a column cannot be Arrow.
    """
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pa.RecordBatch):
        return pa.Table.from_batches([result])
    if isinstance(result, list | tuple) and all(isinstance(r, Mapping) for r in result):
        return _from_mappings(result, what)
    if _is_of("pandas", "DataFrame", result):
        return _from_pandas(result, what)
    if _is_of("polars", "LazyFrame", result):
        result = result.collect()  # type: ignore[attr-defined]  # as just tested
    try:
        if hasattr(result, "__arrow_c_stream__"):
            return pa.table(result)
    except (ValueError, TypeError, OverflowError) as error:
        if "non-struct" not in str(error):  # a column alone is no table
            msg = f"{what} cannot be an Arrow table: {_reason(error)}"
            raise InputError(msg) from None  # the cause may quote a document
    msg = (
        f"{what} must be an Arrow table, a pandas or polars frame, or a list of "
        f"mappings, got {type(result).__name__}. {_remedy(result)}"
    )
    raise InputError(msg)


def as_list(values: Iterable[_T], who: str) -> Sequence[_T]:
    """Return an array, a series, an iterator as a list; its missing values as None.

    A sequence is returned as it is; so is what is no list of anything (a string, a
    mapping, a set): whoever asked refuses it.

    Raises:
        InputError: If an Arrow array holds a string that is not UTF-8.
    """
    given: Any = values
    listed: Sequence[_T] = given
    if isinstance(given, pa.Array | pa.ChunkedArray):
        try:
            listed = given.to_pylist()
        except UnicodeDecodeError:
            msg = "a string of an Arrow array is not valid UTF-8. Mend it."
            raise InputError(msg, who=who) from None  # the cause quotes the document
    elif (
        isinstance(given, Iterable)
        and not isinstance(given, Sequence | str | bytes | Mapping | AbstractSet)
        and getattr(given, "ndim", 1) == 1
    ):
        missing: Any = None
        listed = [missing if _is_missing(value) else value for value in given]
    return listed


def _is_missing(value: object) -> bool:
    """Tell whether *value* is what pandas and numpy write where there is none."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return is_nan or type(value).__name__ in ("NAType", "NaTType")


def _is_of(package: str, name: str, value: object) -> bool:
    """Tell whether *value* is of a class of a package that may not be installed."""
    return any(
        kind.__name__ == name and kind.__module__.partition(".")[0] == package
        for kind in type(value).__mro__
    )


_CALLS = (  # what makes a table of what others return
    "to_frame",
    "to_arrow",
    "to_pyarrow",
    "to_arrow_table",
    "fetch_arrow_table",
    "to_table",
    "toArrow",
    "compute",
    "to_pandas",
)


def _remedy(result: object) -> str:
    """Return the one call that makes a result of *result*."""
    if inspect.isawaitable(result):
        return "Await it first."
    if isinstance(result, Mapping):
        return "Make a table of its columns: pyarrow.table(result)."
    if isinstance(result, pa.Array | pa.ChunkedArray):
        return "Give it a name: pyarrow.table({name: column})."
    call = next((name for name in _CALLS if hasattr(result, name)), None)
    if call is None:
        return "Strings are ranked by Reranker.rank."
    if inspect.iscoroutinefunction(getattr(result, call)):
        call = f"await .{call}"
    if hasattr(result, "search"):  # a whole table of LanceDB
        return f"Search it first, and pass what .search(...).{call}() returns."
    return f"Pass what its .{call}() returns."


def _from_pandas(frame: _PandasFrame, what: str) -> pa.Table:
    """Return a frame with its named index as a column, or several."""
    frame = _with_index(frame, what)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (ValueError, TypeError, OverflowError) as error:
        if frame.columns.has_duplicates:
            msg = f"{what} cannot be an Arrow table: {_reason(error)}"
            raise InputError(msg) from None
    return pa.table({str(n): _column(n, frame[n].tolist(), what) for n in frame})


def _with_index(frame: _PandasFrame, what: str) -> _PandasFrame:
    for level, name in enumerate(frame.index.names):
        if name is None:
            continue
        values = frame.index.get_level_values(level)
        if name not in frame.columns:
            frame = frame.assign(**{name: values})
        elif frame[name].tolist() != values.tolist():
            msg = (
                f"{what} has a column {name!r} and an index of that name, and they "
                "differ. Rename one: frame.rename_axis(...)."
            )
            raise InputError(msg)
    return frame


def _from_mappings(rows: Sequence[Mapping[object, object]], what: str) -> pa.Table:
    """Return mappings as a table of all their keys, null where one lacks a key."""
    names = dict.fromkeys(chain.from_iterable(rows))
    if wrong := [name for name in names if not isinstance(name, str)]:
        msg = f"{what} must have strings as keys, got {type(wrong[0]).__name__}."
        raise InputError(msg)
    if rows and not names:
        msg = f"{what} has rows without keys. Select some columns."
        raise InputError(msg)
    return pa.table(
        {str(n): _column(n, [row.get(n) for row in rows], what) for n in names}
    )


def _column(name: object, values: Sequence[object], what: str) -> pa.Array:
    """Return Python values as a column; pandas' NaN among others is a null.

    Raises:
        InputError: If they are of several types, or of one that Arrow does not know.
    """
    texts = [safe_text(v) if isinstance(v, str) else v for v in values]
    for kind, from_pandas in ((None, False), (None, True), (pa.uint64(), True)):
        try:
            return pa.array(texts, kind, from_pandas=from_pandas)
        except (ValueError, TypeError, OverflowError):
            continue
    found = dict.fromkeys(type(v).__name__ for v in values if v is not None)
    held = " and ".join(sorted(found))
    msg = (
        f"{what} has a column {name!r} that cannot be Arrow: it holds {held}. "
        "Give it values of one type."
    )
    raise InputError(msg)


def _reason(error: Exception) -> str:
    """Return what Arrow says of a column, without what it says of a value."""
    return f"{str(error.args[-1]).rstrip('.')}."


_SURROGATE = re.compile("[\ud800-\udfff]")


def safe_text(text: str) -> str:
    """Return *text* as every model and server can read it: no lone surrogates.

    Half an emoji, cut in the middle, becomes U+FFFD.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def text_of(
    table: pa.Table,
    column: str | Sequence[str],
    who: str,
    place: Callable[[int], str] = "row {}".format,
) -> list[str | None]:
    """Return the documents' texts as Python strings, None where null.

    Args:
        table: One row per document.
        column: A column of strings, or of lists of strings, which are joined by a
            newline; ``"meta.title"`` reads a field of a struct; several columns are
            joined by a newline, too, nulls left out.
        who: The reranker, as messages name it.
        place: Names a row of *table*, as messages call it.

    Raises:
        InputError: If a column is missing, does not hold strings, or holds one that
            is not UTF-8.
    """
    if isinstance(column, str):
        return _texts(table, column, who, place)
    parts = [_texts(table, name, who, place) for name in column]
    return [_joined(row) for row in zip(*parts, strict=True)]


def _texts(
    table: pa.Table, name: str, who: str, place: Callable[[int], str]
) -> list[str | None]:
    values = _strings(table, name, who)
    try:
        texts: list[str | None] = values.to_pylist()
    except UnicodeDecodeError:
        row = next(i for i in range(len(values)) if not _is_readable(values, i))
        msg = (
            f"the text column {name!r} is not valid UTF-8 in {place(row)}. "
            "Mend that text, or leave its row out."
        )
        raise InputError(msg, who=who) from None  # the cause quotes the document
    if is_list(values.type):
        return [value if value is None else _joined(value) for value in texts]
    return texts


def _is_readable(values: pa.ChunkedArray, row: int) -> bool:
    try:
        values[row].as_py()
    except UnicodeDecodeError:
        return False
    return True


def _joined(parts: Iterable[str | None]) -> str | None:
    return "\n".join(part for part in parts if part is not None) or None


def text_columns(column: str | Sequence[str], available: Sequence[str]) -> list[str]:
    """Return the table columns that *column* reads, in their order."""
    names = [column] if isinstance(column, str) else list(column)
    return [n if n in available else n.partition(".")[0] for n in names]


def column_at(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column; ``"meta.title"`` is a field of a struct.

    Raises:
        LookupError: If there is none; its arguments are what lacks a field, and which,
            or nothing where the column itself is missing.
    """
    try:
        return table.column(name)
    except KeyError:
        column, *path = name.split(".")
    if column not in table.schema.names:
        raise LookupError
    values = table.column(column)
    for part in path:
        known = [f.name for f in values.type] if pa.types.is_struct(values.type) else []
        if part not in known:
            raise LookupError(column, part)
        values = pc.struct_field(values, part)
    return values


def _strings(table: pa.Table, name: str, who: str) -> pa.ChunkedArray:
    try:
        values = column_at(table, name)
    except LookupError as error:
        if error.args:
            column, part = error.args
            msg = f"text column {name!r}: {column!r} has no field {part!r}."
            raise InputError(msg, who=who) from None
        columns = ", ".join(map(repr, table.column_names))
        msg = f"the results have no text column {name!r}. Columns: {columns}"
        remedy = "Name the right one with {text}, and select it in the search."
        raise InputError(msg, who=who, remedy=remedy, arguments=_TEXT) from None
    kind = values.type
    if pa.types.is_dictionary(kind) or is_list(kind):
        kind = kind.value_type
    if len(table) and kind not in _TEXTS:  # an empty frame may be of any type
        msg = f"the text column {name!r} must hold strings, got {values.type}"
        remedy = "Name another with {text}, or cast it."
        raise InputError(msg, who=who, remedy=remedy, arguments=_TEXT)
    return values


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is one of lists, of any kind."""
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


def compact(table: pa.Table) -> pa.Table:
    """Return a table of small chunks as one of few; others as they are."""
    chunks = max((column.num_chunks for column in table.columns), default=0)
    if chunks <= 1 or len(table) > chunks * _SMALL:
        return table
    try:
        return table.combine_chunks()
    except pa.ArrowException:  # dictionaries that do not fit into one
        return table


def gather(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Take rows; where few are wanted, of each chunk before laying them end to end."""
    few = len(rows) * _SPARSE < len(table) and table.nbytes > _LIGHT
    if few and len(batches := table.to_batches()) > 1:
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


def pick(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> pa.ChunkedArray:
    """Take values of a column, as `gather` takes rows."""
    if len(rows) * _SPARSE >= len(column):
        try:
            return pc.call_function("take", [column, pa.array(rows)])
        except pa.ArrowException:
            pass
    return gather(pa.table([column], [""]), rows).column(0)


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
        msg = f"column {name!r} cannot be reordered: {_reason(error)} Cast it."
        raise InputError(msg, who="rerank") from None


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


def stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values that an extension type (a UUID, say) stores."""
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    chunks = [chunk.storage for chunk in column.chunks]
    return stored(pa.chunked_array(chunks, column.type.storage_type))


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
