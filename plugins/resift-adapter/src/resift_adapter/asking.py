"""Retrievers asked side by side: one that fails costs its list, not the answer."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import resift
from resift.authors import NoWorkerError, OverdueError, Workers
from resift.errors import BackendError

__all__ = ["aask", "ask"]

T = TypeVar("T")
_LOG = logging.getLogger("resift")
_NAME = "resift-retriever"
_WORKERS = Workers(sys.maxsize, _NAME)  # as many as are asked at once, kept for a while


def ask(
    calls: Mapping[str, Callable[[], T]],
    who: str,
    *,
    timeout: float | None = None,
    limit: int | None = None,
) -> tuple[dict[str, T | None], tuple[str, ...]]:
    """Call all at once, in threads, in the caller's context.

    Args:
        calls: What to call, by name.
        who: What messages call whoever asks.
        timeout: Seconds for all of them; those that take longer are left to their
            threads.
        limit: How many run at once; all by default.

    Returns:
        What each returned, None where it failed, and a note for each that did.

    Raises:
        BackendError: If all fail.
    """
    if len(calls) == 1 and timeout is None:
        return _told({name: _attempt(call) for name, call in calls.items()}, who)
    end = None if timeout is None else time.monotonic() + timeout
    few = limit is not None and limit < len(calls)
    workers = Workers(limit, _NAME) if limit and few else _WORKERS
    answers: dict[str, T | _Failure] = {}
    try:
        mine = [] if few or end is not None else list(calls)[-1:]  # needs no thread
        started = {n: workers.start(c) for n, c in calls.items() if n not in mine}
        for name in mine:
            answers[name] = _attempt(partial(copy_context().run, calls[name]))
        for name, running in started.items():
            left = None if end is None else max(end - time.monotonic(), 0)
            answers[name] = _attempt(partial(workers.result, running, left), timeout)
    finally:
        if workers is not _WORKERS:
            workers.close()
    return _told({name: answers[name] for name in calls}, who)


async def aask(
    calls: Mapping[str, Callable[[], Awaitable[T]]],
    who: str,
    *,
    timeout: float | None = None,  # noqa: ASYNC109  # costs a list, not the call
    limit: int | None = None,
) -> tuple[dict[str, T | None], tuple[str, ...]]:
    """`ask` on the event loop; what takes too long is cancelled."""
    turns = asyncio.Semaphore(limit or max(len(calls), 1))

    async def asked(call: Callable[[], Awaitable[T]]) -> T:
        async with turns:
            return await call()

    tasks = {name: asyncio.create_task(asked(call)) for name, call in calls.items()}
    late: set[asyncio.Task[T]] = set()
    try:
        if tasks:
            late = (await asyncio.wait(tasks.values(), timeout=timeout))[1]
    finally:  # the caller may be cancelled, too
        for task in tasks.values():
            task.cancel()
    await asyncio.sleep(0)  # so that they hear of it
    answers = {
        name: _late(timeout) if task in late else _attempt(task.result)
        for name, task in tasks.items()
    }
    return _told(answers, who)


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    error: BaseException


def _attempt(call: Callable[[], T], timeout: float | None = None) -> T | _Failure:
    """Call; an error tells its kind, as its words may hold a key or a text."""
    try:
        return call()
    except (OverdueError, NoWorkerError):
        return _late(timeout)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # costs its list
        return _Failure(type(error).__name__, error)


def _late(timeout: float | None) -> _Failure:
    reason = f"no answer within {timeout or 0:g} s"
    return _Failure(reason, TimeoutError(reason))


def _told(
    answers: Mapping[str, T | _Failure], who: str
) -> tuple[dict[str, T | None], tuple[str, ...]]:
    """Return the answers, and a note for each failure, which is logged, too.

    Raises:
        BackendError: If there are failures alone.
    """
    failed = {n: a for n, a in answers.items() if isinstance(a, _Failure)}
    if failed and len(failed) == len(answers):
        reasons = ", ".join(f"{n!r} ({f.reason})" for n, f in failed.items())
        errors = [failure.error for failure in failed.values()]
        cause = BaseExceptionGroup("retrievers", errors) if errors[1:] else errors[0]
        msg = f"no retriever answered: {reasons}."
        raise BackendError(msg, who=who) from cause
    notes = []
    for name, failure in failed.items():
        text = f"{who}: {name!r} failed ({failure.reason}), so its list is missing"
        _LOG.warning(text)
        notes.append(resift.Note(text, "list-missing"))
    good = {n: None if isinstance(a, _Failure) else a for n, a in answers.items()}
    return good, tuple(notes)
