"""The time that is left for a call."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import resift_local

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Deadline"]


class Deadline(resift_local.Deadline):
    """A point in time after which a call must not start anything new."""

    late = (
        "colbert: the timeout of {timeout:g} s is over: {progress}. Give more time, "
        "score fewer documents (window), or store their token embeddings (option "
        "embeddings)."
    )

    @contextmanager
    def holding(self, lock: threading.Lock) -> Iterator[None]:
        """Hold *lock*, waiting for it no longer than there is time.

        Raises:
            BackendTimeoutError: If another thread holds it that long.
        """
        if not lock.acquire(timeout=min(self.left, threading.TIMEOUT_MAX)):
            raise self.expired("another call still uses the model")  # noqa: EM101, TRY003  # not the message
        try:
            yield
        finally:
            lock.release()
