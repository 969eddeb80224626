"""A watchdog: an import that hangs ends the command, and says whose it was."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["patience"]

SECONDS = 120.0  # a cold torch on a slow disk takes 30


@contextmanager
def patience(who: str) -> Iterator[None]:
    """End the process, with exit code 1, where what is inside takes too long.

    Nothing else can: Python has no way to interrupt a thread that hangs in an import.

    Args:
        who: Whose code is imported, as the message says it.
    """

    def give_up() -> None:
        sys.stderr.write(
            f"Error: {who}: importing it took longer than {SECONDS:g} seconds. "
            "The fault lies in that package, or in what it needs.\n"
        )
        sys.stderr.flush()
        os._exit(1)

    watchdog = threading.Timer(SECONDS, give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
