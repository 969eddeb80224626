"""`Settings`: what every reranker has besides its options, checked once.

A setting is a field here, with its check. Config entries, `resift.load`, `Reranker` and
LanceDB's search hand settings on whole, so that a new one touches this class alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from math import inf, nan
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from resift.errors import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Settings",
    "Text",
    "Weights",
    "column_name",
    "column_names",
    "count",
    "seconds",
    "shares",
]

Text: TypeAlias = str | Sequence[str]
Weights: TypeAlias = Sequence[float] | Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a reranker does beside its own options; None leaves a setting open.

    Args:
        merge: The merger to use: a name, a table with ``use``, or an instance.
        weights: What each list counts for in the merge, ``>= 0``: in order, or by the
            lists' names, 1 for those not named.
        top_k: How many documents to return; all by default.
        window: How many documents of the merged union to score; the rest follow
            unscored. All by default.
        min_score: The least probability of a document that is returned, 0 to 1.
        text: The column that holds the text, ``"text"`` by default; several are joined.
        instruction: What to count as relevant, in words.
        price: What one of each thing counted in `usage` costs, by its name; `usage`
            then has the ``cost`` of an answer, too.

    Raises:
        InputError: If one is out of range; its `parameter` says which.
    """

    merge: object = None
    weights: Weights | None = None
    top_k: int | None = None
    window: int | None = None
    min_score: float | None = None
    text: Text | None = None
    instruction: str | None = None
    price: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check(value))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all settings."""
        return tuple(field.name for field in fields(cls))

    @property
    def text_column(self) -> Text:
        """The column that holds the text, or several."""
        return self.text or "text"

    def given(self) -> dict[str, Any]:
        """Return what is set."""
        return {k: v for k in self.names() if (v := getattr(self, k)) is not None}

    def but(self, **given: object) -> Self:
        """Return these settings with everything *given* that is not None put on top."""
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            return self
        changed = object.__new__(type(self))  # what is set here has been checked
        vars(changed).update(vars(self))
        for name, value in changes.items():
            vars(changed)[name] = _CHECKS[name](value) if name in _CHECKS else value
        return changed

    def over(self, other: Self) -> Self:
        """Return *other* with everything that is set here put on top."""
        given = self.given()
        return type(self)(**{**other.given(), **given}) if given else other


def count(name: str, value: object) -> int:
    """Return a count that is one.

    Raises:
        InputError: If it is no integer of at least 1.
    """
    try:
        index = operator.index(value)  # type: ignore[arg-type]  # numpy's, too
    except TypeError:
        index = 0
    if isinstance(value, bool) or index < 1:
        requirement = "must be an integer of at least 1, or None"
        raise InputError(requirement, parameter=name, value=_openly(value))
    return index


def column_name(name: str, value: object) -> str:
    """Return the name of a column.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(value, str) and value:
        return value
    requirement = "must be the name of a column"
    raise InputError(requirement, parameter=name, value=value)


def column_names(name: str, value: object) -> Sequence[str]:
    """Return a list of names.

    Raises:
        InputError: If it is anything else, a single string among it.
    """
    if _are_names(value):
        return value  # type: ignore[return-value]  # as just checked
    requirement = "must be a list of names"
    raise InputError(requirement, parameter=name, value=value)


def seconds(name: str, value: object) -> float | None:
    """Return a time in seconds, or None.

    Raises:
        InputError: If it is no number above 0.
    """
    if value is None:
        return None
    if isinstance(value, Real) and not isinstance(value, bool):
        number = _number(value)
        if number > 0:
            return number
    requirement = "must be seconds, a number above 0, or None"
    raise InputError(requirement, parameter=name, value=value)


def shares(weights: Weights | None, names: Sequence[str]) -> tuple[float, ...]:
    """Return what each of the lists *names* counts for: 1 where nothing is said.

    Raises:
        InputError: If there are not as many as lists, or one names no list.
    """
    if weights is None:
        return (1.0,) * len(names)
    lists = ", ".join(map(repr, names))
    if isinstance(weights, Mapping):
        for name in weights:
            if name not in names:
                message = f"must name lists of this search, but {name!r} is none"
                remedy = f"Lists: {lists}."
                raise InputError(message, parameter="weights", remedy=remedy)
        values = tuple(weights.get(name, 1.0) for name in names)
    else:
        values = tuple(weights)
    if len(values) != len(names):
        message = f"must have one value per list ({len(names)}), got {len(values)}"
        raise InputError(message, parameter="weights", remedy=f"Lists: {lists}.")
    if not any(values):
        requirement = "must not all be 0"
        raise InputError(requirement, parameter="weights")
    return values


def _weights(value: object) -> Weights:
    items: list[Any]
    try:
        if isinstance(value, str | bytes):
            raise TypeError  # noqa: TRY301  # its characters may be digits
        items = list(value.values() if isinstance(value, Mapping) else value)  # type: ignore[call-overload]
        if any(isinstance(item, str | bytes | bool) for item in items):
            raise TypeError  # noqa: TRY301
        numbers = [float(item) for item in items]
    except (TypeError, ValueError, OverflowError):
        requirement = "must be numbers, one per list, in order or by the list's name"
        raise InputError(requirement, parameter="weights", value=value) from None
    if not all(0 <= number < inf for number in numbers) or not any(numbers):
        requirement = "must be finite, not negative and not all 0"
        raise InputError(requirement, parameter="weights", value=value)
    if isinstance(value, Mapping):
        return dict(zip(value, numbers, strict=True))
    return tuple(numbers)


def _probability(value: object) -> float:
    if isinstance(value, Real) and not isinstance(value, bool):
        number = _number(value)
        if 0 <= number <= 1:
            return number
    requirement = "must be a number from 0 to 1, or None"
    raise InputError(requirement, parameter="min_score", value=_openly(value))


def _text(value: object) -> Text:
    if (isinstance(value, str) or _are_names(value)) and value:
        return value  # type: ignore[return-value]  # as just checked
    requirement = "must be the name of a column, or a list of names"
    raise InputError(requirement, parameter="text", value=value)


def _instruction(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    requirement = "must be words that say what counts as relevant, or None"
    raise InputError(requirement, parameter="instruction", value=_openly(value))


def _price(value: object) -> Mapping[str, float]:
    if isinstance(value, Mapping) and value:
        prices = {
            name: _number(price)
            for name, price in value.items()
            if isinstance(price, Real) and not isinstance(price, bool)
        }
        named = all(isinstance(name, str) and name != "cost" for name in value)
        fit = all(0 <= price < inf for price in prices.values())
        if named and fit and len(prices) == len(value):
            return prices
    requirement = "must give a number of at least 0 for each thing that is paid"
    remedy = "Names are those of usage: { search_units = 0.002 }, say."
    raise InputError(
        requirement, parameter="price", value=_openly(value), remedy=remedy
    )


_CHECKS: Mapping[str, Callable[[object], object]] = {
    "weights": _weights,
    "top_k": partial(count, "top_k"),
    "window": partial(count, "window"),
    "min_score": _probability,
    "text": _text,
    "instruction": _instruction,
    "price": _price,
}


def _are_names(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return all(isinstance(name, str) for name in value)


def _number(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # more than a float can be
        return nan


class _Kind:
    """A value that a message shows by its type: in a file it may be a misplaced key."""

    def __init__(self, value: object) -> None:
        self._name = type(value).__name__

    def __repr__(self) -> str:
        return self._name


def _openly(value: object) -> object:
    """Return a number or an empty value as it is, and all else by its type."""
    return value if not value or isinstance(value, Real) else _Kind(value)
