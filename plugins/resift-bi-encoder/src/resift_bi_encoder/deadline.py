"""`Deadline`: the end of a call, and what to do where that comes too soon."""

from __future__ import annotations

import resift_local

__all__ = ["Deadline"]


class Deadline(resift_local.Deadline):
    """When a call must have ended."""

    who = "bi-encoder"
    remedy = (
        "Score fewer (window=...), allow more time, read stored vectors "
        "(embeddings=...), or call warmup() before the first request."
    )
