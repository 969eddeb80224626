"""The vectors as an embedding function of LanceDB.

LanceDB writes an embedding function's name into the table and looks it up when the
table is opened: `import resift_static.lancedb` makes it known.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from lancedb.embeddings import EmbeddingFunction, register

from resift_static.reranker import StaticEmbeddings

if TYPE_CHECKING:
    from lancedb.embeddings.utils import TEXT

__all__ = ["EMBEDDING", "StaticVectors"]

EMBEDDING = "resift-static"
"""The name under which LanceDB knows these vectors."""


@register(EMBEDDING)  # type: ignore[no-untyped-call]  # lancedb's
class StaticVectors(EmbeddingFunction):
    """Vectors of `resift_static.StaticEmbeddings`, whose options these are."""

    model_config: ClassVar = {"ignored_types": (cached_property,)}

    model: str = "wordllama"
    dimensions: int | None = None
    revision: str | None = None

    @cached_property
    def _embeddings(self) -> StaticEmbeddings:
        return StaticEmbeddings(
            model=self.model, dimensions=self.dimensions, revision=self.revision
        )

    def ndims(self) -> int:
        return int(self._embeddings.encode(["a"]).shape[1])

    def compute_query_embeddings(self, query: str, *_: object) -> list[object]:
        return list(self._embeddings.encode([query]))

    def compute_source_embeddings(self, texts: TEXT, *_: object) -> list[object]:
        rows = self.sanitize_input(texts)
        return list(self._embeddings.encode([text or "" for text in rows]))
