"""Blocks of documents: each fits a processor's cache, and each processor takes some.

A BLAS library splits one product over its own threads, which wait for each other at the
end of every one: on a busy machine, mostly for a thread that is not running. Here every
thread multiplies blocks of its own and waits for nobody, with BLAS held to one thread
meanwhile, as scikit-learn does it: several times faster on a busy machine, and no
slower on an idle one.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from resift_colbert.half import widened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.floating]
    IntArray: TypeAlias = NDArray[np.integer]

__all__ = ["Block", "each_block"]

_VALUES = 1 << 19  # of the documents in one block: 2 MiB as float32


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring documents, none of them empty, against the query.

    Args:
        documents: Which documents, shape ``(n_block,)``.
        starts: Where each begins in the block, shape ``(n_block,)``.
        similarities: Dot products, float32, shape ``(n_query_tokens, n_tokens)``.
    """

    documents: IntArray
    starts: IntArray
    similarities: NDArray[np.float32]


def each_block(
    work: Callable[[Block], None],
    query: FloatArray,
    documents: FloatArray,
    lengths: IntArray,
) -> None:
    """Call *work* for each block of the documents that are not empty.

    Args:
        work: Called in several threads at once, once for each block.
        query: Token embeddings, shape ``(n_query_tokens, dim)``.
        documents: Token embeddings, one document after another, float16 or float32,
            shape ``(n_tokens, dim)``.
        lengths: Tokens of each document, shape ``(n_docs,)``, summing to ``n_tokens``.
    """
    asked = np.ascontiguousarray(query, dtype=np.float32)
    filled = np.flatnonzero(lengths)
    stops = np.cumsum(lengths[filled])
    starts = stops - lengths[filled]

    def one(part: slice) -> None:
        begin, end = starts[part.start], stops[part.stop - 1]
        similarities = asked @ _single(documents[begin:end]).T
        work(Block(filled[part], starts[part] - begin, similarities))

    parts = list(_parts(starts, stops, max(1, _VALUES // max(1, query.shape[1]))))
    workers = min(len(parts), _processors())
    with _ONE_BLAS_THREAD:
        if workers < 2:
            for part in parts:
                one(part)
        else:  # made anew for each call: threads do not survive a fork
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(one, parts))


def _parts(starts: IntArray, stops: IntArray, tokens: int) -> Iterator[slice]:
    """Cut the documents into runs of at most *tokens*; a longer one is a run."""
    first = 0
    while first < len(starts):
        last = int(np.searchsorted(stops, starts[first] + tokens, side="right"))
        last = max(last, first + 1)
        yield slice(first, last)
        first = last


def _single(values: FloatArray) -> NDArray[np.float32]:
    """Return *values* as float32: themselves, where they are."""
    if values.dtype == np.float16:
        return widened(values)
    return values.astype(np.float32, copy=False)


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Limit(Protocol):
    def restore_original_limits(self) -> None: ...


class _OneBlasThread:
    """Holds BLAS to one thread while anyone is inside; the last one lets it go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: _Limit | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _limited()
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._limit is not None:
                self._limit.restore_original_limits()


_ONE_BLAS_THREAD = _OneBlasThread()


def _limited() -> _Limit:
    limit: _Limit = _controller().limit(limits=1)
    return limit


@cache
def _controller() -> _Controller:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    controller: _Controller = ThreadpoolController().select(user_api="blas")
    return controller


class _Controller(Protocol):
    def limit(self, *, limits: int) -> _Limit: ...
