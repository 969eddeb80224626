"""`mmr`: results that are relevant and differ from each other."""

from __future__ import annotations

from resift_mmr.reranker import MaximalMarginalRelevance
from resift_mmr.selection import select

__all__ = ["MaximalMarginalRelevance", "select"]
