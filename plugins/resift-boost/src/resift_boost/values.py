"""Values: a column of any Arrow type as numbers, for times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.authors import as_array
from resift.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = ["Measure", "measured", "moment", "worth"]

Measure: TypeAlias = Literal["number", "duration", "time"]
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_TEXTS = (pa.string(), pa.large_string())


def measured(column: pa.ChunkedArray, name: str) -> tuple[FloatArray, Measure]:
    """Return a column as numbers, NaN where null, and what they measure.

    Times are seconds since 1970 in UTC, which those without a zone are taken to be in;
    so are texts, read as ISO 8601. Durations are seconds, true is 1.

    Raises:
        InputError: If it holds anything else.
    """
    values = _plain(column)
    kind = values.type
    if kind in _TEXTS:
        return np.array([_parsed(text) for text in values.to_pylist()]), "time"
    if pa.types.is_date(kind):
        values, kind = values.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        ticks = _floats(values.cast(pa.int64()))  # no unit of Arrow's overflows so
        measure: Measure = "time" if pa.types.is_timestamp(kind) else "duration"
        return ticks / _TICKS[kind.unit], measure
    with suppress(pa.ArrowException):
        if not pa.types.is_nested(kind) and not pa.types.is_binary(kind):
            return _floats(values), "number"
    raise _misfit(name, "numbers, times or ISO dates", kind)


def worth(
    column: pa.ChunkedArray, values: Mapping[str, float], name: str
) -> FloatArray:
    """Return what *values* say of each row, NaN of null and of all other values.

    Raises:
        InputError: If the column cannot be written as text.
    """
    rows = _plain(column)
    try:
        texts = rows.cast(pa.large_string())
    except pa.ArrowException:
        raise _misfit(name, "texts, numbers or booleans", rows.type) from None
    known = pa.array(values, pa.large_string())
    places = pc.index_in(texts, value_set=known)
    return _floats(pa.array(values.values(), pa.float64()).take(places))


def moment(value: date | str) -> float:
    """Return a time in seconds since 1970; one without a zone is in UTC.

    Raises:
        ValueError: If a text is no ISO 8601.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return zoned.timestamp()


def _parsed(text: str | None) -> float:
    with suppress(ValueError):
        return np.nan if text is None else moment(text)
    return np.nan


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Return the values without dictionary and views."""
    values = as_array(column)
    if pa.types.is_dictionary(values.type):
        values = as_array(values.dictionary_decode())
    return values


def _floats(values: pa.Array) -> FloatArray:
    floats = values.cast(pa.float64(), safe=False)  # beyond 2**53 rounded
    return floats.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _misfit(name: str, wanted: str, kind: pa.DataType) -> InputError:
    msg = f"the column {name!r} must hold {wanted}, got {kind}."
    return InputError(msg, who="boost")
