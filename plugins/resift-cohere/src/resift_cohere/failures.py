"""Turn what the SDK raises into a typed error that says what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)

__all__ = ["Failure"]

_LONGEST = 300  # characters of a server's message that are worth showing
_RUN = 16  # characters in a row that can be no accident


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt brought no answer.

    Args:
        status: The HTTP status; 0 where no answer came.
        said: What the server says, as it came.
        retry_after: The seconds that the server asks to wait, if it does.
        lost: Why no answer came, in words.
        timed_out: Whether no answer came in time.
        attempts: How many attempts were made.
    """

    status: int = 0
    said: str = ""
    retry_after: float | None = None
    lost: str = ""
    timed_out: bool = False
    attempts: int = 1

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return what an *error* of the SDK means."""
        import httpx
        from cohere.core.api_error import ApiError

        if isinstance(error, ApiError):
            headers = {k.lower(): v for k, v in (error.headers or {}).items()}
            return cls(
                error.status_code or 0,
                _message(error.body),
                _seconds(headers.get("retry-after")),
                lost="no JSON" if error.status_code else type(error).__name__,
            )
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            kind = type(error).__name__
            timed_out = isinstance(error, httpx.TimeoutException)
            lost = f"{kind}: {error}" if str(error) else kind
            return cls(lost=lost, timed_out=timed_out)
        # the SDK builds its objects from whatever JSON came, and trips over some
        return cls(status=200, lost=type(error).__name__)

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later: HTTP 408, 429, 5xx, no answer."""
        return not self.status or self.status in (408, 429) or self.status >= 500

    def after(self, attempts: int) -> Failure:
        """Return it as the last of *attempts*."""
        return replace(self, attempts=attempts)

    def error(self, secret: str, texts: Sequence[str]) -> BackendError:
        """Return the error to raise.

        Args:
            secret: The key, which must not show.
            texts: The query and the documents, which must not show.
        """
        tries = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        kind, text = _timed_out_or_lost(self) if not self.status else _verdict(self)
        message = _redacted(self.said, [secret], texts)
        said = f"HTTP {self.status}" + (f": {message}" if message else "")
        wait = self.retry_after
        asks = f"; it asks to wait {wait:g} s" if wait is not None else ""
        return kind(
            "cohere: " + text.format(said=said, tries=tries, asks=asks, lost=self.lost)
        )


def _timed_out_or_lost(failure: Failure) -> tuple[type[BackendError], str]:
    if failure.timed_out:
        return BackendTimeoutError, (
            "no answer in time{tries} ({lost}). Raise 'timeout', or send fewer "
            "documents."
        )
    return ServerError, (
        "the server cannot be reached, or broke the connection{tries} ({lost}). Check "
        "'base_url' and the network."
    )


def _verdict(failure: Failure) -> tuple[type[BackendError], str]:
    """Return what to raise for a status, and in which words."""
    status = failure.status
    if status in (401, 403, 498):  # 498 is Cohere's for a token that is blocked
        return AuthenticationError, (
            "the server refuses the key ({said}). Check 'api_key', CO_API_KEY or "
            "COHERE_API_KEY."
        )
    if status == 429:
        return RateLimitError, (
            "too many requests ({said}){tries}{asks}. Send fewer at a time, or raise "
            "'timeout' or 'max_retries'."
        )
    if status == 408:
        return BackendTimeoutError, "the server gave up waiting ({said}){tries}."
    if 400 <= status < 500:
        hint = " Check 'base_url' and 'model'." if status == 404 else ""
        return BadRequestError, "the server rejects the request ({said})." + hint
    if status < 400:
        elsewhere = "the server points elsewhere ({said}). Check 'base_url'."
        garbled = "the SDK failed on the request or its answer ({lost})."
        return ServerError, elsewhere if status >= 300 else garbled
    return ServerError, "the server failed ({said}){tries}{asks}."


def _message(body: object) -> str:
    """Return the message in the body of an error, or ``""``."""
    for name in ("message", "detail"):
        value = body.get(name) if isinstance(body, Mapping) else None
        if isinstance(value, str):
            return value
    return ""


def _seconds(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, or None."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            then = parsedate_to_datetime(header)
        except ValueError:
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        seconds = max(0.0, (then - datetime.now(UTC)).total_seconds())
    return seconds if 0 <= seconds < math.inf else None


def _redacted(message: str, secrets: Collection[str], texts: Sequence[str]) -> str:
    """Return a server's message in one line, without keys, queries or documents.

    Servers echo what they were sent, whole or in part. A key is blanked wherever it
    stands; of a text, every run of 16 characters, and the whole text where it stands as
    a word of its own.
    """
    for secret in filter(None, secrets):
        message = message.replace(secret, "[key]")
    message = " ".join(message.split())[:_LONGEST]
    lines = [" ".join(text.split()) for text in texts]
    for text in {line for line in lines if 0 < len(line) < _RUN}:
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "[text]", message)
    sent = "\0".join(lines)
    hidden = [False] * len(message)
    for start in range(len(message) - _RUN + 1):
        if message[start : start + _RUN] in sent:
            hidden[start : start + _RUN] = [True] * _RUN
    pairs = zip(message, hidden, strict=True)
    return re.sub("\0+", "[text]", "".join("\0" if hide else c for c, hide in pairs))
