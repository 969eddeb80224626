"""Turn a reply that is no answer into a typed error that says what to do."""

from __future__ import annotations

from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)
from resift_remote.retries import Reply

__all__ = ["failure"]


def failure(
    who: str, reply: Reply[object], message: str, remedy: str = ""
) -> BackendError:
    """Return the error for a *reply*, to be raised.

    Args:
        who: The reranker.
        reply: A reply whose status is not 200.
        message: What the server says, fit to be shown; may be ``""``.
        remedy: Where the key comes from, for a key that is refused.
    """
    tries = f" after {reply.attempts} attempts" if reply.attempts > 1 else ""
    if not reply.status:
        return _no_answer(who, reply, tries)
    wait = reply.retry_after
    kind, text = _verdict(reply.status)
    said = f"HTTP {reply.status}" + (f": {message}" if message else "")
    asks = f"; it asks to wait {wait:g} s" if wait is not None else ""
    return kind(f"{who}: " + text.format(said=said, tries=tries, asks=asks, fix=remedy))


_HINTS = {
    404: " Check 'base_url' and 'model'.",
    413: " Lower 'max_documents', or shorten the documents.",
}


def _verdict(status: int) -> tuple[type[BackendError], str]:
    """Return what to raise for a status, and in which words."""
    if status in (401, 403, 498):  # 498 is Cohere's for a token that is blocked
        return AuthenticationError, "the server refuses the key ({said}). {fix}"
    if status == 429:
        return RateLimitError, (
            "too many requests ({said}){tries}{asks}. Send fewer at a time, or raise "
            "'timeout' or 'max_retries'."
        )
    if status == 408:
        return BackendTimeoutError, "the server gave up waiting ({said}){tries}."
    if status < 400:
        return ServerError, "the server points elsewhere ({said}). Check 'base_url'."
    if status < 500:
        hint = _HINTS.get(status, "")
        return BadRequestError, "the server rejects the request ({said})." + hint
    return ServerError, "the server failed ({said}){tries}{asks}."


def _no_answer(who: str, reply: Reply[object], tries: str) -> BackendError:
    if reply.timed_out:
        return BackendTimeoutError(
            f"{who}: no answer in time{tries} ({reply.lost}). Raise 'timeout', or send "
            "fewer documents."
        )
    return ServerError(
        f"{who}: the server cannot be reached, or broke the connection{tries} "
        f"({reply.lost}). Check 'base_url' and the network."
    )
