"""A ranker for Haystack: any resift reranker, picked by name."""

from haystack_integrations.components.rankers.resift.ranker import ResiftRanker

__all__ = ["ResiftRanker"]
