"""`collapse` keeps the contract of every reranker."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resift.testing import CompositeSuite, RerankerSuite


class _Endings(RerankerSuite):
    """Texts of one length belong together."""

    @classmethod
    def candidates(cls, documents: Sequence[str]) -> pa.Table:
        """Count characters."""
        counts = [len(text or "") for text in documents]
        return pa.table(
            {
                "length": [n // 40 for n in counts],
                "_relevance_score": [n % 97 / 97 for n in counts],
            }
        )


class TestScored(_Endings, CompositeSuite):
    """Around a reranker."""

    name = "collapse"
    options = {"by": "length", "reranker": "bm25"}


class TestIncoming(_Endings):
    """The results' own scores."""

    name = "collapse"
    options = {"by": ["length"], "n": 2}
    skipped = {"obvious_document_wins": "lengths have nothing to do with the query"}


del _Endings  # not a suite itself
