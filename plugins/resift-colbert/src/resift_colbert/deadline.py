"""`Deadline`: the end of a call, and what to do where that comes too soon."""

from __future__ import annotations

import resift_local

__all__ = ["Deadline"]


class Deadline(resift_local.Deadline):
    """When a call must have ended."""

    who = "colbert"
    remedy = (
        "Score fewer (window=...), allow more time, read stored token embeddings "
        "(embeddings=...), or call warmup() before the first request."
    )
