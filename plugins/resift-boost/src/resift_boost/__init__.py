"""`boost`: recency, popularity and source, from columns of the results."""

from __future__ import annotations

from resift_boost.boosts import Boost
from resift_boost.reranker import BoostColumns

__all__ = ["Boost", "BoostColumns"]
