"""An embedding function that needs no model, for tables that embed queries."""

from __future__ import annotations

import numpy as np
from lancedb.embeddings import EmbeddingFunction, register

NAME = "resift-test-axis"


@register(NAME)
class AxisEmbedding(EmbeddingFunction):
    """Embed every query as the first axis."""

    def compute_query_embeddings(self, query, *args, **kwargs):
        return [np.array([1.0, 0.0], dtype=np.float32)]

    def compute_source_embeddings(self, texts, *args, **kwargs):
        return [np.array([1.0, 0.0], dtype=np.float32) for _ in texts]

    def ndims(self):
        return 2


def embed_by(monkeypatch, function) -> None:
    """Let *function* embed queries, at the first attempt and at every other."""
    for method in ("compute_query_embeddings", "compute_query_embeddings_with_retry"):
        monkeypatch.setattr(AxisEmbedding, method, function)
