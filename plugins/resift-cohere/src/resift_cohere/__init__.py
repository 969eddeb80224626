"""Rerank with Cohere, through its official SDK."""

from resift_cohere.reranker import Cohere

__all__ = ["Cohere"]
