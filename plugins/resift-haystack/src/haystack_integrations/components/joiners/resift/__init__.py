"""A joiner for Haystack: any number of branches, fused by any resift reranker."""

from haystack_integrations.components.joiners.resift.joiner import ResiftJoiner

__all__ = ["ResiftJoiner"]
