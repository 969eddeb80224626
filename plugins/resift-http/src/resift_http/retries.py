"""When to ask again, how long to wait, and when to stop: the only place that decides.

A whole call has one `Deadline`, shared by all its requests and all their attempts.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resift.errors import BackendTimeoutError

__all__ = ["Deadline", "backoff", "is_transient", "retry_after"]

_FIRST = 0.5  # seconds before the first retry
_LONGEST = 8.0  # seconds before any retry, unless the server asks for more


class Deadline:
    """The end of a call.

    Args:
        seconds: Time for the whole call.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
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
            msg = (
                f"{who}: no answer in time (another thread is still asking). Raise "
                "'timeout'."
            )
            raise BackendTimeoutError(msg)
        try:
            yield
        finally:
            lock.release()


def is_transient(status: int) -> bool:
    """Tell whether the same request may succeed later: HTTP 408, 429 and 5xx."""
    return status in (408, 429) or status >= 500


def backoff(attempt: int, asked: float | None = None) -> float:
    """Return the seconds to wait before another attempt.

    Args:
        attempt: Attempts so far, from 1.
        asked: What the server asked for, which is waited in full.

    Returns:
        Twice as long each time, up to 8 s, and by chance up to a half shorter (or, of
        what was asked for, up to a tenth longer): clients that failed together must not
        come back together.
    """
    chance = random.random()  # noqa: S311  # no secret depends on it
    if asked is not None:
        return asked * (1.0 + 0.1 * chance)
    return min(_LONGEST, _FIRST * 2.0 ** (attempt - 1)) * (0.5 + 0.5 * chance)


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, or None.

    Args:
        header: Seconds, or an HTTP date.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = _until(header)
    return seconds if 0 <= seconds < math.inf else None


def _until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
