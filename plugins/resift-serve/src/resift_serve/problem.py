"""`Problem`: an answer that is an error, in the one shape that every client reads."""

from __future__ import annotations

from collections.abc import Mapping

from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    InputError,
    RateLimitError,
    ResiftError,
    ScoreError,
)

__all__ = ["Problem"]

_ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (BadRequestError, 422, "bad_request"),
    (InputError, 422, "invalid_request"),
    (RateLimitError, 429, "rate_limited"),
    (BackendTimeoutError, 504, "timeout"),
    (AuthenticationError, 502, "backend_refused"),
    (BackendError, 502, "backend_failed"),
    (ScoreError, 502, "backend_failed"),
    (ResiftError, 503, "unavailable"),
)
"""Of each kind of error the status and the word for it; the first that fits."""
_UNEXPECTED = (Exception, 500, "internal_error")
_AGAIN = {429: 2.0, 503: 60.0}  # seconds, where nobody knows better


class Problem(Exception):  # noqa: N818  # an answer, which happens to be raised
    """Why a request gets no ranking.

    Args:
        status: The HTTP status.
        kind: What kind of problem it is, lower-case words with underscores.
        message: What is wrong, and what to do about it.
        parameter: The field of the request that is wrong.
        retry_after: Seconds after which to ask again.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        parameter: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.parameter = parameter
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["retry-after"] = str(max(1, round(retry_after)))
        if status == 504:  # asking again would double the load of what is slow
            self.headers["x-should-retry"] = "false"

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON: every client finds the message where it looks for it."""
        return {
            "message": self.message,
            "detail": self.message,
            "error": {
                "message": self.message,
                "type": self.kind,
                "code": self.status,
                "param": self.parameter,
            },
            "error_type": self.kind,
            "id": request_id,
        }

    @classmethod
    def of(cls, error: Exception, name: str, *, near: bool) -> Problem:
        """Return what to answer where a reranker raised *error*.

        Args:
            error: What was raised.
            name: The reranker, as the config names it.
            near: Whether the caller is on this machine, and may read what names
                addresses and files of it.
        """
        if isinstance(error, Problem):
            return error
        told = _told(error, name, near=near)
        fits = (answer for answer in _ANSWERS if isinstance(error, answer[0]))
        _, status, kind = next(fits, _UNEXPECTED)
        seconds = getattr(error, "retry_after", None) or _AGAIN.get(status)
        return cls(status, kind, told, retry_after=seconds)


def _told(error: Exception, name: str, *, near: bool) -> str:
    """Return the words for an error: none of a plugin's own but what is checked."""
    kind = type(error).__name__
    if not isinstance(error, ResiftError):
        return f"The reranker {name!r} failed ({kind})."
    if near:
        return str(error)
    if isinstance(error, InputError):
        return str(_without_place(error))
    return f"The reranker {name!r} failed ({kind})."


def _without_place(error: InputError) -> InputError:
    """Return the error without the file that it names."""
    bare = error.recast(InputError)
    bare.place = ""
    return bare
