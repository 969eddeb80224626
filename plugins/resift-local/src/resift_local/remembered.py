"""`Remembered`: what was made of texts, kept from call to call, within bounds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

__all__ = ["Remembered"]

T = TypeVar("T")


class Remembered(Generic[T]):
    """What was made of the texts used last; any number of threads may ask.

    Args:
        megabytes: How much to keep; None keeps nothing.
    """

    def __init__(self, megabytes: int | None) -> None:
        self._room = (megabytes or 0) * 2**20
        self._taken = 0
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> list[T | None]:
        """Return what is known of each text, None where nothing is."""
        if not self._room:
            return [None] * len(texts)
        found: list[T | None] = []
        with self._lock:
            for text in texts:
                known = self._kept.get(text)
                if known is not None:
                    self._kept.move_to_end(text)
                found.append(None if known is None else known[0])
        return found

    def keep(self, text: str, value: T, size: int) -> None:
        """Keep *value*, of *size* bytes, and let go of what was not used longest."""
        size += len(text)
        if size > self._room:
            return
        with self._lock:
            if (old := self._kept.pop(text, None)) is not None:
                self._taken -= old[1]
            self._kept[text] = value, size
            self._taken += size
            while self._taken > self._room:
                _, (_, freed) = self._kept.popitem(last=False)
                self._taken -= freed
