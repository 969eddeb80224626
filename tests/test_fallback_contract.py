"""`fallback` keeps the contract of every reranker."""

from __future__ import annotations

from resift.testing import CompositeSuite


class TestFallback(CompositeSuite):
    """With a first that answers."""

    name = "fallback"
    options = {"rerankers": ["bm25", "bm25"]}
