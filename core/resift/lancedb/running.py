"""Running a search against the clock: legs side by side, then what follows them.

What does not answer in time is left to its thread, a daemon: a call that hangs holds up
neither the search nor the end of the process. Each table and each reranker has threads
of its own, so that one that hangs leaves those of the others free.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pyarrow as pa

from resift.errors import BackendError, BackendTimeoutError
from resift.threads import AllHangError, Call, NoWorkerError, OverdueError, Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = [
    "OUT_OF_TIME",
    "Outcome",
    "agather",
    "gather",
    "in_thread",
    "within",
    "workers_of",
]

Outcome: TypeAlias = pa.Table | BaseException  # of one leg
_T = TypeVar("_T")

OUT_OF_TIME = (BackendTimeoutError, OverdueError, NoWorkerError, AllHangError)
"""What is raised where there was too little time, by whomever."""
_MOST = 128  # calls at once on one table, or of one reranker
_pools: dict[tuple[int, str], Workers] = {}
_lock = threading.Lock()


def workers_of(owner: object, task: str) -> Workers:
    """Return the threads in which calls of one kind run on *owner*."""
    key = id(owner), task
    with _lock:
        if key not in _pools:
            _pools[key] = Workers(_MOST, f"resift-{task}")
            with contextlib.suppress(TypeError):  # one that cannot tell its end
                weakref.finalize(owner, _forget, key).atexit = False
        return _pools[key]


def _forget(key: tuple[int, str]) -> None:
    """End the threads of an owner that has ended.

    The garbage collector calls this, maybe in a thread that holds `_lock`: so it takes
    no lock of this module.
    """
    _pools.pop(key).close()


def gather(
    calls: Sequence[Callable[[], pa.Table]], workers: Workers, seconds: float | None
) -> list[Outcome]:
    """Run the legs side by side; a failure or a timeout becomes its outcome."""
    end = None if seconds is None else time.monotonic() + seconds
    started: list[Call[pa.Table]] = []
    try:
        for call in calls:
            started.append(workers.start(call))  # noqa: PERF401  # some may have started
        return [_outcome(call, workers, end) for call in started]
    except AllHangError:
        error = BackendError("earlier searches of this table still hang")
        return [error] * len(calls)
    finally:
        for each in started:
            workers.give_up(each)


def _outcome(call: Call[pa.Table], workers: Workers, end: float | None) -> Outcome:
    try:
        left = None if end is None else max(0.0, end - time.monotonic())
        return workers.result(call, left)
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


async def in_thread(workers: Workers, function: Callable[[], _T]) -> _T:
    """Run what blocks off the event loop."""
    call = workers.start(function)
    try:
        return await asyncio.wrap_future(call.future)
    finally:
        workers.give_up(call)


def within(workers: Workers, seconds: float | None, function: Callable[[], _T]) -> _T:
    """Run a step of the search for at most *seconds*; None is here and now.

    Raises:
        OverdueError, NoWorkerError, AllHangError: If there is no result by then.
    """
    return function() if seconds is None else workers.run(function, seconds)
