"""`highlight`: the sentences of a document that answer, with scores."""

from __future__ import annotations

from resift_highlight.reranker import Highlight

__all__ = ["Highlight"]
