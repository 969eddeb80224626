"""Split documents over several requests, and send those together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import TypeVar

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
    what waits for another attempt until *deadline* gives up.
    """
    if len(parts) <= 1:
        return [ask(part) for part in parts]
    pool = ThreadPoolExecutor(min(workers, len(parts)), "resift-remote")
    try:
        futures = [pool.submit(ask, part) for part in parts]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        return [future.result() for future in futures]
    finally:
        deadline.cancel()
        pool.shutdown(wait=False, cancel_futures=True)
