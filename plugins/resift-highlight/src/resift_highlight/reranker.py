"""`Highlight`: the reranker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift import Note, Reranker, Scores, hookimpl
from resift.authors import (
    DEGRADED,
    SPANS,
    Deadline,
    Evidence,
    instruction_for,
    sentences,
    take,
)
from resift.errors import BackendTimeoutError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.authors import WeightedSpan

__all__ = ["Highlight"]

_SHOWN = 10  # documents, where the call does not say how many are shown


class Highlight:
    """Show which sentences of the best documents answer the query.

    The reranker scores the documents as without it; then it scores each sentence of
    the best `top_k` of the call (10 where it names none), all in one call. The column
    ``_spans`` holds the best sentences of each document, in the order of its text:
    where they begin and end, in code points, and their scores. Other documents have
    none.
    Where no time is left for sentences, a note says so.

    Args:
        reranker: What scores the documents and the sentences.
        spans: The most sentences of a document.
        clauses: Whether to show clauses, between commas and dashes, not sentences.
        prune: Whether to add the column ``pruned``: the text of those sentences.

    Raises:
        ValueError: If *spans* is below 1, or the reranker reads no text.
    """

    pointwise = False  # what is highlighted is the best of a list

    def __init__(
        self,
        reranker: Reranker,
        *,
        spans: int = 3,
        clauses: bool = False,
        prune: bool = False,
    ) -> None:
        if reranker.can_score and not reranker.needs_text:
            msg = (
                f"reranker must be one that reads text, but {reranker.name!r} does "
                "not, so that sentences would all score the same."
            )
            raise ValueError(msg)
        if spans < 1:
            msg = f"spans must be at least 1, got {spans}."
            raise ValueError(msg)
        self.children = [reranker]
        self._reranker = reranker
        self._most = spans
        self._clauses = clauses
        self._prune = prune

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
        """Score the documents, then the sentences of the best."""

        def ask(rows: Sequence[int], texts: Sequence[str], top_k: int | None) -> Scores:
            return self._reranker.score(
                query,
                texts,
                None if candidates is None else take(candidates, np.array(rows)),
                top_k,
                deadline.left(self._reranker.who),
                instruction_for(self._reranker, instruction),
            )

        deadline = Deadline(timeout)
        found = ask(range(len(documents)), documents, top_k)
        best = [r for r in found.ranking().tolist() if not np.isnan(found.values[r])]
        best = best[: top_k or _SHOWN]
        spans = [
            (row, *span)
            for row in best
            for span in sentences(documents[row], clauses=self._clauses)
        ]
        texts = [documents[row][start:end] for row, start, end in spans]
        evidence = Evidence(len(documents))
        evidence.add(self._reranker.name, found)
        scores = evidence.scores(found.values, found.order)
        scores = replace(
            scores,
            unscored=found.unscored,
            kind=found.kind,
            score_range=found.score_range,
        )
        try:
            inside = ask([row for row, *_ in spans], texts, None)
        except BackendTimeoutError:
            text = "highlight: no time was left to score sentences"
            note = Note(text, "deadline", "highlight")
            unlit = self._columns(documents, {}) | {DEGRADED: [True] * len(documents)}
            return _with(scores, unlit, [note], {})
        shown = self._columns(documents, _best(spans, inside.values, self._most))
        return _with(scores, shown, inside.notes, inside.usage)

    def _columns(
        self, documents: Sequence[str], found: Mapping[int, list[WeightedSpan]]
    ) -> dict[str, Iterable[object]]:
        """Return the spans of each document, and on request their texts."""
        lit = [found.get(row) for row in range(len(documents))]
        columns: dict[str, Iterable[object]] = {"_spans": pa.array(lit, SPANS)}
        if self._prune:
            columns["pruned"] = pa.array(
                [
                    spans and " ".join(text[s["start"] : s["end"]] for s in spans)
                    for text, spans in zip(documents, lit, strict=True)
                ],
                pa.string(),
            )
        return columns


def _best(
    spans: Sequence[tuple[int, int, int]], scores: NDArray[np.float64], most: int
) -> dict[int, list[WeightedSpan]]:
    """Return the best sentences by document, in the order of its text."""
    chosen: dict[int, list[WeightedSpan]] = {}
    for i in np.argsort(-scores, kind="stable").tolist():
        row, start, end = spans[i]
        own = chosen.setdefault(row, [])
        if len(own) < most and not np.isnan(scores[i]):
            own.append({"start": start, "end": end, "score": float(scores[i])})
    for own in chosen.values():
        own.sort(key=lambda span: span["start"])
    return chosen


def _with(
    scores: Scores,
    columns: Mapping[str, Iterable[object]],
    notes: Sequence[str],
    usage: Mapping[str, float],
) -> Scores:
    """Return scores with what was said of sentences, too."""
    return replace(
        scores,
        columns={**scores.columns, **columns},
        notes=tuple(dict.fromkeys([*scores.notes, *notes])),
        usage=dict(Counter(scores.usage) + Counter(usage)),
    )
