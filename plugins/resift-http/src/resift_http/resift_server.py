"""`resift`: a reranker that another resift serves, with all that it says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from resift import Note, hookimpl
from resift.errors import BadRequestError, ServerError
from resift_http.dialect import Dialect
from resift_http.reranker import DialectReranker
from resift_remote import (
    Deadline,
    WrongAnswerError,
    ask_together,
    option_values,
    options,
    payload,
)

if TYPE_CHECKING:
    from resift import Scores

__all__ = ["Resift"]

_DIALECT: Final = Dialect(
    base_url="http://127.0.0.1:7979",
    key_variables=("RESIFT_API_KEY",),
    key_required=False,
    constants={"raw_scores": True, "explain": True},
    instruction_field="instruction",
    always_top_k=True,  # the config of the server may cut otherwise
    score_kind="ordinal",
    pointwise=False,  # nobody knows what is behind it
)
_KINDS = ("probability", "similarity", "logit", "ordinal")


@options
class Resift(DialectReranker):
    """Rerank with what `resift serve` serves: the same numbers as in process.

    Scores come as the reranker gave them, with what they mean, its notes, its columns
    and what the call cost. So a reranker with heavy dependencies can live in an
    environment of its own.

    Args:
        model: The reranker's name in the config of the server; by default its default.
    """

    name: ClassVar[str] = "resift"

    model: str | None = None

    def _choose_dialect(self) -> Dialect:
        return _DIALECT

    @property
    def takes_instruction(self) -> bool:
        """True: the server refuses one that has no effect."""
        return True

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        timeout: float | None = None,
        instruction: str | None = None,
    ) -> Scores:
        """Ask the server; see `resift.hookspecs.score`.

        Raises:
            BackendError: If it does not answer as it should, by kind of failure.
        """
        seconds = self.timeout if timeout is None else min(self.timeout, timeout)
        return self._scores(query, documents, top_k, Deadline(seconds), instruction)

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        instruction: str | None = None,
        timeout: float | None = None,
    ) -> list[Scores | Exception]:
        """Ask about several queries at once.

        Returns:
            One item per query: its scores, or the `BadRequestError` of one that the
            server refuses.

        Raises:
            BackendError: If the server fails, or refuses the key.
        """
        end = Deadline(math.inf if timeout is None else timeout)

        def ask(i: int) -> Scores | Exception:
            left = Deadline(min(self.timeout, end.left))
            try:
                return self._scores(queries[i], documents[i], None, left, instruction)
            except BadRequestError as error:  # of this query: the others may do
                return error

        return ask_together(ask, range(len(queries)), self.concurrency, end)

    def _scores(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None,
        deadline: Deadline,
        instruction: str | None,
    ) -> Scores:
        values = option_values(self)
        body = self.dialect.body(query, documents, top_k, values, instruction)
        if math.isfinite(deadline.left) and deadline.left > 0:
            body["timeout"] = deadline.left
        sent = [query, *documents, *([instruction] if instruction else [])]
        reply, who = self._reply(body, sent, deadline)
        try:
            return _read(payload(reply), len(documents), top_k)
        except WrongAnswerError as error:
            problem = str(error)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            problem = f"it is no answer of resift serve ({type(error).__name__})"
        msg = f"the answer cannot be used: {problem}."
        raise ServerError(msg, who=who)


def _read(answer: Any, n: int, top_k: int | None) -> Scores:  # noqa: ANN401  # what JSON holds
    """Return the scores of an answer, aligned with the *n* documents sent.

    Raises:
        WrongAnswerError: If a document is unknown, missing, or stands in it twice, or a
            score is no finite number.
    """
    import numpy as np

    from resift import Scores

    values = np.full(n, np.nan)
    columns: dict[str, list[object]] = {}
    order: list[int] = []
    for result in answer["results"]:
        index = result["index"]
        if not isinstance(index, int) or not 0 <= index < n or index in order:
            msg = "a document is unknown, or stands in it twice"
            raise WrongAnswerError(msg)
        order.append(index)
        if result.get("scored", True):
            values[index] = _number(result["score"])
        for name, value in result.get("columns", {}).items():
            columns.setdefault(name, [None] * n)[index] = value
    if len(order) < min(n if top_k is None else top_k, n):
        msg = f"it has {len(order)} results; the server's config may have a min_score"
        raise WrongAnswerError(msg)
    order.extend(sorted(set(range(n)) - set(order)))
    kind = answer["score_kind"]
    if kind not in _KINDS:
        msg = "it does not say what its scores mean"
        raise WrongAnswerError(msg)
    return Scores(
        values,
        columns,
        tuple(map(_note, answer["notes"])),
        np.array(order, dtype=np.int64),
        {k: float(v) for k, v in answer.get("cost", {}).items()},
        unscored="the server has not scored it",
        kind=kind,
        score_range=_range(answer.get("score_range")),
    )


def _note(note: Mapping[str, str]) -> Note:
    return Note(note["text"], note["code"], note["reranker"])


def _range(value: Sequence[object] | None) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = value
    return _number(low), _number(high)


def _number(score: object) -> float:
    if isinstance(score, int | float) and not isinstance(score, bool):
        number = float(score)
        if math.isfinite(number):
            return number
    msg = "a score is no finite number"
    raise WrongAnswerError(msg)
