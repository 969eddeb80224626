"""`Boost`: what one column is worth, from a table of options."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn, Self, TypeAlias

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from resift.errors import InputError
from resift_boost.values import Measure, measured, moment, worth

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = ["Boost"]

_MOST = 1e30  # more, and scores would no longer fit the float32 they are shown in
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({'|'.join(_SECONDS)})\s*")

_DECAYS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "exp": lambda far: 0.5**far,
    "gauss": lambda far: 0.5 ** (far**2),
    "linear": lambda far: np.maximum(0, 1 - far / 2),
}
_CURVES: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "linear": np.copy,
    "log1p": np.log1p,
}


@dataclass(frozen=True, kw_only=True)
class Boost:
    r"""What one column is worth: a *decay*, a *curve*, or *values*.

    A decay is 1 at *origin* and up to *offset* away from it, and a half at *scale*
    beyond that. With :math:`x` the distance beyond the offset, in scales, ``exp`` is
    :math:`2^{-x}`, ``gauss`` :math:`2^{-x^2}` and ``linear`` :math:`\max(0, 1 - x/2)`:
    the decay functions of search engines, with their ``decay`` of 0.5.

    Args:
        column: The column to read.
        weight: What the boost is multiplied by; below 0 it moves documents down.
        decay: How it falls with the distance from *origin*.
        origin: Where it is 1: a number, or a time, as ISO text too. Now for times, 0
            for numbers and durations.
        offset: The distance from *origin* up to which it stays 1.
        scale: The distance beyond *offset* at which a half is left: a number, or of
            times a text such as ``"14d"`` (ms, s, m for minutes, h, d, w).
        half_life: Another name for *scale*.
        curve: Of numbers: ``"linear"``, the number itself, or ``"log1p"``, the natural
            logarithm of the number plus 1.
        values: What each value is worth, by its text (``"true"``, ``"3"``); others 0.

    Raises:
        ValueError: If the options do not go together, or one is out of range.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    column: str
    weight: float = 1.0
    decay: Literal["exp", "gauss", "linear"] | None = None
    origin: float | datetime | date | str | None = None
    offset: float | str = 0.0
    scale: float | str | None = None
    half_life: float | str | None = None
    curve: Literal["linear", "log1p"] | None = None
    values: dict[str, float] | None = None

    def __post_init__(self) -> None:
        if wrong := self._wrong():
            raise ValueError(wrong)

    def _wrong(self) -> str | None:
        """Return what is wrong with the options, None where nothing is."""
        if [self.decay, self.curve, self.values].count(None) != 2:
            names = ("decay", "curve", "values")
            given = [name for name in names if getattr(self, name) is not None]
            got = " and ".join(given) or "none"
            return f"must have one of decay, curve and values, got {got}"
        if not np.isfinite([self.weight, *(self.values or {}).values()]).all():
            return "must have a finite weight and finite values"
        scales = [s for s in (self.scale, self.half_life) if s is not None]
        if self.decay is None:
            extra = scales or self.offset or self.origin is not None
            return "must have a decay to use origin, offset or scale" if extra else None
        return self._wrong_lengths(scales) or self._wrong_origin()

    def _wrong_lengths(self, scales: list[float | str]) -> str | None:
        for length in (*scales, self.offset):
            if isinstance(length, str) and not _LENGTH.fullmatch(length):
                return (
                    "must have numbers, or texts such as '14d' (ms, s, m, h, d, w), as "
                    f"its scale, half_life and offset, got {length!r}"
                )
        lengths = len(scales) == 1 and 0 < _length(scales[0]) < np.inf
        if not (lengths and 0 <= _length(self.offset) < np.inf):
            return "must have one scale or half_life above 0, and no offset below 0"
        return None

    def _wrong_origin(self) -> str | None:
        with suppress(ValueError):
            if self._start is None or np.isfinite(self._start):
                return None
        return "must have a finite number, or an ISO time, as its origin"

    @classmethod
    def read(cls, table: Mapping[str, object], place: str) -> Self:
        """Return the boost that a table of options describes.

        Raises:
            ValueError: If one is unknown, missing or wrong; says so with its *place*.
        """
        try:
            return TypeAdapter(cls).validate_python(table)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join([place, *map(str, first["loc"][:1])])
            reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        msg = f"{where}: {reason}."
        raise ValueError(msg)

    @property
    def is_absolute(self) -> bool:
        """Whether it is the same whenever it is asked."""
        return self.decay is None or self.origin is not None

    def of(self, column: pa.ChunkedArray) -> tuple[FloatArray, int]:
        """Return what each row adds, 0 where it says nothing, and how many are odd.

        A null says nothing. A value that is odd (NaN, infinite, no date, too low for
        the curve, too high for a score) says nothing either, and is counted.

        Raises:
            InputError: If the column holds what cannot be boosted by.
        """
        if self.values is not None:
            known = worth(column, self.values, self.column)
            return self.weight * np.nan_to_num(known), 0
        raw, measure = measured(column, self.column)
        with np.errstate(all="ignore"):
            fade = self._fading if self.curve is None else self._curved
            found = self.weight * fade(raw, measure)
        usable = np.isfinite(raw) & (np.abs(found) <= _MOST)
        odd = len(raw) - column.null_count - int(usable.sum())
        return np.where(usable, found, 0.0), odd

    @property
    def _start(self) -> float | None:
        """The origin as a number, of times in seconds since 1970."""
        origin = self.origin
        return moment(origin) if isinstance(origin, date | str) else origin

    def _curved(self, raw: FloatArray, measure: Measure) -> FloatArray:
        if measure != "number":
            self._misfit(measure, "it needs a decay or values, not a curve")
        return _CURVES[self.curve or "linear"](raw)

    def _fading(self, raw: FloatArray, measure: Measure) -> FloatArray:
        scale = self.half_life if self.scale is None else self.scale
        lengths = [length for length in (scale, self.offset) if length]
        if any(isinstance(length, str) is (measure == "number") for length in lengths):
            wanted = "numbers" if measure == "number" else "texts such as '14d'"
            self._misfit(measure, f"scale and offset must be {wanted}")
        start = self._start
        if start is None:
            start = time.time() if measure == "time" else 0.0
        elif measure != ("time" if isinstance(self.origin, date | str) else "number"):
            self._misfit(measure, "the origin must be one, or be left out")
        far = np.maximum(np.abs(raw - start) - _length(self.offset), 0.0)
        return _DECAYS[self.decay or "exp"](far / _length(scale))

    def _misfit(self, measure: Measure, so: str) -> NoReturn:
        msg = f"the column {self.column!r} holds {measure}s, so that {so}."
        raise InputError(msg, who="boost")


def _length(distance: float | str | None) -> float:
    """Return a distance as a number, of times in seconds; NaN where it is none."""
    if not isinstance(distance, str):
        return np.nan if distance is None else distance
    match = _LENGTH.fullmatch(distance)
    return float(match[1]) * _SECONDS[match[2]] if match else np.nan
