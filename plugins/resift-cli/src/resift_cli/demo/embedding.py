"""The demo's vectors as embedding functions of LanceDB: static ones, or hashed words.

LanceDB writes an embedding function's name into the table and looks it up when the
table is opened: `import resift_cli.demo.embedding` makes it known.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from lancedb.embeddings import EmbeddingFunction, register

from resift_cli.demo.vectors import (
    DIMENSIONS,
    EMBEDDING,
    STATIC,
    document_vectors,
    query_vector,
)

if TYPE_CHECKING:
    from lancedb.embeddings.utils import TEXT

__all__ = ["HashedWords", "best"]


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


if find_spec("resift_static"):
    from resift_static.lancedb import StaticVectors

    @register(STATIC)  # type: ignore[no-untyped-call]  # lancedb's
    class StaticWords(StaticVectors):
        """Static embeddings, under a name that marks the demo's own tables."""


def best() -> EmbeddingFunction:
    """Return the best vectors at hand: static ones where resift-static is installed."""
    if find_spec("resift_static"):
        return StaticWords.create()  # type: ignore[no-untyped-call,no-any-return]
    return HashedWords.create()  # type: ignore[no-untyped-call,no-any-return]
