"""One call of the SDK with retries and a deadline.

The SDK retries by itself, but waits up to a minute each time whatever the timeout, and
counts its timeout anew for every attempt. So it is told not to, and this does.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from resift.errors import BackendError
from resift_cohere.failures import Failure

__all__ = ["Deadline", "call"]

T = TypeVar("T")

_FIRST = 0.5  # seconds before the first retry
_LONGEST = 8.0  # seconds before any retry, unless the server asks for more


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


def call(
    request: Callable[[float], T],
    max_retries: int,
    deadline: Deadline,
    describe: Callable[[Failure], BackendError],
) -> T:
    """Return what *request* returns, asking again where that may help.

    Args:
        request: Sends the request; takes the seconds it may last.
        max_retries: How often to ask again.
        deadline: When to stop.
        describe: Makes the error of the last attempt.

    Raises:
        BackendError: If there is no answer. It stands alone, since the SDK's own error
            repeats the whole body of the answer.
    """
    attempt = 1
    while True:
        if deadline.left <= 0:
            failure = Failure(timed_out=True, lost="no time left")
        else:
            try:
                return request(deadline.left)
            except Exception as error:  # noqa: BLE001  # whatever the SDK raises
                failure = Failure.of(error)
        pause = _backoff(attempt, failure.retry_after)
        if not failure.transient or attempt > max_retries or pause >= deadline.left:
            break
        deadline.pause(pause)
        attempt += 1
    raise describe(failure.after(attempt))


def _backoff(attempt: int, asked: float | None) -> float:
    """Return the seconds before another attempt: what was asked for, or ever longer.

    A little of it is chance: clients that failed together must not come back together.
    """
    chance = random.random()  # noqa: S311  # no secret depends on it
    if asked is not None:
        return asked * (1.0 + 0.1 * chance)
    return min(_LONGEST, _FIRST * 2.0 ** (attempt - 1)) * (0.5 + 0.5 * chance)
