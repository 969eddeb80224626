"""Children: rerankers that record how they are asked, and answer in every legal form.

A composite is built around them instead of its own children, a wrapper around one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from resift.errors import ModelError, ServerError
from resift.hookspecs import hookimpl
from resift.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from resift.ranking import Ranking
    from resift.scores import ScoresLike

__all__ = [
    "BAD",
    "COLUMN",
    "EXTRA",
    "NOTE",
    "OTHER",
    "USAGE",
    "Asked",
    "Child",
    "Failing",
    "FailingForOne",
    "Merging",
    "Ordered",
    "ReadsColumn",
    "Refusing",
    "Telling",
    "Tied",
    "Truncating",
]

BAD = "contractbad"
"""The word of a query for which a child fails."""
NOTE = "resift.testing: a note of the child."
USAGE = {"contract_units": 3.0}
"""What a child says that its call cost."""
EXTRA = "contract_words"
"""The column that a child adds to its scores."""
COLUMN = "contract_year"
OTHER = "contract_place"
"""The columns that a child reads."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a child."""

    documents: tuple[str, ...]
    candidates: pa.Table | None
    top_k: int | None
    timeout: float | None
    instruction: str | None = None


@dataclass(eq=False)
class Child:
    """Scores by the share of the query's words: a plain list of floats."""

    factor: float = 1.0
    asked: list[Asked] = field(default_factory=list)
    answered: int = 0
    warmed: int = 0
    closed: int = 0
    refused: int = 0
    pointwise: ClassVar[bool] = True

    @hookimpl
    def warmup(self) -> None:
        self.warmed += 1

    @hookimpl
    def close(self) -> None:
        self.closed += 1

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        top_k: int | None,
        timeout: float | None,
        instruction: str | None,
    ) -> ScoresLike:
        asked = Asked(tuple(documents), candidates, top_k, timeout, instruction)
        self.asked.append(asked)
        self.refuse(query)
        values = self.values(query, documents)
        made = self.answer(values, documents, top_k)
        self.answered += 1
        return made

    def refuse(self, query: str) -> None:
        """Raise for a query that this child does not take."""

    def values(self, query: str, documents: Sequence[str]) -> list[float]:
        """Return one score per document; ever less for longer ones."""
        words = re.findall(r"\w+", query.lower())
        scores = []
        for text in documents:
            own = set(re.findall(r"\w+", (text or "").lower()))
            share = sum(word in own for word in words) / max(len(words), 1)
            scores.append(self.factor * share - min(len(text or ""), 4000) / 1e5)
        return scores

    def answer(
        self,
        values: list[float],
        documents: Sequence[str],  # noqa: ARG002
        top_k: int | None,  # noqa: ARG002
    ) -> ScoresLike:
        """Return the values in the form of this child."""
        return values


class Failing(Child):
    """Raises a ServerError."""

    def answer(
        self,
        values: list[float],  # noqa: ARG002
        documents: Sequence[str],  # noqa: ARG002
        top_k: int | None,  # noqa: ARG002
    ) -> ScoresLike:
        msg = "the child fails."
        raise ServerError(msg, who="resift.testing")


class FailingForOne(Child):
    """Raises a ServerError for queries with the word `BAD`; reads no candidates."""

    @hookimpl
    def score(  # type: ignore[override]  # it names less
        self, query: str, documents: Sequence[str], timeout: float | None
    ) -> ScoresLike:
        return Child.score(self, query, documents, None, None, timeout, None)

    def refuse(self, query: str) -> None:
        if BAD in query:
            self.refused += 1
            msg = "resift.testing: the child fails for one query."
            raise ServerError(msg)


class Merging(Child):
    """Merges, too: by the places in the lists."""

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> list[float]:
        merged = [0.0] * n_documents
        for ranking in rankings:
            for place, document in enumerate(ranking.documents.tolist(), start=1):
                merged[document] += ranking.weight / place
        return merged


class Refusing(Merging):
    """Raises a ModelError where it is to warm up or to merge."""

    @hookimpl
    def warmup(self) -> None:
        msg = "resift.testing: the child has no weights."
        raise ModelError(msg)

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> list[float]:
        del rankings, n_documents
        msg = "resift.testing: the child merges no lists."
        raise ModelError(msg)


class Telling(Child):
    """Says more than values: a column and a note."""

    def answer(
        self,
        values: list[float],
        documents: Sequence[str],
        top_k: int | None,  # noqa: ARG002
    ) -> ScoresLike:
        words = [len(text.split()) for text in documents]
        return Scores(np.array(values), {EXTRA: words}, (NOTE,), usage=USAGE)


class Ordered(Child):
    """Scores only the two best, and orders the others from the last to the first."""

    def answer(
        self,
        values: list[float],
        documents: Sequence[str],  # noqa: ARG002
        top_k: int | None,  # noqa: ARG002
    ) -> ScoresLike:
        best = np.argsort(-np.array(values), kind="stable")
        scores = np.full(len(values), np.nan)
        scores[best[:2]] = np.array(values)[best[:2]]
        order = np.concatenate([best[:2], np.sort(best[2:])[::-1]])
        return Scores(scores, notes=(NOTE,), order=order)


class Tied(Child):
    """Gives all documents one value, and an order of its own."""

    def answer(
        self,
        values: list[float],
        documents: Sequence[str],  # noqa: ARG002
        top_k: int | None,  # noqa: ARG002
    ) -> ScoresLike:
        best = np.argsort(-np.array(values), kind="stable")
        return Scores(np.full(len(values), 0.5), order=best)


class Truncating(Child):
    """Answers for the best *top_k* only, as a server that charges by answer."""

    def answer(
        self,
        values: list[float],
        documents: Sequence[str],  # noqa: ARG002
        top_k: int | None,
    ) -> ScoresLike:
        best = np.argsort(-np.array(values), kind="stable")[:top_k]
        return {int(i): values[i] for i in best}


class ReadsColumn(Child):
    """Reads two columns."""

    columns: ClassVar[tuple[str, ...]] = (OTHER, COLUMN)
