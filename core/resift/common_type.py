"""The common type: one type for a column of several lists, in which no value is lost.

pandas, polars, Parquet and LanceDB write the same values in types of their own: string,
large string, string view or a dictionary, integers and floats of any width, a list of
fixed size or not. Such columns are one column. Unlike ones, of strings and numbers say,
are not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from resift.arrow import decoded, plain, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["in_one_type"]

_Family: TypeAlias = object
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_STRINGS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
)
_BINARIES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def in_one_type(columns: Sequence[pa.ChunkedArray]) -> list[pa.ChunkedArray] | None:
    """Return columns in one type: the first's, if every value fits, or a wider one.

    Columns of nothing but nulls have no say: they take the type of the others.

    Returns:
        The columns, aligned; None where no type holds all values as they are.
    """
    saying = [column for column in columns if column.null_count < len(column)]
    kinds = list(dict.fromkeys(column.type for column in saying or columns))
    if len({_family(kind) for kind in kinds}) > 1 or _names_differ(kinds):
        return None
    for target in _targets(kinds):
        if all(_is_checked(kind, target) for kind in kinds):
            try:
                return [_cast(column, target) for column in columns]
            except pa.ArrowException:  # a value that does not fit, or no such cast
                continue
    return None


def _targets(kinds: Sequence[pa.DataType]) -> Iterator[pa.DataType]:
    """Yield the types that may hold all values, best first."""
    yield from kinds
    widest = [plain(_storage(kind)) for kind in kinds]
    yield from widest
    schemas = [pa.schema([("", kind)]) for kind in widest]
    try:
        yield pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:  # Arrow knows none
        return


def _names_differ(kinds: Sequence[pa.DataType]) -> bool:
    """Tell whether there are extension types of several names: they mean other things.

    One beside its storage is fine.
    """
    names = {k.extension_name for k in kinds if isinstance(k, pa.BaseExtensionType)}
    return len(names) > 1


@lru_cache(maxsize=256)
def _family(kind: pa.DataType) -> _Family:
    """Return what values of a type are, whatever their width or encoding."""
    kind = _storage(kind)
    for name, tests in (
        ("number", _NUMBERS),
        ("string", _STRINGS),
        ("binary", _BINARIES),
        ("date", (pa.types.is_date,)),
        ("time", (pa.types.is_time,)),
        ("duration", (pa.types.is_duration,)),
    ):
        if any(test(kind) for test in tests):
            return name
    if pa.types.is_timestamp(kind):
        return "timestamp", kind.tz is None
    if any(test(kind) for test in _LISTS):
        return "list", _family(kind.value_type)
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_map(kind):
        return "map", _family(kind.key_type), _family(kind.item_type)
    return kind


def _is_checked(kind: pa.DataType, target: pa.DataType) -> bool:
    """Tell whether Arrow raises where a cast would lose something, or none can.

    It does not where a float becomes a narrower one, or a field falls out.
    """
    kind, target = _storage(kind), _storage(target)
    if pa.types.is_floating(kind) and pa.types.is_floating(target):
        return bool(kind.bit_width <= target.bit_width)
    if pa.types.is_decimal(kind) or pa.types.is_decimal(target):
        return not (pa.types.is_floating(kind) or pa.types.is_floating(target))
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in target}
        return all(
            field.name in fields
            and _family(field.type) == _family(fields[field.name])
            and _is_checked(field.type, fields[field.name])
            for field in kind
        )
    if pa.types.is_map(kind):
        return _is_checked(kind.key_type, target.key_type) and _is_checked(
            kind.item_type, target.item_type
        )
    if any(test(kind) for test in _LISTS):
        return _is_checked(kind.value_type, target.value_type)
    return True


def _storage(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary, an extension, or runs."""
    if isinstance(kind, pa.BaseExtensionType):
        return _storage(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _storage(kind.value_type)
    return kind


def _cast(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Return a column in another type of its family.

    Raises:
        pa.ArrowException: If a value does not fit, or Arrow knows no such cast.
    """
    if column.type == target:
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), target)])
    column = stored(column)
    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(target):
        column = decoded(column)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if pa.types.is_dictionary(target):  # no cast from views to it
        column = column.cast(plain(_storage(column.type)))
    return column.cast(target)
