"""`collapse`: at most *n* results per document, source or author."""

from __future__ import annotations

from resift_collapse.reranker import Collapse

__all__ = ["Collapse"]
