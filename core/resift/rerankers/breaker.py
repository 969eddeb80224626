"""The circuit breaker: leaves a backend alone that keeps failing, and tries it again.

It is closed at first: every call goes through. After *failures* failures in a row it
opens, and calls are refused at once. While it is open, one call in every *pause*
seconds goes through as a probe; the first success closes it again.

Nygard, "Release It!", 2007, names the pattern.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Decides whether a backend may be asked. May be used by many threads at once.

    Args:
        failures: How many failures in a row open it.
        pause: Seconds between two probes while it is open.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.failures = 0  # in a row, up to now
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._probe_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, probes aside."""
        return self.failures >= self._limit

    def admit(self) -> bool:
        """Tell whether a call may go through; a probe is admitted only once."""
        with self._lock:
            if not self.is_open:
                return True
            now = self._clock()
            if now < self._probe_at:
                return False
            self._probe_at = now + self._pause
            return True

    def succeeded(self) -> None:
        """The backend answered: close."""
        with self._lock:
            self.failures = 0

    def failed(self) -> None:
        """The backend failed, or did not answer in time."""
        with self._lock:
            self.failures += 1
            self._probe_at = self._clock() + self._pause
