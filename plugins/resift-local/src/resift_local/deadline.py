"""`Deadline`: the end of a call, checked between its batches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from resift.errors import BackendTimeoutError

__all__ = ["Deadline"]


class Deadline:
    """When a call must have ended; a subclass has the words for one that has not.

    Attributes:
        who: The reranker.
        remedy: What to do when the time is not enough.

    Args:
        timeout: Seconds from now, or None for no end.
    """

    who: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._end = math.inf if timeout is None else time.monotonic() + timeout

    @property
    def left(self) -> float:
        """Seconds left; 0 when it is over, infinity where there is no end."""
        return max(0.0, self._end - time.monotonic())

    def check(self, progress: str) -> None:
        """Refuse to go on when the time is up.

        Args:
            progress: How far the call has come, as the message says it.

        Raises:
            BackendTimeoutError: If it is.
        """
        if not self.left:
            raise self.expired(progress)

    @contextmanager
    def holding(self, lock: threading.Lock, busy: str) -> Iterator[None]:
        """Hold *lock*, waiting for it no longer than there is time.

        Args:
            lock: Held while the context lasts.
            busy: What the message says of whoever holds it.

        Raises:
            BackendTimeoutError: If another thread holds it that long.
        """
        if not lock.acquire(timeout=min(self.left, threading.TIMEOUT_MAX)):
            raise self.expired(busy)
        try:
            yield
        finally:
            lock.release()

    def expired(self, progress: str) -> BackendTimeoutError:
        """Return the error that says so."""
        return BackendTimeoutError(
            f"{progress} when the timeout of {self.timeout:g} s ran out. {self.remedy}",
            who=self.who,
        )
