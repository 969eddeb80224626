"""The answer for one query, put together batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift import Scores
from resift.authors import SPANS
from resift_colbert.evidence import MATCHES, matches, spans
from resift_colbert.maxsim import maxsim
from resift_local import tokens_cut, truncation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resift_colbert.encoder import Encoder, Query
    from resift_colbert.maxsim import IntArray
    from resift_colbert.tokens import TokenEmbeddings

__all__ = ["Answer"]


class Answer:
    """Scores of the documents of one query, and what there is to say about them.

    Args:
        query: The encoded query.
        n_documents: How many documents there are; those never added are not scored.
        encoder: Spells the tokens of matches.
        with_matches: Whether to keep which token matched which.
    """

    def __init__(
        self, query: Query, n_documents: int, encoder: Encoder, *, with_matches: bool
    ) -> None:
        self._query = query
        self._encoder = encoder
        self._with_matches = with_matches
        self._values = np.full(n_documents, np.nan)
        self._cut = np.zeros(n_documents, dtype=np.int32)
        self._tokens = query.tokens_read
        self._rows: list[IntArray] = []
        self._matches: list[pa.Array] = []
        self._spans: list[pa.Array] = []

    def add(
        self,
        rows: IntArray,
        documents: TokenEmbeddings,
        tokens_cut: IntArray | None = None,
    ) -> IntArray:
        """Score some of the documents.

        Args:
            rows: Which documents, shape ``(n,)``.
            documents: Their token embeddings.
            tokens_cut: How many tokens of each were not read; None where unknown.

        Returns:
            The rows whose embeddings are not finite: their scores mean nothing.
        """
        query = self._query.values
        scores = maxsim(query, documents.values, documents.lengths)
        if self._encoder.averages:
            scores /= len(query)
        self._values[rows] = scores
        if tokens_cut is not None:
            self._cut[rows] = tokens_cut
        if self._with_matches:
            self._rows.append(rows)
            found = self._explained(documents)
            self._matches.append(found)
            self._spans.append(spans(found, documents))
        return rows[~np.isfinite(scores) & (documents.lengths > 0)]

    def charge(self, tokens: int) -> None:
        """Count tokens of documents that the model read for this query."""
        self._tokens += tokens

    def scores(self) -> Scores:
        """Return the scores, with columns and notes."""
        encoder = self._encoder
        cut, notes = truncation(
            "colbert",
            self._cut,
            self._query.tokens_cut,
            reads=(encoder.document_length, encoder.query_length),
            options=("document_length", "query_length"),
        )
        columns: dict[str, Iterable[object]] = {**cut}
        if self._with_matches:
            columns["_matches"] = self._aligned(self._matches, MATCHES)
            columns["_spans"] = self._aligned(self._spans, SPANS)
        return Scores(
            self._values,
            columns,
            (*notes, *self._unscored()),
            usage={"input_tokens": self._tokens, **tokens_cut(cut)},
        )

    def _explained(self, documents: TokenEmbeddings) -> pa.ListArray:
        ids = documents.ids
        return matches(
            self._query.values,
            self._encoder.spell(self._query.ids),
            documents,
            None if ids is None else self._encoder.spell(ids),
        )

    def _aligned(self, parts: Sequence[pa.Array], kind: pa.DataType) -> pa.Array:
        """Return what was found of some rows at a time, one value for each document."""
        place = np.full(len(self._values), -1, dtype=np.int64)
        if self._rows:
            rows = np.concatenate(self._rows)
            place[rows] = np.arange(len(rows))
        found = pa.concat_arrays([*parts, pa.array([], kind)])
        return found.take(pa.array(place, mask=place < 0))

    def _unscored(self) -> list[str]:
        notes = []
        if empty := np.count_nonzero(np.isnan(self._values)):
            notes.append(
                f"colbert: {empty} of {len(self._values)} documents have no token "
                "embeddings and were not scored."
            )
        return notes
