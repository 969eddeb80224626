"""`anytime`: an answer at the deadline, and no work that changes nothing."""

from __future__ import annotations

from resift_anytime.reranker import Anytime

__all__ = ["Anytime"]
