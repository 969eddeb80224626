"""Cross-encoders for resift: any model of sentence-transformers, fast on a CPU."""

from __future__ import annotations

from resift_cross_encoder.reranker import CrossEncoder

__all__ = ["CrossEncoder"]
