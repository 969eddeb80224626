"""`cascade` and `ensemble` keep the contract of every reranker."""

from __future__ import annotations

from resift.testing import CompositeSuite


class TestCascade(CompositeSuite):
    """A first stage that hands on fewer documents than it gets."""

    name = "cascade"
    options = {"stages": ["bm25", "bm25"], "keep": [4]}


class TestEnsemble(CompositeSuite):
    """Two scorers, merged by score."""

    name = "ensemble"
    options = {
        "rerankers": ["bm25", {"use": "bm25", "options": {"b": 0.0}}],
        "merger": "dbsf",
    }


class TestEnsembleWithRetrieval(CompositeSuite):
    """A scorer, merged with the order and the scores that came in."""

    name = "ensemble"
    options = {"rerankers": ["bm25", "incoming"]}
