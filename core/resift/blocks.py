"""Blocks of queries: how many of them are scored together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Block", "Limits", "spans"]

_LETTERS = 4  # are about a token


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is scored together; a query with more is a block by itself.

    Args:
        documents: Documents; a query without any counts as one, as it is held, too.
        tokens: Tokens of those, told from the length of their texts.
    """

    documents: int = 3200
    tokens: int = 1_000_000


class Block:
    """As many of the next queries as the limits allow, at least one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._documents = self._letters = 0

    def takes(self, documents: int, letters: int) -> bool:
        """Return whether one more query fits; if not, it is the first of the next."""
        documents = max(documents, 1)
        is_full = self._documents > 0 and (
            self._documents + documents > self._limits.documents
            or self._letters + letters > self._limits.tokens * _LETTERS
        )
        if is_full:
            self._documents = self._letters = 0
        self._documents += documents
        self._letters += letters
        return not is_full


def spans(
    sizes: Iterable[tuple[int, int]], limits: Limits | None
) -> Iterator[tuple[int, int]]:
    """Yield where each block of queries starts and stops.

    Args:
        sizes: How many documents each query has, and how many letters those.
        limits: How much is in a block; None makes one block of all.
    """
    block = None if limits is None else Block(limits)
    start = stop = 0
    for stop, size in enumerate(sizes, 1):
        if block is not None and not block.takes(*size):
            yield start, stop - 1
            start = stop - 1
    if stop:
        yield start, stop
