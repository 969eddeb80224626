"""Static embeddings for resift: one vector per token, averaged; no network runs."""

from __future__ import annotations

from resift_static.reranker import StaticEmbeddings

__all__ = ["StaticEmbeddings"]
