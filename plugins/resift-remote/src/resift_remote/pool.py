"""`Pool`: what many threads share until the last of them is done with it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Pool"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Shared(Generic[T]):
    value: T
    shut: Callable[[], object]
    users: int = 0
    retired: bool = False


class Pool(Generic[T]):
    """Something with connections, opened at first use. Many threads may use it.

    `close` retires it, and the last thread that still uses it shuts it. A socket that
    is closed under a thread that reads from it may be handed to the next connection,
    and the thread would wait for bytes that are not meant for it.

    Whoever drops it without `close` has its connections closed all the same.

    Args:
        make: Opens it.
        shut: Closes it.
    """

    def __init__(self, make: Callable[[], T], shut: Callable[[T], object]) -> None:
        self._make = make
        self._shut = shut
        self._lock = threading.Lock()
        self._shared: _Shared[T] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the next use opens nothing."""
        return self._shared is not None

    def open(self) -> T:
        """Open it now, not at first use, and return it."""
        with self.using() as value:
            return value

    @contextmanager
    def using(self) -> Iterator[T]:
        """Yield what is shared; it stays open until the end of the block."""
        shared = self._taken()
        try:
            yield shared.value
        finally:
            with self._lock:
                shared.users -= 1
                last = shared.retired and not shared.users
            if last:
                shared.shut()

    def close(self) -> None:
        """Close it as soon as nobody uses it; the next use opens another one."""
        with self._lock:
            shared, self._shared = self._shared, None
            if shared is None:
                return
            shared.retired = True
            idle = not shared.users
        if idle:
            shared.shut()

    def _taken(self) -> _Shared[T]:
        with self._lock:
            if self._shared is None:
                value = self._make()
                # a finalizer: it works once, by whoever calls it first
                shut = weakref.finalize(self, self._shut, value)
                self._shared = _Shared(value, shut)
            self._shared.users += 1
            return self._shared
