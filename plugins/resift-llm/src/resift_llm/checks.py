"""Refuse options that describe no request."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

__all__ = ["check_constants", "check_headers", "check_numbers"]

_OURS = ("messages", "stream")


def check_numbers(
    size: int, step: int, max_characters: int, max_tokens: int, temperature: float
) -> None:
    """Check the options that are numbers.

    Raises:
        ValueError: If one is out of its range.
    """
    for name, value, least in (
        ("size", size, 2),
        ("max_characters", max_characters, 1),
        ("max_tokens", max_tokens, 1),
    ):
        if value < least:
            msg = f"option {name!r} must be at least {least}, got {value!r}."
            raise ValueError(msg)
    if not 1 <= step < size:
        msg = (
            f"option 'step' must be from 1 to {size - 1}, below 'size', got {step!r}. "
            "Windows that do not overlap carry nothing to the head of the list."
        )
        raise ValueError(msg)
    if not 0 <= temperature < math.inf:
        msg = f"option 'temperature' must be at least 0, got {temperature!r}."
        raise ValueError(msg)


def check_constants(constants: Mapping[str, object]) -> None:
    """Check the further fields of a request.

    Raises:
        ValueError: If they are no JSON, or hold what the reranker itself must say.
    """
    for name in _OURS:
        if name in constants:
            msg = f"option 'constants' must not hold {name!r}: the reranker sets it."
            raise ValueError(msg)
    try:
        json.dumps(constants, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        msg = "option 'constants' must hold JSON: texts, finite numbers, lists, tables."
        raise ValueError(msg) from None


def check_headers(headers: Mapping[str, str], option: str = "headers") -> None:
    """Check the headers of an option; no message repeats what they hold.

    Raises:
        ValueError: If HTTP has no place for one.
    """
    for name, value in headers.items():
        if not (name and name.isascii() and name.replace("-", "").isalnum()):
            msg = f"option {option!r}: {name!r} is no name of a header."
            raise ValueError(msg)
        if not (value.isascii() and value.isprintable()):
            msg = (
                f"option {option!r}: the value of {name!r} holds a character that no "
                "HTTP header can hold."
            )
            raise ValueError(msg)
