"""When to ask again, how long to wait, and when to stop."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

from resift_remote.deadline import Deadline

__all__ = ["Reply", "backoff", "retried", "retry_after"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_FIRST = 0.5  # seconds before the first retry
_LONGEST = 8.0  # seconds before any retry, unless the server asks for more


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[T_co]):
    """What an attempt brought.

    Args:
        status: The HTTP status; 0 where no answer came.
        answer: The answer, or what came instead of one.
        retry_after: The seconds that the server asks to wait, if it does.
        lost: Why no answer came, in words; ``""`` where one came.
        timed_out: Whether no answer came in time.
        hopeless: Whether the same request would only fail again.
        remedy: What to do where no answer came, if the reason tells.
        meant: The status that the body means, where that is an error under HTTP 200.
        location: Where a redirect points to, as messages show it.
        proxy: The proxy that was asked, as messages show it; ``""`` without one.
        attempts: How many attempts were made.
    """

    status: int = 0
    answer: T_co | None = None
    retry_after: float | None = None
    lost: str = ""
    timed_out: bool = False
    hopeless: bool = False
    remedy: str = ""
    meant: int | None = None
    location: str = ""
    proxy: str = ""
    attempts: int = 1

    @property
    def succeeded(self) -> bool:
        """Whether it is an answer, by its status and by what its body means."""
        return 200 <= self.status < 300 and self.meant is None

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later: HTTP 408, 429, 5xx, no answer."""
        status = self.status if self.meant is None else self.meant
        passes = not status or status in (408, 429) or status >= 500
        return passes and not self.hopeless


def retried(
    ask: Callable[[float], Reply[T]], max_retries: int, deadline: Deadline
) -> Reply[T]:
    """Ask until there is an answer worth having, or time is up.

    Args:
        ask: Makes one attempt; takes the seconds it may last, and raises for nothing
            that a server or a network does.
        max_retries: How often to ask again.
        deadline: When to stop.

    Returns:
        What the last attempt brought.
    """
    attempt = 1
    while True:
        left = deadline.left
        reply = ask(left) if left > 0 else Reply(lost="no time left", timed_out=True)
        pause = backoff(attempt, reply.retry_after)
        if not reply.transient or attempt > max_retries or pause >= deadline.left:
            return replace(reply, attempts=attempt)
        deadline.pause(pause)
        attempt += 1


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


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that headers ask to wait, or None.

    ``Retry-After`` holds seconds or an HTTP date, ``Retry-After-Ms`` milliseconds.

    Args:
        headers: Headers by name, in lower case if their case counts.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        header = headers.get(name)
        if header is None:
            continue
        try:
            seconds = float(header) * unit
        except ValueError:
            seconds = _until(header)
        if 0 <= seconds < math.inf:
            return seconds
    return None


def _until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
