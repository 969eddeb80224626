"""`Deadline`: the end of a call, for all its requests and all their attempts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from resift.errors import BackendTimeoutError

__all__ = ["Deadline"]


class Deadline:
    """The end of a call, shared by all its requests and all their attempts.

    Args:
        seconds: Time for the whole call.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._cancelled = threading.Event()

    @property
    def left(self) -> float:
        """Seconds left; 0 when it is over or was cancelled."""
        if self._cancelled.is_set():
            return 0.0
        return max(0.0, self._end - time.monotonic())

    def cancel(self) -> None:
        """End it now, for every thread that waits in `pause`."""
        self._cancelled.set()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        self._cancelled.wait(min(seconds, self.left))

    @contextmanager
    def holding(self, lock: threading.Lock, who: str) -> Iterator[None]:
        """Hold *lock*, which another thread may hold while it asks a server.

        Raises:
            BackendTimeoutError: If it is not to be had before the end.
        """
        if not lock.acquire(timeout=self.left):
            msg = "no answer in time (another thread is still asking). Raise 'timeout'."
            raise BackendTimeoutError(msg, who=who)
        try:
            yield
        finally:
            lock.release()
