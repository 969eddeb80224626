"""`Chunk`: the reranker around a reranker."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from resift import Reranker, Scores, hookimpl
from resift.authors import SPANS, instruction_for, take, take_columns
from resift_chunk.passages import Splitter
from resift_chunk.tokens import HasTokens, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.authors import Span, WeightedSpan

__all__ = ["Aggregate", "Chunk"]

Aggregate = Literal["max", "mean", "first", "top-k-mean"]


class Chunk:
    """Score long documents by their passages, and show the passage that won.

    All passages of all documents are scored in one call of the reranker. Lengths are
    counted in the tokens of its model where its plugin offers them (`HasTokens`), and
    in words where it does not. Leave room for the query: a model that reads 512 tokens
    takes query and passage together.

    The best passage of each document is shown in the columns ``passage``,
    ``passage_start`` and ``passage_end``, the latter two in characters of the text; and
    as ``_spans``, the column of `highlight`, with its score. Where the reranker itself
    says which spans of the passage count, they are shown there, as spans of the text.

    Args:
        reranker: What scores the passages.
        size: The most tokens, or words, of a passage.
        overlap: The most tokens that a passage repeats of the one before.
        sentences: Whether passages end where sentences end.
        aggregate: The score of a document: its best passage's (``"max"``), the mean
            of all, its ``"first"`` passage's (the others are not even scored), or the
            mean of the best *k* (``"top-k-mean"``).
        k: How many passages ``"top-k-mean"`` takes the mean of.
        max_passages: Read no more than so many passages of a document, the first ones;
            a note says of how many documents the rest was left out.

    Raises:
        ValueError: If an option is out of range, or the reranker reads no text.

    References:
        ``max`` and ``first`` are MaxP and FirstP: Dai and Callan, "Deeper text
        understanding for IR with contextual neural language modeling", SIGIR 2019.
        https://doi.org/10.1145/3331184.3331303
    """

    needs_text = True

    def __init__(
        self,
        reranker: Reranker,
        *,
        size: int = 200,
        overlap: int = 50,
        sentences: bool = True,
        aggregate: Aggregate = "max",
        k: int = 3,
        max_passages: int | None = None,
    ) -> None:
        if reranker.can_score and not reranker.needs_text:
            msg = (
                f"reranker must be one that reads text, but {reranker.name!r} does "
                "not, so that passages would all score the same."
            )
            raise ValueError(msg)
        for name, value in (("size", size), ("k", k), ("max_passages", max_passages)):
            if value is not None and value < 1:
                msg = f"{name} must be at least 1, got {value}."
                raise ValueError(msg)
        if not 0 <= overlap < size:
            msg = f"overlap must be at least 0 and less than size, got {overlap}."
            raise ValueError(msg)
        self.children = [reranker]
        self._reranker = reranker
        self._aggregate = aggregate
        self._k = k
        self._most = 1 if aggregate == "first" else max_passages
        plugin = reranker.plugin
        tokens = plugin.token_spans if isinstance(plugin, HasTokens) else words
        self._splitter = Splitter(tokens, size, overlap, sentences)
        self._options: dict[str, Any] = {
            "size": size,
            "overlap": overlap,
            "sentences": sentences,
            "aggregate": aggregate,
            "k": k,
            "max_passages": max_passages,
        }

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Score every passage in one call; never passes `top_k` on."""
        split = [self._splitter.split(document) for document in documents]
        spans, owner = self._read(split)
        scores = self._reranker.score(
            query,
            _texts(documents, spans),
            None if candidates is None else take(candidates, owner),
            timeout=timeout,
            instruction=instruction_for(self._reranker, instruction),
        )
        return self._joined(documents, split, scores)

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        """Score the passages of all queries in one call."""
        splits = [[self._splitter.split(text) for text in texts] for texts in documents]
        answers = self._reranker.score_many(
            queries,
            [
                _texts(texts, self._read(split)[0])
                for texts, split in zip(documents, splits, strict=True)
            ],
            timeout,
            instruction_for(self._reranker, instruction),
        )
        return [
            answer
            if isinstance(answer, Exception)
            else self._joined(texts, split, answer)
            for texts, split, answer in zip(documents, splits, answers, strict=True)
        ]

    def _read(
        self, split: Sequence[Sequence[Span]]
    ) -> tuple[list[Sequence[Span]], NDArray[np.int64]]:
        """Return the passages that are scored, and the document of each."""
        spans = [passages[: self._most] for passages in split]
        return spans, np.repeat(np.arange(len(spans)), [len(own) for own in spans])

    def _joined(
        self,
        documents: Sequence[str],
        split: Sequence[Sequence[Span]],
        scores: Scores,
    ) -> Scores:
        """Return the documents' scores, made of those of their passages."""
        spans, owner = self._read(split)
        values, winner = self._aggregated(scores.values, owner, len(documents))
        columns = take_columns(scores.columns, winner)
        best = _best(spans, winner)
        columns |= _evidence(documents, best)
        columns["_spans"] = _spans(best, scores.values, winner, columns.get("_spans"))
        order = None if scores.order is None else _order(values, owner, scores)
        notes = (*scores.notes, *self._notes(split))
        return Scores(
            values,
            columns,
            notes,
            order,
            scores.usage,
            unscored=scores.unscored,
            kind=scores.kind,
            score_range=scores.score_range,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return functools.partial(type(self), self._reranker, **self._options), ()

    def _aggregated(
        self, values: NDArray[np.float64], owner: NDArray[np.int64], n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return each document's score and best passage; NaN and -1 for none."""
        scored = np.flatnonzero(~np.isnan(values))
        best_first = scored[np.lexsort((-values[scored], owner[scored]))]
        bounds = np.searchsorted(owner[best_first], np.arange(n + 1))
        result = np.full(n, np.nan)
        winner = np.full(n, -1, dtype=np.int64)
        most = {"mean": None, "top-k-mean": self._k}.get(self._aggregate, 1)
        for i, (start, stop) in enumerate(pairwise(bounds)):
            if start < stop:
                winner[i] = best_first[start]
                result[i] = values[best_first[start:stop][:most]].mean()
        return result, winner

    def _notes(self, split: Sequence[Sequence[Span]]) -> list[str]:
        if self._most is None or self._aggregate == "first":
            return []
        cut = sum(len(passages) > self._most for passages in split)
        few = (
            f"chunk: of {cut} documents only the first {self._most} passages were read"
        )
        return [few] if cut else []


def _texts(documents: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[str]:
    """Return the passages of all documents, one after another."""
    return [documents[i][slice(*span)] for i, own in enumerate(spans) for span in own]


def _best(
    spans: Sequence[Sequence[Span]], winner: NDArray[np.int64]
) -> list[Span | None]:
    """Return where each document's best passage lies; None for none."""
    flat = [span for own in spans for span in own]
    return [flat[i] if i >= 0 else None for i in winner.tolist()]


def _spans(
    best: Sequence[Span | None],
    values: NDArray[np.float64],
    winner: NDArray[np.int64],
    inside: pa.Array | None,
) -> pa.Array:
    """Return what counts of each text: its best passage, or the spans in that.

    Args:
        best: Where the best passages lie.
        values: The scores of all passages.
        winner: Which of them is each document's best.
        inside: What the reranker says of the best passages, in characters of those.
    """
    found: list[list[WeightedSpan] | None] = []
    told = [None] * len(best) if inside is None else inside.to_pylist()
    for span, i, own in zip(best, winner.tolist(), told, strict=True):
        if span is None:
            found.append(None)
        elif own is None:
            start, end = span
            found.append([{"start": start, "end": end, "score": float(values[i])}])
        else:
            found.append([_moved(each, span[0]) for each in own])
    return pa.array(found, SPANS)


def _moved(span: WeightedSpan, by: int) -> WeightedSpan:
    return {**span, "start": span["start"] + by, "end": span["end"] + by}


def _evidence(
    documents: Sequence[str], best: Sequence[Span | None]
) -> dict[str, pa.Array]:
    """Return the text and the place of each document's best passage."""
    passages = [
        None if span is None else document[slice(*span)]
        for document, span in zip(documents, best, strict=True)
    ]
    starts, ends = (
        pa.array([None if span is None else span[edge] for span in best], pa.int64())
        for edge in (0, 1)
    )
    return {
        "passage": pa.array(passages, pa.string()),
        "passage_start": starts,
        "passage_end": ends,
    }


def _order(
    values: NDArray[np.float64], owner: NDArray[np.int64], scores: Scores
) -> NDArray[np.int64]:
    """Return the documents best first; unscored ones as their passages are ordered."""
    place = np.full(len(values), len(owner))
    ranking = scores.ranking()
    np.minimum.at(place, owner[ranking], np.arange(len(owner)))
    falling = np.nan_to_num(-values, nan=np.inf)
    return np.lexsort((place, falling))
