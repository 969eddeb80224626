"""Embedding similarity for resift: from texts, or from vectors that are stored."""

from __future__ import annotations

from resift_bi_encoder.reranker import BiEncoder

__all__ = ["BiEncoder"]
