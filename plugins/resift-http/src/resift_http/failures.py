"""Turn a reply that is no answer into a typed error that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)
from resift_http.connection import Reply

__all__ = ["failure", "message_in"]


def failure(who: str, reply: Reply, message: str, remedy: str = "") -> BackendError:
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


def message_in(payload: object, paths: Sequence[str]) -> str:
    """Return the message in the JSON of an error, or ``""``.

    Args:
        payload: The JSON.
        paths: Where it may stand: dotted, a number reaching into a list. The first
            text found wins; of a list of problems, the ``msg`` of each, but never the
            input that it repeats.
    """
    for path in paths:
        value = payload
        for name in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(name)
            elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            else:
                value = None
        if isinstance(value, list):
            value = "; ".join(filter(None, map(_problem, value)))
        if isinstance(value, str) and value.strip():
            return value
    return ""


_HINTS = {
    404: " Check 'base_url' and 'model'.",
    413: " Lower 'max_documents', or shorten the documents.",
}


def _verdict(status: int) -> tuple[type[BackendError], str]:
    """Return what to raise for a status, and in which words."""
    if status in (401, 403):
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


def _no_answer(who: str, reply: Reply, tries: str) -> BackendError:
    if reply.timed_out:
        return BackendTimeoutError(
            f"{who}: no answer in time{tries} ({reply.lost}). Raise 'timeout', or send "
            "fewer documents."
        )
    return ServerError(
        f"{who}: the server cannot be reached, or broke the connection{tries} "
        f"({reply.lost}). Check 'base_url' and the network."
    )


def _problem(entry: object) -> str:
    """Return one problem of FastAPI's list as ``field: message``."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("msg"), str):
        return entry if isinstance(entry, str) else ""
    location = entry.get("loc")
    where = ".".join(map(str, location)) if isinstance(location, list) else ""
    return f"{where}: {entry['msg']}" if where else str(entry["msg"])
