"""`batch`: calls that come together are scored together."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resift import Reranker, Scores, hookimpl
from resift.authors import Deadline, instruction_for
from resift.errors import BackendTimeoutError

__all__ = ["Batch"]


@dataclass(eq=False)
class _Call:
    """The documents of one query, waiting for their scores."""

    query: str
    documents: Sequence[str]
    instruction: str | None
    deadline: Deadline
    answer: Scores | Exception | None = None
    together: int = 1  # calls of its pack


class Batch:
    """Score the documents of concurrent calls in one `score_many` of a reranker.

    For a device that takes one call at a time: while one runs, what comes meanwhile is
    gathered, and goes together as soon as it ends. Nobody waits for company: a single
    caller is served at once. Put it right around the model, inside a cascade or a
    fallback, so that every way to the model is gathered.

    ``explain`` shows how many calls went together, as ``_batch_calls``.

    Args:
        reranker: The reranker that gains by it.
        max_documents: The most documents of one call to it; a longer list goes alone.

    Raises:
        ValueError: If *max_documents* is out of range, or the reranker reads columns
            of the candidates, which cannot be gathered.
    """

    def __init__(self, reranker: Reranker, *, max_documents: int = 256) -> None:
        if max_documents < 1:
            msg = f"max_documents must be at least 1, got {max_documents}."
            raise ValueError(msg)
        if reranker.columns or (reranker.columns is None and reranker.reads_candidates):
            msg = (
                f"reranker must read nothing but text, but {reranker.name!r} reads "
                "columns. Use it without batch."
            )
            raise ValueError(msg)
        self.children = [reranker]
        self._reranker = reranker
        self._max_documents = max_documents
        self._changed = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._is_busy = False

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Score with whoever else is waiting.

        Raises:
            BackendTimeoutError: If it has not been scored in time.
        """
        call = _Call(query, documents, instruction, Deadline(timeout))
        self._wait_for([call])
        return _scores(call)

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        """Score with whoever else is waiting; each query gets its scores or error."""
        deadline = Deadline(timeout)
        calls = [
            _Call(query, texts, instruction, deadline)
            for query, texts in zip(queries, documents, strict=True)
        ]
        self._wait_for(calls)
        return [_answer(call) for call in calls]

    def __reduce__(self) -> tuple[object, ...]:
        build = functools.partial(
            type(self), self._reranker, max_documents=self._max_documents
        )
        return build, ()

    def _wait_for(self, calls: Sequence[_Call]) -> None:
        """Return when all are answered; whoever finds the reranker idle asks it."""
        with self._changed:
            self._waiting.extend(calls)
        while True:
            with self._changed:
                while self._is_busy and not _are_done(calls):
                    self._sleep(calls)
                if _are_done(calls):
                    return
                self._is_busy = True
                pack = self._pack()
            try:
                self._ask(pack)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()

    def _sleep(self, calls: Sequence[_Call]) -> None:
        """Wait for a change, as long as the calls have time."""
        try:
            self._changed.wait(calls[0].deadline.left("batch"))
        except BackendTimeoutError:
            for call in calls:
                if call in self._waiting:
                    self._waiting.remove(call)
            raise

    def _pack(self) -> list[_Call]:
        """Take those who came first and want the same, as many as go together."""
        pack: list[_Call] = []
        n_documents = 0
        while self._waiting:
            call = self._waiting[0]
            n_documents += len(call.documents)
            if pack and (
                n_documents > self._max_documents
                or call.instruction != pack[0].instruction
            ):
                break
            pack.append(self._waiting.popleft())
        return pack

    def _ask(self, pack: Sequence[_Call]) -> None:
        """Answer every call of a pack, whatever happens."""
        words = instruction_for(self._reranker, pack[0].instruction)
        for call in pack:
            call.together = len(pack)
        if len(pack) == 1:
            _answer_alone(self._reranker, pack[0], words)
            return
        try:
            answers = self._asked(pack, words)
            for call, answer in zip(pack, answers, strict=True):
                if _failed_as_one(answers):  # because of one of them, perhaps
                    _answer_alone(self._reranker, call, words)
                else:
                    call.answer = answer
        finally:
            for call in pack:
                if call.answer is None:
                    call.answer = InterruptedError()

    def _asked(
        self, pack: Sequence[_Call], words: str | None
    ) -> Sequence[Scores | Exception]:
        try:
            return self._reranker.score_many(
                [call.query for call in pack],
                [call.documents for call in pack],
                _longest(pack),
                words,
            )
        except Exception as error:  # noqa: BLE001  # what it refuses as a whole
            return [error] * len(pack)


def _failed_as_one(answers: Sequence[Scores | Exception]) -> bool:
    """Return whether one error stands in the place of all answers."""
    first = answers[0]
    return isinstance(first, Exception) and all(one is first for one in answers)


def _answer_alone(reranker: Reranker, call: _Call, words: str | None) -> None:
    try:
        call.answer = reranker.score(
            call.query,
            call.documents,
            timeout=call.deadline.left("batch"),
            instruction=words,
        )
    except Exception as error:  # noqa: BLE001  # raised again by whoever waits for it
        call.answer = error
    finally:
        if call.answer is None:
            call.answer = InterruptedError()


def _are_done(calls: Sequence[_Call]) -> bool:
    return all(call.answer is not None for call in calls)


def _longest(pack: Sequence[_Call]) -> float | None:
    """Return the time of the most patient; each call looks at its own as well."""
    longest = 0.0
    for call in pack:
        try:
            left = call.deadline.left("batch")
        except BackendTimeoutError:
            continue
        if left is None:
            return None
        longest = max(longest, left)
    return longest or None


def _scores(call: _Call) -> Scores:
    answer = _answer(call)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(call: _Call) -> Scores | Exception:
    answer = call.answer
    if not isinstance(answer, Scores):
        return answer if answer is not None else InterruptedError()
    together = [call.together] * len(answer)
    return replace(answer, columns={**answer.columns, "_batch_calls": together})
