"""`anytime` keeps the contract of every reranker."""

from __future__ import annotations

from resift.testing import CompositeSuite


class TestAll(CompositeSuite):
    """In blocks, to the end."""

    name = "anytime"
    options = {"reranker": "bm25", "block": 50, "patience": 0}


class TestDeadline(CompositeSuite):
    """In threads."""

    name = "anytime"
    options = {"reranker": "bm25", "deadline": 60.0, "patience": 0}
