"""The demo's vectors as an embedding function of LanceDB.

LanceDB writes an embedding function's name into the table and looks it up when the
table is opened: `import resift_cli.demo.embedding` makes it known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lancedb.embeddings import EmbeddingFunction, register

from resift_cli.demo.vectors import (
    DIMENSIONS,
    EMBEDDING,
    document_vectors,
    query_vector,
)

if TYPE_CHECKING:
    from lancedb.embeddings.utils import TEXT

__all__ = ["HashedWords"]


@register(EMBEDDING)  # type: ignore[no-untyped-call]  # lancedb's
class HashedWords(EmbeddingFunction):
    """Hashed TF-IDF: see `resift_cli.demo.vectors`."""

    def ndims(self) -> int:
        return DIMENSIONS

    def compute_query_embeddings(self, query: str, *_: object) -> list[object]:
        return [query_vector(query)]

    def compute_source_embeddings(self, texts: TEXT, *_: object) -> list[object]:
        rows = self.sanitize_input(texts)
        return list(document_vectors([text or "" for text in rows]))
