"""`Watchdog`: runs the checks, and gives one up that hangs.

A reranker that hangs must not hang its author's tests: each check runs in a thread of
its own kind, and the thread that waits for it looks at the clock. What hangs cannot be
ended in Python; it is left behind, and the message says what was asked of it.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hung", "Pulse", "Watchdog"]

_LOOK = 0.1
"""Seconds between two looks at the clock."""
_BUSY = 0.02
"""The share of the time that a process computes, below which it is only waiting."""
_PATIENCE = 4
"""How many times the limit a call may take that computes, or that comes first."""


class Hung(Exception):  # noqa: N818  # no error of ours: what the watchdog saw
    """A call did not come back in time."""


@dataclass
class Pulse:
    """When a reranker was asked last, and what."""

    case: object = None
    beats: int = 0
    answered: int = 0
    clock: float = 0.0
    cpu: float = 0.0

    def beat(self, case: object) -> None:
        """Note that the reranker is being asked *case* now."""
        self.case = case
        self.beats += 1
        self.clock, self.cpu = time.monotonic(), time.process_time()

    def over(self, limit: float) -> float:
        """Return how long the call in progress has hung; 0 where it has not.

        A call that waits for nothing in particular may take *limit* seconds. One that
        computes, or that comes first and may load a model, may take longer.
        """
        waited = time.monotonic() - self.clock
        busy = time.process_time() - self.cpu > _BUSY * waited
        patience = _PATIENCE if busy or not self.answered else 1
        return waited if waited > limit * patience else 0.0


class Watchdog:
    """Runs functions in one thread, and stops waiting for one that hangs.

    Args:
        pulse: Beats with every call of the reranker.
        limit: Seconds that a call may take.
    """

    def __init__(self, pulse: Pulse, limit: float) -> None:
        self._pulse = pulse
        self._limit = limit
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, function: Callable[[], None]) -> None:
        """Run *function* and raise what it raises.

        Raises:
            Hung: If it does not come back.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._jobs,), name="resift-contract", daemon=True
            )
            self._thread.start()
        done: Future[None] = Future()
        context = copy_context()
        self._pulse.beat(None)
        self._jobs.put((lambda: context.run(function), done))
        while True:
            try:
                done.result(timeout=_LOOK)
            except TimeoutError:
                if done.done():  # the function's own
                    raise
            else:
                return
            if seconds := self._pulse.over(self._limit):
                self._jobs, self._thread = queue.SimpleQueue(), None
                msg = f"it has not come back after {seconds:.0f} s"
                raise Hung(msg)

    def close(self) -> None:
        """Let the thread end."""
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._thread = None


def _work(
    jobs: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None],
) -> None:
    while job := jobs.get():
        function, done = job
        try:
            function()
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            done.set_exception(error)
        else:
            done.set_result(None)
        del job, function, done
