"""`MaximalMarginalRelevance`: the reranker."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from resift import Reranker, Scores, hookimpl
from resift.authors import RELEVANCE, instruction_for
from resift.errors import InputError
from resift.rerankers.mergers import min_max
from resift_mmr.selection import select
from resift_mmr.vectors import HasEmbeddings, stored, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

__all__ = ["MaximalMarginalRelevance"]


class MaximalMarginalRelevance:
    r"""Put documents first that are relevant and say something new.

    Documents are chosen one by one, by how relevant they are and how little they are
    like any chosen before. Likeness is the cosine of their vectors. Relevance is what
    *reranker* scores, or the score that the results came with, or their order where
    there is none; it is stretched to 0..1 over the candidates, so that *trade_off*
    means the same for scores of every kind.

    A document without a vector is like no other, and counts by its relevance alone; a
    note says how many there are. One that *reranker* leaves unscored follows after all
    others. The scores are the values at which documents were chosen: they fall along
    the ranking, and mean nothing outside it.

    Args:
        embeddings: The column of vectors. Empty asks the *reranker* for those it
            compares (`HasEmbeddings`); relevance is their cosine with the query then.
        trade_off: From 0, only differ, to 1, only be relevant: the :math:`\lambda` of
            the paper.
        reranker: What scores relevance; the results' own scores by default.

    Raises:
        ValueError: If *trade_off* is out of range, or *reranker* does not fit.

    References:
        Carbonell and Goldstein, "The use of MMR, diversity-based reranking for
        reordering documents and producing summaries", SIGIR 1998.
        https://doi.org/10.1145/290941.291025
    """

    score_kind = "ordinal"
    reads_order = True  # of twins the first is chosen

    def __init__(
        self,
        *,
        embeddings: str = "vector",
        trade_off: float = 0.7,
        reranker: Reranker | None = None,
    ) -> None:
        if not 0 <= trade_off <= 1:
            msg = f"trade_off must be between 0 and 1, got {trade_off!r}. Use 0.7."
            raise ValueError(msg)
        self._own: HasEmbeddings | None = None
        if not embeddings:
            if not isinstance(
                plugin := getattr(reranker, "plugin", None), HasEmbeddings
            ):
                msg = (
                    "embeddings must name a column of vectors, as there is no reranker "
                    "that offers its own (a method 'embed')."
                )
                raise ValueError(msg)
            self._own = plugin
        self._embeddings = embeddings
        self._trade_off = trade_off
        self._reranker = reranker
        self.children = [] if reranker is None else [reranker]
        self.needs_text = reranker is not None and reranker.needs_text
        read = (RELEVANCE,) if reranker is None else reranker.columns
        if read is None and not (reranker and reranker.reads_candidates):
            read = ()
        vectors = (embeddings,) if embeddings else ()
        self.columns = None if read is None else tuple(dict.fromkeys(read + vectors))
        if vectors:
            self.tells_rows_apart = True

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
        """Choose *top_k* documents, or all; the others follow unscored.

        Raises:
            InputError: If the column does not hold vectors of one length.
        """
        relevance, vectors = self._judged(
            query, documents, candidates, timeout, instruction
        )
        scored = np.flatnonzero(~np.isnan(relevance.values))
        chosen, values_chosen = select(
            min_max(relevance.values[scored]), vectors[scored], self._trade_off, top_k
        )
        chosen = scored[chosen]
        values = np.full(len(documents), np.nan)
        values[chosen] = values_chosen
        behind = relevance.ranking()
        order = np.concatenate([chosen, behind[np.isnan(values[behind])]])
        columns = dict(relevance.columns)
        if self._reranker is not None:
            columns["_relevance"] = relevance.values
        notes = [*relevance.notes]
        if missing := int((~vectors.any(axis=1)).sum()):
            notes.append(f"mmr: {missing} of {len(documents)} documents have no vector")
        return Scores(
            values,
            columns,
            tuple(notes),
            order,
            relevance.usage,
            unscored="it was not chosen",
        )

    def __reduce__(self) -> tuple[object, ...]:
        build = functools.partial(
            type(self),
            embeddings=self._embeddings,
            trade_off=self._trade_off,
            reranker=self._reranker,
        )
        return build, ()

    def _judged(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> tuple[Scores, Vectors]:
        """Return how relevant the documents are, and their vectors of length 1."""
        if self._own is not None:
            asked, vectors = map(unit, self._own.embed(query, documents))
            return Scores((vectors @ asked).astype(np.float64)), vectors
        reranker, column = self._reranker, self._embeddings
        if candidates is None or column not in candidates.column_names:
            msg = f"the results have no column {column!r}. Select it in the search."
            raise InputError(msg, who="mmr")
        vectors = unit(stored(candidates[column], column))
        if reranker is not None:
            words = instruction_for(reranker, instruction)
            scores = reranker.score(
                query, documents, candidates, timeout=timeout, instruction=words
            )
            return scores, vectors
        if RELEVANCE in candidates.column_names:
            merged = candidates[RELEVANCE].to_numpy().astype(np.float64)
            return Scores(merged), vectors
        return Scores(-np.arange(float(len(documents)))), vectors
