"""The time that is left for a call."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resift.errors import BackendTimeoutError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

__all__ = ["Deadline"]


class Deadline:
    """A point in time after which a call must not start anything new.

    Args:
        timeout: Seconds from now; None for no limit.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout

    def check(self, progress: str) -> None:
        """Raise if the time is up.

        Args:
            progress: How far the call has got, as the message says it.

        Raises:
            BackendTimeoutError: If it is.
        """
        if self._end is not None and time.monotonic() >= self._end:
            raise self._expired(progress)

    @contextmanager
    def holding(self, lock: threading.Lock) -> Iterator[None]:
        """Hold *lock*, waiting for it no longer than there is time.

        Raises:
            BackendTimeoutError: If another thread holds it that long.
        """
        left = -1.0 if self._end is None else max(0.0, self._end - time.monotonic())
        if not lock.acquire(timeout=left):
            raise self._expired("another call still uses the model")  # noqa: EM101, TRY003  # not the message
        try:
            yield
        finally:
            lock.release()

    def _expired(self, progress: str) -> BackendTimeoutError:
        return BackendTimeoutError(
            f"colbert: the timeout of {self.timeout:g} s is over: {progress}. Give "
            "more time, score fewer documents (window), or store their token "
            "embeddings (option embeddings)."
        )
