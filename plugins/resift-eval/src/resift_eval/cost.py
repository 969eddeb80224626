"""What an answer costs: how many documents models were given, in how many calls."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextvars import ContextVar

import resift
from resift.hookspecs import hookimpl

__all__ = ["Cost"]


class Cost:
    """A wrapper that counts, and counts a composite as the sum of its children."""

    def __init__(self) -> None:
        self.documents = 0
        self.calls = 0
        self._lock = threading.Lock()
        self._inner: ContextVar[list[bool] | None] = ContextVar("inner", default=None)

    def for_reranker(self, reranker: resift.Reranker) -> _Counting:
        """Return the wrapper of one reranker."""
        del reranker  # all count alike
        return _Counting(self)

    def reset(self) -> None:
        """Start from zero, for the next query."""
        self.documents = self.calls = 0

    def count(self, documents: int) -> Generator[None, object, object]:
        """Count one call, unless it turns out to be made of others."""
        outer, mine = self._inner.get(), [False]
        token = self._inner.set(mine)
        try:
            return (yield)
        finally:
            self._inner.reset(token)
            if outer is not None:
                outer[0] = True
            if not mine[0]:
                with self._lock:
                    self.documents += documents
                    self.calls += 1


class _Counting:
    def __init__(self, cost: Cost) -> None:
        self._cost = cost

    @hookimpl(wrapper=True)
    def score(self, documents: Sequence[str]) -> Generator[None, object, object]:
        return (yield from self._cost.count(len(documents)))
