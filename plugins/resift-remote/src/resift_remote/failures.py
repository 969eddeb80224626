"""Turn a reply that is no answer into a typed error that says what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)
from resift_remote.redaction import blanked
from resift_remote.retries import Reply

__all__ = ["failure"]

_TOO_LONG = re.compile(
    r"context.?(length|window|size)|too (long|large|many tokens)|(maximum|max).{0,20}"
    r"(length|tokens)|(exceed|longer|more than|greater than|less than).{0,60}"
    r"(tokens?\b|length|max_seq)|token limit|input length",
    re.IGNORECASE,
)
_CHUNK = "A document is too long for it: put 'chunk' around this reranker."


def failure(
    who: str,
    reply: Reply[object],
    message: str,
    remedy: str = "",
    *,
    secrets: Collection[str] = (),
    too_long: str = _CHUNK,
    rejected: str = "",
) -> BackendError:
    """Return the error for a *reply*, to be raised.

    Args:
        who: The reranker, and where its server is.
        reply: A reply that is no answer.
        message: What the server says, fit to be shown; may be ``""``.
        remedy: Where the key comes from, for a key that is refused.
        secrets: Keys and tokens, for what the reply itself holds.
        too_long: What to do about a text that is too long for the server.
        rejected: What else to do about a request that it rejects.
    """
    tries = f" after {reply.attempts} attempts" if reply.attempts > 1 else ""
    if not reply.status:
        kind, problem, fix = _no_answer(reply, tries)
    else:
        fixes = {"key": remedy, "too long": too_long, "rejected": rejected}
        kind, problem, fix = _refused(reply, message, tries, fixes)
    if reply.proxy:
        fix += (
            f" It was asked through the proxy {reply.proxy}; where none is needed, set "
            "NO_PROXY."
        )
    error = kind(
        blanked(f"{problem}.", secrets),
        who=blanked(who, secrets),
        remedy=blanked(fix.strip(), secrets),
    )
    if isinstance(error, RateLimitError):
        error.retry_after = reply.retry_after
    return error


def _refused(
    reply: Reply[object], message: str, tries: str, fixes: Mapping[str, str]
) -> tuple[type[BackendError], str, str]:
    """Return what to raise, what is wrong, and what to do."""
    status = reply.status if reply.meant is None else reply.meant
    said = f"HTTP {reply.status}"
    if reply.meant is not None:
        said += f" with error {reply.meant}"
    said = f"({said}: {message})" if message else f"({said})"
    wait = reply.retry_after
    asks = f"; it asks to wait {wait:g} s" if wait is not None else ""
    known: dict[int, tuple[type[BackendError], str, str]] = {
        407: (
            AuthenticationError,
            f"the proxy wants a user and a password {said}",
            "Put them into HTTPS_PROXY or HTTP_PROXY.",
        ),
        408: (BackendTimeoutError, f"the server gave up waiting {said}{tries}", ""),
        429: (
            RateLimitError,
            f"too many requests {said}{tries}{asks}",
            "Send fewer at a time, or raise 'timeout' or 'max_retries'.",
        ),
    }
    if status in (401, 403, 498):  # 498 is Cohere's for a token that is blocked
        return AuthenticationError, f"the server refuses the key {said}", fixes["key"]
    if status in known:
        return known[status]
    if status < 400:
        there = f", to {reply.location!r}" if reply.location else ""
        problem = f"the server points elsewhere {said}{there}"
        return ServerError, problem, "Check 'base_url'."
    if status >= 500:
        return ServerError, f"the server failed {said}{tries}{asks}", ""
    if status == 404:
        fix = "Check 'base_url' and 'model'."
    elif status == 413 or _TOO_LONG.search(message):
        fix = ("Lower 'max_documents'. " if status == 413 else "") + fixes["too long"]
    else:
        fix = fixes["rejected"]
    return BadRequestError, f"the server rejects the request {said}", fix


def _no_answer(reply: Reply[object], tries: str) -> tuple[type[BackendError], str, str]:
    if reply.timed_out:
        fix = "Raise 'timeout', or send fewer documents."
        return BackendTimeoutError, f"no answer in time{tries} ({reply.lost})", fix
    fix = reply.remedy or "Check 'base_url' and the network."
    problem = (
        f"the server cannot be reached, or broke the connection{tries} ({reply.lost})"
    )
    return ServerError, problem, fix
