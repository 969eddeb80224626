"""`chunk`: score long documents by their passages, and show the one that won."""

from __future__ import annotations

from resift_chunk.passages import Splitter
from resift_chunk.reranker import Chunk
from resift_chunk.tokens import HasTokens, words

__all__ = ["Chunk", "HasTokens", "Splitter", "words"]
