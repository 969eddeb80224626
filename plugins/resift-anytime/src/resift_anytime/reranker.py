"""`Anytime`: the reranker."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from resift import Note, Reranker, Scores, hookimpl
from resift.authors import (
    DEGRADED,
    AllHangError,
    NoWorkerError,
    OverdueError,
    Workers,
    instruction_for,
)
from resift.errors import BackendTimeoutError
from resift_anytime.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Anytime"]

_WATCHED = 10  # of the best, where the call does not say how many are shown
_THREADS = 16  # calls at once; each may hang
_LATE = (AllHangError, BackendTimeoutError, NoWorkerError, OverdueError)


class Anytime:
    """Score documents in blocks, best first, and stop when it is time or enough.

    Documents are read in the order they came. What is scored when the *deadline* comes,
    or the `timeout` of the call, is the answer: the rest follows unscored, in the order
    it came, and a note says so. A block that cannot be done in time is not begun, as
    far as the fastest of two or more tells; one that hangs is left to its thread.
    Reading also ends once *patience* blocks in a row have changed nothing among the
    best `top_k` of the call, 10 where it names none.

    Scores of different blocks are compared. Where the reranker does not declare them
    `pointwise`, a note says that they may not be comparable. Where it says of some
    blocks that their scores are of another kind, those follow the others unscored.

    Args:
        reranker: What scores the blocks.
        block: How many documents are scored together.
        patience: How many blocks may change nothing before reading ends; 0 reads all.
        deadline: Seconds for a call; its `timeout` may shorten it.

    Raises:
        ValueError: If an option is out of range.
    """

    pointwise = False
    reads_order = True

    def __init__(
        self,
        reranker: Reranker,
        *,
        block: int = 16,
        patience: int = 2,
        deadline: float | None = None,
    ) -> None:
        for name, value, least in (("block", block, 1), ("patience", patience, 0)):
            if value < least:
                msg = f"{name} must be at least {least}, got {value}."
                raise ValueError(msg)
        if deadline is not None and not 0 < deadline < math.inf:
            msg = f"deadline must be seconds above 0, got {deadline}. Leave it out."
            raise ValueError(msg)
        self.children = [reranker]
        self._reranker = reranker
        self._block = block
        self._patience = patience or math.inf
        self._deadline = deadline
        self._workers = Workers(_THREADS, f"resift-anytime-{reranker.name}")
        self._options: dict[str, Any] = {
            "block": block,
            "patience": patience,
            "deadline": deadline,
        }
        if deadline is not None:
            self.deterministic = False

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
        """Score as many documents as there is time for, or as matter."""

        def ask(start: int, seconds: float | None) -> Scores:
            return self._reranker.score(
                query,
                documents[start : start + self._block],
                None if candidates is None else candidates.slice(start, self._block),
                top_k,
                seconds,
                instruction_for(self._reranker, instruction),
            )

        limits = [s for s in (self._deadline, timeout) if s is not None]
        progress = Progress(
            len(documents), top_k or _WATCHED, self._reranker.score_kind
        )
        in_time = self._read(progress, ask, min(limits, default=math.inf))
        scores = progress.scores(self._reranker.name)
        columns = dict(scores.columns)
        if not in_time:  # the next call may do better: not to be kept
            columns[DEGRADED] = np.ones(len(documents), dtype=bool)
        notes = (*scores.notes, *self._notes(progress, in_time=in_time))
        return replace(scores, columns=columns, notes=notes)

    @hookimpl
    def close(self) -> None:
        """Let the threads end. One whose call hangs ends with the process."""
        self._workers.close()

    def __reduce__(self) -> tuple[object, ...]:
        return functools.partial(type(self), self._reranker, **self._options), ()

    def _read(
        self,
        progress: Progress,
        ask: Callable[[int, float | None], Scores],
        seconds: float,
    ) -> bool:
        """Read until all is read, or nothing changes; return whether in time."""
        now = time.monotonic()
        end, fastest = now + seconds, math.inf
        while progress.done < len(progress.values):
            if progress.quiet >= self._patience:
                return True
            told = len(progress.blocks) > 1  # the first one may have loaded a model
            if end - now <= (fastest if told else 0):
                return False
            try:
                progress.add(self._in_time(ask, progress.done, end))
            except _LATE:
                if math.isinf(end):  # a timeout of the reranker's own
                    raise
                return False
            before, now = now, time.monotonic()
            fastest = min(fastest, now - before)
        return True

    def _in_time(
        self, ask: Callable[[int, float | None], Scores], start: int, end: float
    ) -> Scores:
        """Score one block: in a thread where time is limited, as it may hang."""
        if math.isinf(end):
            return ask(start, None)

        def call() -> Scores:
            return ask(start, max(end - time.monotonic(), 0.001))

        return self._workers.run(call, end - time.monotonic())

    def _notes(self, progress: Progress, *, in_time: bool) -> list[Note]:
        n, done = len(progress.values), progress.done
        name = self._reranker.name
        notes = []
        if len(progress.blocks) > 1 and not self._reranker.pointwise:
            text = (
                f"anytime: the scores of {name} may depend on the other documents of "
                f"their block of {self._block}"
            )
            notes.append(Note(text, "not-pointwise", "anytime"))
        if progress.apart:
            text = (
                f"anytime: {progress.apart} documents follow the others, as {name} "
                f"scored them in another way than as a {progress.kind}"
            )
            notes.append(Note(text, "not-comparable", "anytime"))
        if done < n:
            why = (
                f"as {progress.quiet} blocks changed nothing among the best"
                if in_time
                else "when the time was up"
            )
            text = (
                f"anytime: {done} of {n} documents were read, {why}; the others keep "
                "their order"
            )
            code = "nothing-changed" if in_time else "deadline"
            notes.append(Note(text, code, "anytime"))
        return notes
