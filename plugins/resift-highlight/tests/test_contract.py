"""`highlight` keeps the contract of every reranker."""

from __future__ import annotations

from resift.testing import CompositeSuite


class TestPruned(CompositeSuite):
    """Spans, and the text at them."""

    name = "highlight"
    options = {"reranker": "bm25", "spans": 2, "prune": True}
