"""`Lane`: the calls of one reranker, so many at once, and a bounded queue before them.

A call that waits costs nothing, and is dropped with the client that asked for it. A
call that runs cannot be stopped: its place is free again when it returns.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from resift.authors import Workers
from resift_serve.problem import Problem

__all__ = ["Lane"]

_T = TypeVar("_T")
_WEIGHT = 0.2  # of the latest call, in what is remembered of the speed


class Lane:
    """The calls of one reranker.

    Args:
        name: The reranker.
        places: How many calls run at once.
        queue: How many may wait.
        queued_documents: How many documents may wait.
    """

    def __init__(
        self, name: str, places: int, queue: int, queued_documents: int
    ) -> None:
        self._name = name
        self._places = places
        self._queue = queue
        self._queued_documents = queued_documents
        self._workers = Workers(places, f"resift-serve-{name}")
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._seconds_each = 0.0  # of a document, in one place
        self.documents = 0  # that wait

    @property
    def requests(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def run(self, function: Callable[[], _T], n_documents: int) -> _T:
        """Wait for a place, and return what *function* returns in a thread.

        Cancelled while it waits, it is never called.

        Raises:
            Problem: At once, if too much waits already.
        """
        await self._turn(n_documents)
        start, loop = time.monotonic(), asyncio.get_running_loop()
        outcome: asyncio.Future[_T] = loop.create_future()
        try:
            call = self._workers.start(function)
        except BaseException:
            self._leave()
            raise

        def settle(took: float) -> None:
            self._left(took, n_documents)
            if outcome.done() or call.future.cancelled():
                return
            if (error := call.future.exception()) is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(call.future.result())

        def done(_: Future[_T]) -> None:  # the loop is woken once
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(settle, time.monotonic() - start)

        call.future.add_done_callback(done)
        try:
            return await outcome
        except asyncio.CancelledError:
            call.future.cancel()  # if no thread has begun with it
            raise

    async def _turn(self, n_documents: int) -> None:
        if self._running < self._places and not self._waiting:
            self._running += 1
            return
        if (
            len(self._waiting) >= self._queue
            or self.documents + n_documents > self._queued_documents
        ):
            msg = (
                f"Too many requests wait for {self._name!r}. Ask again later, or "
                "send fewer at a time."
            )
            raise Problem(429, "queue_full", msg, retry_after=self._wait())
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self.documents += n_documents
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # the place was given just now
            else:
                self._waiting.remove(place)
            raise
        finally:
            self.documents -= n_documents

    def _left(self, took: float, n_documents: int) -> None:
        each = took / max(n_documents, 1)
        weight = _WEIGHT if self._seconds_each else 1.0
        self._seconds_each += weight * (each - self._seconds_each)
        self._leave()

    def _leave(self) -> None:
        self._running -= 1
        while self._waiting and self._running < self._places:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._running += 1

    def _wait(self) -> float:
        """Return about how many seconds what waits will take."""
        return self.documents * self._seconds_each / self._places

    def close(self) -> None:
        """Let the threads end."""
        self._workers.close()
