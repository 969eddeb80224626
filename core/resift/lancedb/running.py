"""Running a search against the clock: legs side by side, then what follows them.

What does not answer in time is left to its thread, a daemon: a call that hangs holds up
neither the search nor the end of the process.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pyarrow as pa

from resift.errors import BackendError, BackendTimeoutError
from resift.event_loop import off_loop
from resift.workers import AllHangError, Call, NoWorkerError, OverdueError, Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = [
    "OUT_OF_TIME",
    "Outcome",
    "agather",
    "awithin",
    "gather",
    "in_thread",
    "searches",
    "within",
]

Outcome: TypeAlias = pa.Table | BaseException  # of one leg
_T = TypeVar("_T")

OUT_OF_TIME = (BackendTimeoutError, OverdueError, NoWorkerError, AllHangError)
"""What is raised where there was too little time, by whomever."""
_legs = Workers(64, "resift-leg")
_steps = Workers(32, "resift-step")
searches = Workers(64, "resift-search")


def gather(
    calls: Sequence[Callable[[], pa.Table]], seconds: float | None
) -> list[Outcome]:
    """Run the legs side by side; a failure or a timeout becomes its outcome."""
    end = None if seconds is None else time.monotonic() + seconds
    started: list[Call[pa.Table]] = []
    try:
        for call in calls:
            started.append(_legs.start(call))  # noqa: PERF401  # some may have started
        return [_outcome(call, end) for call in started]
    except AllHangError:
        error = BackendError("legs of earlier searches still hang in all threads")
        return [error] * len(calls)
    finally:
        for each in started:
            _legs.give_up(each)


def _outcome(call: Call[pa.Table], end: float | None) -> Outcome:
    try:
        left = None if end is None else max(0.0, end - time.monotonic())
        return _legs.result(call, left)
    except (OverdueError, NoWorkerError):
        return _late()
    except Exception as error:  # noqa: BLE001  # of one leg: the others may answer
        return error


async def agather(
    calls: Sequence[Awaitable[pa.Table]], seconds: float | None
) -> list[Outcome]:
    """`gather` for coroutines."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        await asyncio.wait(tasks, timeout=seconds)
        return [
            (task.exception() or task.result()) if task.done() else _late()
            for task in tasks
        ]
    finally:
        for task in tasks:
            task.cancel()


def _late() -> TimeoutError:
    return TimeoutError("no answer in time")


async def in_thread(function: Callable[[], _T], workers: Workers = _legs) -> _T:
    """Run what blocks off the event loop: a part of an async leg, or a search."""
    call = workers.start(function)
    try:
        return await asyncio.wrap_future(call.future)
    finally:
        workers.give_up(call)


def within(seconds: float | None, function: Callable[[], _T]) -> _T:
    """Run a step of the search, for at most *seconds*.

    Raises:
        OverdueError, NoWorkerError, AllHangError: If there is no result by then.
    """
    return function() if seconds is None else _steps.run(function, seconds)


async def awithin(seconds: float | None, function: Callable[[], _T]) -> _T:
    """`within`, off the event loop."""
    if seconds is None:
        return await off_loop(None, function)
    call = _steps.start(function)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(call.future), seconds)
    except TimeoutError:
        raise OverdueError from None
    finally:
        _steps.give_up(call)
