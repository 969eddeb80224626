"""Read what a request cost, and add up what the requests of a call did."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from resift_remote.paths import value_at

__all__ = ["Tally", "usage_in"]

_USUAL: Final[Mapping[str, Sequence[str]]] = {
    "input_tokens": (
        "usage.input_tokens",
        "usage.prompt_tokens",
        "usage.total_tokens",
        "meta.tokens.input_tokens",
        "meta.billed_units.input_tokens",
    ),
    "output_tokens": (
        "usage.output_tokens",
        "usage.completion_tokens",
        "meta.tokens.output_tokens",
    ),
    "search_units": ("meta.billed_units.search_units", "usage.rerank_units"),
}
"""Where servers tell what a request cost, by what it is called here."""


def usage_in(
    answer: object, paths: Mapping[str, Sequence[str]] | None = None
) -> dict[str, float]:
    """Return what an answer says that it cost, with ``calls`` of 1.

    What is no number, or below 0, says nothing: an answer is of use without it.

    Args:
        answer: Its JSON.
        paths: For each name, where the number may stand, the first found wins; by
            default where most servers tell it.

    >>> usage_in({"results": [], "usage": {"total_tokens": 7}})
    {'calls': 1, 'input_tokens': 7}
    """
    usage: dict[str, float] = {"calls": 1}
    for name, places in (_USUAL if paths is None else paths).items():
        for place in places:
            value = value_at(answer, place)
            if isinstance(value, int | float) and _counts(value):
                usage[name] = value
                break
    return usage


class Tally:
    """What a call cost so far; many threads may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage: Counter[str] = Counter()

    def add(self, usage: Mapping[str, float]) -> None:
        """Add what one request cost."""
        with self._lock:
            self._usage.update(usage)

    @property
    def usage(self) -> dict[str, float]:
        """What it cost in all."""
        with self._lock:
            return dict(self._usage)


def _counts(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value) and value >= 0
