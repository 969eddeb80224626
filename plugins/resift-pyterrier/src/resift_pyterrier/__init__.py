"""Rerank in PyTerrier with any reranker, picked by name."""

from resift_pyterrier.transformer import ResiftReranker

__all__ = ["ResiftReranker"]
