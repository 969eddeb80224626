"""`chunk` keeps the contract of every reranker."""

from __future__ import annotations

from resift.testing import RerankerSuite


class TestMax(RerankerSuite):
    """The best passage counts."""

    name = "chunk"
    options = {"reranker": "bm25", "size": 5, "overlap": 2}


class TestMean(RerankerSuite):
    """All passages count."""

    name = "chunk"
    options = {"reranker": "bm25", "aggregate": "mean"}
