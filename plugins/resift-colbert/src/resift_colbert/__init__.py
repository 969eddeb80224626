"""Late interaction for resift: the reranker `colbert`, and stored token embeddings."""

from __future__ import annotations

from resift_colbert.reranker import ColBERT

__all__ = ["ColBERT"]
