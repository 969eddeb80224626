"""Split documents over several requests, and send those together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from queue import SimpleQueue
from typing import NoReturn, TypeVar

from resift_remote.deadline import Deadline

__all__ = ["ask_together", "split"]

S = TypeVar("S")
T = TypeVar("T")


def split(n_documents: int, limit: int | None) -> list[range]:
    """Return ``0 .. n_documents - 1`` in as few and as even parts as *limit* allows.

    >>> split(10, 4)
    [range(0, 3), range(3, 6), range(6, 10)]
    """
    n_parts = -(-n_documents // (limit or max(n_documents, 1)))
    bounds = [n_documents * i // max(n_parts, 1) for i in range(n_parts + 1)]
    return [range(start, stop) for start, stop in pairwise(bounds)]


def ask_together(
    ask: Callable[[S], T], parts: Sequence[S], workers: int, deadline: Deadline
) -> list[T]:
    """Return ``[ask(part) for part in parts]``, several at once.

    The first failure is raised and ends the rest: what has not started never will, and
    what waits for another attempt until *deadline* gives up. A request that is under
    way keeps no program from ending.
    """
    if len(parts) <= 1:
        return [ask(part) for part in parts]
    to_do = deque(enumerate(parts))
    done: SimpleQueue[Callable[[], tuple[int, T]]] = SimpleQueue()

    def work() -> None:
        while to_do:
            try:
                index, part = to_do.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                answer = ask(part)
            except BaseException as error:  # noqa: BLE001  # raised by the caller
                to_do.clear()
                done.put(partial(_raised, error))
            else:
                done.put(partial(_answered, index, answer))

    for i in range(min(workers, len(parts))):
        # no pool of the standard library: those are joined when a program ends
        threading.Thread(target=work, name=f"resift-remote-{i}", daemon=True).start()
    answers: dict[int, T] = {}
    try:
        while len(answers) < len(parts):
            index, answer = done.get()()
            answers[index] = answer
    finally:
        to_do.clear()
        deadline.cancel()
    return [answers[index] for index in range(len(parts))]


def _answered(index: int, answer: T) -> tuple[int, T]:
    return index, answer


def _raised(error: BaseException) -> NoReturn:
    raise error
