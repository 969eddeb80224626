"""`chunk` keeps the contract of every reranker."""

from __future__ import annotations

from resift.testing import CompositeSuite


class TestMax(CompositeSuite):
    """The best passage counts."""

    name = "chunk"
    options = {"reranker": "bm25", "size": 5, "overlap": 2}


class TestMean(CompositeSuite):
    """All passages count."""

    name = "chunk"
    options = {"reranker": "bm25", "aggregate": "mean"}
