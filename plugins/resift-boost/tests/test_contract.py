"""`boost` keeps the contract of every reranker."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resift.testing import CompositeSuite, RerankerSuite


class _Lengths(RerankerSuite):
    """A column of numbers: how long each text is."""

    @classmethod
    def candidates(cls, documents: Sequence[str]) -> pa.Table:
        """Count characters."""
        counts = [len(text or "") for text in documents]
        return pa.table(
            {"length": counts, "_relevance_score": [n % 97 / 97 for n in counts]}
        )


class TestScored(_Lengths, CompositeSuite):
    """Around a reranker."""

    name = "boost"
    options = {
        "reranker": "bm25",
        "boosts": [{"column": "length", "curve": "log1p", "weight": 0.1}],
    }


class TestIncoming(_Lengths):
    """The results' own scores."""

    name = "boost"
    options = {"boosts": [{"column": "length", "decay": "gauss", "scale": 20}]}
    skipped = {"obvious_document_wins": "lengths have nothing to do with the query"}


del _Lengths  # not a suite itself
