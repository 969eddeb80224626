"""Threads for calls that block or may hang: bounded in number, and daemons.

A running call cannot be cancelled in Python. So a caller who runs out of time leaves
the call to its thread and goes on; the thread is used again once the call returns. As
threads are daemons, a call that never returns does not keep the process alive, which
is what `concurrent.futures.ThreadPoolExecutor` would do.

When the process ends, calls that still run are asked to stop, and get a second to. For
before Python 3.14 a daemon thread that is inside C++ (torch, say) takes the process
down with it, exit code and all, when it comes back while the interpreter is ending.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import functools
import os
import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from resift.errors import BackendTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

__all__ = [
    "AllHangError",
    "Call",
    "Deadline",
    "NoWorkerError",
    "OverdueError",
    "Workers",
    "off_loop",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_IDLE = 10.0  # seconds after which a thread without work ends
_GRACE = 1.0  # seconds that running calls get when the process ends
_running: set[int] = set()  # threads that are in a call


class Deadline:
    """When the time of a call is up.

    Args:
        seconds: How long from now; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self, who: str) -> float | None:
        """Return the seconds left for *who*, None without a limit.

        Raises:
            BackendTimeoutError: If there are none.
        """
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            msg = f"{who} was not asked: the time for this call had run out."
            raise BackendTimeoutError(msg, who=who)
        return left


class OverdueError(Exception):
    """The call did not return in time, and still runs."""


class NoWorkerError(Exception):
    """The call did not begin in time: every thread was at work."""


class AllHangError(Exception):
    """The call was refused: in every thread hangs a call that nobody waits for."""


class Workers:
    """At most *limit* daemon threads, started when they are needed.

    A thread without work ends by itself. A process forked off starts its own.

    Args:
        limit: How many calls run at once; others wait for a free thread.
        name: What the threads are called.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()  # the garbage collector may call `close`
        self._calls: queue.SimpleQueue[Call[Any] | None] = queue.SimpleQueue()
        self._threads = 0
        self._load = 0  # calls that were submitted and have not ended
        self._hanging = 0  # calls that run and nobody waits for

    def run(self, function: Callable[[], _T], seconds: float | None) -> _T:
        """Run *function* in a thread and wait at most *seconds* for what it returns.

        The context variables are the caller's. What *function* raises is raised here.

        Raises:
            OverdueError: If it has not returned by then; it is left to its thread.
            NoWorkerError: If it has not even begun; then it never will.
            AllHangError: At once, if no thread can be expected to become free.
        """
        return self.result(self.start(function), seconds)

    def start(self, function: Callable[[], _T]) -> Call[_T]:
        """Run *function* in a thread; ask for its `result`, or `give_up`.

        Raises:
            AllHangError: If no thread can be expected to become free.
        """
        if self._pid != os.getpid():
            self._reset()
        call = Call(function)
        self._submit(call)
        return call

    def result(self, call: Call[_T], seconds: float | None) -> _T:
        """Wait for a call that was started here, as `run` does."""
        try:
            call.future.exception(seconds)
        except TimeoutError:
            if self.give_up(call):
                raise OverdueError from None
            if call.future.cancelled():
                raise NoWorkerError from None
        except BaseException:  # the caller itself is interrupted
            self.give_up(call)
            raise
        try:
            return call.future.result()
        finally:
            del call  # an error holds this frame: make no cycle of it

    def give_up(self, call: Call[_T]) -> bool:
        """Stop waiting; return whether the call is running and not yet done."""
        with self._lock:
            if call.future.cancel() or call.future.done():
                return False
            self._hanging += not call.hangs
            call.hangs = True
            return True

    def close(self) -> None:
        """Let the threads end once they have no work."""
        with self._lock:
            for _ in range(self._threads):
                self._calls.put(None)

    def _submit(self, call: Call[_T]) -> None:
        with self._lock:
            if self._hanging >= self._limit:
                raise AllHangError
            if self._threads < min(self._load + 1, self._limit):
                threading.Thread(
                    target=self._work, name=self._name, daemon=True
                ).start()
                self._threads += 1
            self._load += 1
            self._calls.put(call)

    def _work(self) -> None:
        while (call := self._next()) is not None:
            _running.add(threading.get_ident())
            call.run()
            _running.discard(threading.get_ident())
            with self._lock:
                self._load -= 1
                self._hanging -= call.hangs
            del call  # it holds documents, and the next may be long in coming

    def _next(self) -> Call[Any] | None:
        """Wait for a call; None when the thread shall end."""
        while True:
            is_idle = False
            try:
                call = self._calls.get(timeout=_IDLE)
            except queue.Empty:
                call, is_idle = None, True
            if call is not None:
                return call
            with self._lock:
                if not (is_idle and self._threads <= self._load):
                    self._threads -= 1
                    return None


class Call(Generic[_T]):
    """One call on its way: the function, its context, and where its result goes."""

    def __init__(self, function: Callable[[], _T]) -> None:
        self.future: Future[_T] = Future()
        self.hangs = False
        self._function = function
        self._context = contextvars.copy_context()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001  # raised again by `run`
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


async def off_loop(
    executor: Executor | None,
    function: Callable[_P, _T],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T:
    """Call *function* in a thread of *executor*, in the caller's context.

    Cancelling stops the waiting, not the thread.
    """
    context = contextvars.copy_context()
    call = functools.partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(executor, call)


@atexit.register
def _stop_calls() -> None:
    """Raise SystemExit in the threads that are in a call, and wait for them."""
    import ctypes

    for thread in tuple(_running):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread), ctypes.py_object(SystemExit)
        )
    end = time.monotonic() + _GRACE
    while _running and time.monotonic() < end:
        time.sleep(0.005)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)  # threads stay behind
