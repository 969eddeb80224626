"""`Deadline`: the end of a call, checked between its batches."""

from __future__ import annotations

import math
import time
from typing import ClassVar

from resift.errors import BackendTimeoutError

__all__ = ["Deadline"]


class Deadline:
    """When a call must have ended; a subclass has the words for a call that has not.

    Attributes:
        late: The message then, with places for ``{progress}`` and ``{timeout:g}``.

    Args:
        timeout: Seconds from now, or None for no end.
    """

    late: ClassVar[str]

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

    def expired(self, progress: str) -> BackendTimeoutError:
        """Return the error that says so."""
        message = self.late.format(progress=progress, timeout=self.timeout)
        return BackendTimeoutError(message)
