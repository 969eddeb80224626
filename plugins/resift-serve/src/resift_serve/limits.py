"""`Limits`: how much a server takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a server takes on.

    Args:
        timeout: Seconds from a request's arrival to its answer, waiting included.
        concurrency: Calls of one reranker at once; None takes 4 for a reranker of this
            machine, and 16 for one that asks a server.
        queue: Requests that may wait for one reranker.
        queued_documents: Documents that may wait for one reranker.
        max_documents: Documents of one request.
        max_body: Bytes of one request.
        body_seconds: Seconds in which a request must have arrived.
    """

    timeout: float = 30.0
    concurrency: int | None = None
    queue: int = 256
    queued_documents: int = 16384
    max_documents: int = 2048
    max_body: int = 8 * 2**20
    body_seconds: float = 30.0
