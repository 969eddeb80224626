"""The request: the arguments of one rerank call, checked, settings filled in."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from numbers import Real
from typing import NamedTuple

from resift.errors import InputError
from resift.secrets import shown

__all__ = [
    "Request",
    "checked_name",
    "checked_names",
    "checked_text",
    "checked_timeout",
    "least_one",
]


class Request(NamedTuple):
    """The arguments of one `Reranker.rerank` call, settings filled in."""

    top_k: int | None
    text: str | Sequence[str]
    id: str | None
    weights: Sequence[float] | None
    names: Sequence[str] | None
    window: int | None
    min_score: float | None
    explain: bool
    timeout: float | None
    drop: Sequence[str] = ()


def least_one(name: str, value: int | None) -> int | None:
    """Return a count that is one, or None.

    Raises:
        InputError: If it is no integer of at least 1.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        msg = f"{name} must be an integer of at least 1, or None, got {shown(value)}."
        raise InputError(msg)
    return int(value)


def checked_text(text: object) -> str | Sequence[str]:
    """Return the text column, or several; ``"text"`` for None.

    Raises:
        InputError: If it is no name, and no list of names.
    """
    if text is None:
        return "text"
    if isinstance(text, str) and text:
        return text
    if _are_names(text) and text:
        return text  # type: ignore[return-value]  # as just checked
    msg = f"text must be the name of a column, or a list of names, got {shown(text)}."
    raise InputError(msg)


def checked_name(name: str, value: object) -> str:
    """Return the name of a column.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(value, str) and value:
        return value
    msg = f"{name} must be the name of a column, got {shown(value)}."
    raise InputError(msg)


def checked_names(name: str, value: object) -> Sequence[str]:
    """Return a list of names.

    Raises:
        InputError: If it is anything else, a single string among it.
    """
    if _are_names(value):
        return value  # type: ignore[return-value]  # as just checked
    msg = f"{name} must be a list of names, got {shown(value)}."
    raise InputError(msg)


def checked_timeout(timeout: object) -> float | None:
    """Return a timeout in seconds, or None.

    Raises:
        InputError: If it is no number above 0.
    """
    if timeout is None:
        return None
    if isinstance(timeout, Real) and not isinstance(timeout, bool):
        try:
            seconds = float(timeout)
        except OverflowError:  # more than a float can be
            seconds = nan
        if seconds > 0:
            return seconds
    msg = f"timeout must be seconds, a number above 0, or None, got {shown(timeout)}."
    raise InputError(msg)


def _are_names(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(name, str) for name in value)
    )
