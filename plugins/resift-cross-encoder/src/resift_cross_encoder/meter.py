"""Watching a call between its batches: the time left, and the progress bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

from resift.errors import BackendTimeoutError
from resift_cross_encoder.pairs import IntArray

__all__ = ["Deadline", "metered"]

_PATIENCE = 2.0  # seconds before a bar shows: most calls are over by then


class Deadline:
    """When a call must have ended.

    Args:
        timeout: Seconds from now, or None for no end.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._start = time.monotonic()

    def check(self, done: int, total: int) -> None:
        """Refuse to go on when the time is up.

        Raises:
            BackendTimeoutError: If it is.
        """
        if self.timeout is None or time.monotonic() - self._start < self.timeout:
            return
        msg = (
            f"cross-encoder: {done} of {total} documents were scored when the timeout "
            f"of {self.timeout:g} s ran out. Score fewer (window=...), allow more "
            "time, or call warmup() before the first request."
        )
        raise BackendTimeoutError(msg)


def metered(
    batches: Iterable[IntArray], total: int, deadline: Deadline, *, show: bool | None
) -> Iterator[IntArray]:
    """Hand out batches while there is time, and show how far the call has come.

    Args:
        batches: The batches, as indices of pairs.
        total: How many pairs there are.
        deadline: When to stop.
        show: Whether to show a bar; None for calls of more than two seconds whose
            standard error is a terminal.

    Raises:
        BackendTimeoutError: If the time is up before the last batch.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    wanted = sys.stderr.isatty() if show is None else show
    bar = tqdm(
        total=total,
        desc="cross-encoder",
        unit="pair",
        disable=not wanted,
        delay=_PATIENCE if show is None else 0,
        leave=False,
    )
    done = 0
    with bar:
        for batch in batches:
            deadline.check(done, total)
            yield batch
            done += len(batch)
            bar.update(len(batch))
