"""What a server complains of: its words, and the HTTP status that it means.

Gateways answer HTTP 200 and put the error of the server behind them into the body, so
that a status alone tells little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from resift_remote.paths import value_at
from resift_remote.retries import Reply

__all__ = ["decoded", "message_in", "status_meant", "with_meaning", "words_in"]

_USUAL = (
    "error.message",
    "message",
    "detail",
    "error",
    "errors.0.message",
    "choices.0.error.message",
    "detail.message",
    "detail.error",
    "error.detail",
    "error_description",
    "errorMessage",
    "error_msg",
    "msg",
    "Message",
)
_CODES = ("code", "status", "status_code", "statusCode", "error_code", "type", "name")
_PLACES = ("error", "choices.0.error", "detail", "errors.0", "")
_NAMED = tuple(
    (re.compile(pattern, re.IGNORECASE), status)
    for pattern, status in (
        (r"rate.?limit|too.?many.?requests|throttl|resource.?exhausted|quota", 429),
        (r"api.?key|unauthori[sz]ed|unauthenticated|authentication", 401),
        (r"permission|forbidden|access.?denied", 403),
        (r"not.?found", 404),
        (r"time.?out", 408),
        (r"unavailable|overloaded", 503),
        (r"internal|server.?error", 500),
    )
)
_BUSY = re.compile(r"rate.?limit|too many requests|overloaded", re.IGNORECASE)


def decoded(reply: Reply[bytes]) -> object:
    """Return what came as JSON, or None for what is not JSON."""
    try:
        return json.loads(reply.answer or b"")
    except (ValueError, RecursionError):
        return None


def message_in(body: object, paths: Sequence[str] = ()) -> str:
    """Return the message in the JSON of an error, or ``""``.

    Args:
        body: The JSON.
        paths: Where it may stand: dotted, a number reaching into a list; the places
            that most servers use come after them. The first text found wins; of a list
            of problems, the ``msg`` of each, but never the input that it repeats.
    """
    for path in (*paths, *_USUAL):
        value = value_at(body, path)
        if isinstance(value, list):
            value = "; ".join(filter(None, map(_problem, value)))
        if isinstance(value, str) and value.strip():
            return value
    return ""


def words_in(reply: Reply[bytes], paths: Sequence[str] = ()) -> str:
    """Return what a server says in its error, JSON or plain text, or ``""``.

    The page of a gateway is not repeated.
    """
    body = decoded(reply)
    if body is not None:
        return message_in(body, paths)
    text = (reply.answer or b"").decode(errors="replace").strip()
    return "" if re.search(r"[<{\[\0\ufffd]", text) else text


def status_meant(body: object) -> int | None:
    """Return the HTTP status that the JSON of an error means, or None.

    >>> status_meant({"error": {"message": "Slow down.", "code": 429}})
    429
    >>> status_meant({"code": "InvalidApiKey", "message": "No such key."})
    401
    """
    said = [value_at(body, place) if place else body for place in _PLACES]
    codes = [
        fields[name]
        for fields in said
        if isinstance(fields, Mapping)
        for name in _CODES
        if name in fields
    ]
    for code in codes:
        if (number := _status(code)) is not None:
            return number
    names = [code for code in codes if isinstance(code, str)]
    for pattern, status in _NAMED:
        if any(map(pattern.search, names)):
            return status
    return 429 if _BUSY.search(message_in(body)) else None


def with_meaning(
    reply: Reply[bytes], is_answer: Callable[[object], bool], paths: Sequence[str] = ()
) -> Reply[bytes]:
    """Return *reply*, and where it is an error under HTTP 200, the status it means.

    An error of unknown meaning rejects the request: HTTP 400.

    Args:
        reply: What came.
        is_answer: Returns whether JSON is what was asked for.
        paths: Where the server puts its message.
    """
    if not reply.succeeded:
        return reply
    body = decoded(reply)
    complains = message_in(body, paths) or isinstance(value_at(body, "error"), Mapping)
    if not complains or is_answer(body):
        return reply
    return replace(reply, meant=status_meant(body) or 400)


def _status(code: object) -> int | None:
    if isinstance(code, str) and re.fullmatch(r"[45]\d\d", code.strip()):
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    return code if 400 <= code < 600 else None


def _problem(entry: object) -> str:
    """Return one problem of FastAPI's list as ``field: message``."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("msg"), str):
        return entry if isinstance(entry, str) else ""
    location = entry.get("loc")
    where = ".".join(map(str, location)) if isinstance(location, list) else ""
    return f"{where}: {entry['msg']}" if where else str(entry["msg"])
