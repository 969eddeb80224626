"""`fallback`: rerankers in order of preference, a deadline, and always an answer.

Each reranker runs in worker threads of its own, so that one that hangs cannot hold the
caller; and behind a circuit breaker, so that one that is down is not asked every time.
What happened is said in `notes`. If nothing answers, the documents keep the order they
came in, unscored: a reranker that fails never loses a result.
"""

from __future__ import annotations

import functools
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa  # here, so that the first call does not wait for it

from resift.errors import BadRequestError, InputError, ResiftError
from resift.hookspecs import hookimpl
from resift.notes import DEGRADED, Note
from resift.reranker import Reranker
from resift.rerankers.breaker import CircuitBreaker
from resift.rerankers.composites import instruction_for, labels
from resift.scores import Scores
from resift.threads import AllHangError, NoWorkerError, OverdueError, Workers

__all__ = ["Fallback"]

_LONGEST = 200  # characters of an error's message that a note repeats
_Request: TypeAlias = Callable[[Reranker, float], Scores]


class Fallback:
    """Ask rerankers in order until one answers, and never take longer than *deadline*.

    A reranker is passed over when it raises, scores nothing, or does not answer in the
    time it has: its entry in *timeouts*, or an equal share of the time that is left,
    so that one that hangs leaves time for those after it. A call that hangs goes on in
    its thread; no more than *concurrency* threads are used for each reranker.

    After *failures* failures in a row a reranker is left alone. Every *pause* seconds
    one call tries it again, and the first that succeeds brings it back. A request that
    the reranker rejects (`InputError`, `BadRequestError`) does not count: another may
    be fine.

    Call `Reranker.warmup` first: loading weights takes longer than most deadlines.

    Args:
        rerankers: The rerankers, the preferred one first.
        deadline: Seconds for the whole call. The `timeout` of a call may shorten it.
        timeouts: Seconds for each reranker, or ``"share"``, an equal share.
        failures: How many failures in a row make it leave a reranker alone.
        pause: Seconds after which one call tries such a reranker again.
        concurrency: How many calls of one reranker run at once; more wait their turn.

    Raises:
        ValueError: If an option is out of range, or a reranker only merges.
    """

    does_without = True  # of those that cannot be loaded: an answer, whatever happens

    def __init__(
        self,
        rerankers: list[Reranker],
        *,
        deadline: float = 5.0,
        timeouts: list[float | Literal["share"]] | None = None,
        failures: int = 5,
        pause: float = 10.0,
        concurrency: int = 16,
    ) -> None:
        if not rerankers:
            msg = "rerankers must name at least one reranker that scores."
            raise ValueError(msg)
        timeouts = timeouts or ["share"] * len(rerankers)
        if len(timeouts) != len(rerankers):
            msg = (
                f"timeouts must have one item for each of the {len(rerankers)} "
                f"rerankers, got {len(timeouts)}. 'share' stands for an equal share."
            )
            raise ValueError(msg)
        _require_positive("deadline", deadline)
        _require_positive("timeouts", *(s for s in timeouts if s != "share"))
        _require_positive("failures", failures)
        _require_positive("pause", pause)
        _require_positive("concurrency", concurrency)
        self.children = rerankers
        self.deadline = deadline
        names = labels(reranker.name for reranker in rerankers)
        self._entries = [
            _Entry(
                reranker,
                name,
                seconds,
                CircuitBreaker(failures, pause),
                Workers(concurrency, f"resift-fallback-{name}"),
            )
            for reranker, name, seconds in zip(rerankers, names, timeouts, strict=True)
        ]
        self._options: dict[str, Any] = {
            "deadline": deadline,
            "timeouts": timeouts,
            "failures": failures,
            "pause": pause,
            "concurrency": concurrency,
        }

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        top_k: int | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Return the first answer; documents are never missing from it."""

        def request(reranker: Reranker, seconds: float) -> Scores:
            words = instruction_for(reranker, instruction)
            return reranker.score(query, documents, candidates, top_k, seconds, words)

        seconds = min(self.deadline, math.inf if timeout is None else timeout)
        end = time.monotonic() + seconds
        notes: list[str] = []
        spent: Counter[str] = Counter()
        for position, entry in enumerate(self._entries):
            left = end - time.monotonic()
            share = left / (len(self._entries) - position)
            own = share if entry.timeout == "share" else entry.timeout
            try:
                scores = entry.ask(request, min(left, own))
            except Exception as error:  # noqa: BLE001  # whatever a plugin raises
                notes.append(f"fallback: {entry.name} {_reason(error)}")
                continue
            if not np.isnan(scores.values).all():
                return _answer(entry, scores, notes, spent)
            spent.update(scores.usage)
            notes += [*scores.notes, f"fallback: {entry.name} scored nothing"]
        return _unscored(len(documents), notes, spent)

    @hookimpl
    def close(self) -> None:
        """Let the threads end. One whose call hangs ends with the process."""
        for entry in self._entries:
            entry.workers.close()

    def __reduce__(self) -> tuple[object, ...]:
        rerankers = [entry.reranker for entry in self._entries]
        return functools.partial(type(self), rerankers, **self._options), ()


class _UnansweredError(Exception):
    """The reranker did not answer; says why in words that follow its name."""


class _Entry:
    """One reranker, with its threads and its breaker."""

    def __init__(
        self,
        reranker: Reranker,
        name: str,
        timeout: float | Literal["share"],
        breaker: CircuitBreaker,
        workers: Workers,
    ) -> None:
        self.reranker = reranker
        self.name = name
        self.timeout = timeout
        self.workers = workers
        self._breaker = breaker

    def ask(self, request: _Request, seconds: float) -> Scores:
        """Send *request* to the reranker, and tell the breaker how it went.

        Raises:
            _UnansweredError: If it is not asked, or does not answer within *seconds*.
            Exception: Whatever the reranker raises.
        """
        if seconds <= 0:
            msg = "was not asked: no time was left"
            raise _UnansweredError(msg)
        if not self._breaker.admit():
            msg = f"is left alone after {self._breaker.failures} failures in a row"
            if getattr(self.reranker.plugin, "keeps_answers", False):
                msg = f"{msg}, what it keeps included: put it around the fallback"
            raise _UnansweredError(msg)
        try:
            scores = self._run(request, seconds)
        except (_UnansweredError, InputError, BadRequestError):
            raise
        except OverdueError:
            self._breaker.failed()
            msg = f"timed out after {seconds:.2g} s"
            raise _UnansweredError(msg) from None
        except Exception:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return scores

    def _run(self, request: _Request, seconds: float) -> Scores:
        end = time.monotonic() + seconds

        def call() -> Scores:
            return request(self.reranker, max(end - time.monotonic(), 0.001))

        try:
            return self.workers.run(call, seconds)
        except NoWorkerError:
            msg = f"was not asked: no thread was free for {seconds:.2g} s"
        except AllHangError:
            msg = "was not asked: earlier calls of it hang in all of its threads"
        raise _UnansweredError(msg)


def _answer(
    entry: _Entry, scores: Scores, notes: Sequence[str], spent: Counter[str]
) -> Scores:
    """Return the scores of *entry*, and whether they are second choice."""
    name = entry.name
    own = pa.array(scores.values, mask=np.isnan(scores.values))
    columns = {**scores.columns, f"_{name}_score": own}
    if notes:
        columns[DEGRADED] = np.ones(len(scores), dtype=bool)
        notes = [*notes, Note(f"fallback: {name} answered instead", "degraded", name)]
    kind, score_range = scores.kind, scores.score_range
    if kind is None:
        kind, score_range = entry.reranker.score_kind, entry.reranker.score_range
    return replace(
        scores,
        columns=columns,
        notes=(*scores.notes, *notes),
        usage=dict(spent + Counter(scores.usage)),
        kind=kind,
        score_range=score_range,
    )


def _unscored(n: int, notes: Sequence[str], spent: Counter[str]) -> Scores:
    notes = [*notes, "fallback: nothing is scored, the documents keep their order"]
    degraded = {DEGRADED: np.ones(n, dtype=bool)}
    return Scores(np.full(n, np.nan), degraded, tuple(notes), usage=dict(spent))


def _reason(error: Exception) -> str:
    """Say why there was no answer.

    The message of a foreign error is left out: it may hold a key or a text.
    """
    if isinstance(error, _UnansweredError):
        return str(error)
    if not isinstance(error, ResiftError):
        return f"failed ({type(error).__name__})"
    text = " ".join(str(error).split())
    return f"failed: {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"


def _require_positive(option: str, *values: float) -> None:
    for value in values:
        if not 0 < value < math.inf:
            msg = f"{option} must be positive and finite, got {value!r}."
            raise ValueError(msg)
