"""`cache`: keep the scores of a reranker on disk, and ask it only for new pairs."""

from __future__ import annotations

from resift_cache.reranker import Cache
from resift_cache.store import Store, StoreError, default_directory

__all__ = ["Cache", "Store", "StoreError", "default_directory"]
