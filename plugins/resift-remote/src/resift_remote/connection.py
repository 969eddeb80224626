"""`Connection`: one HTTP client, and exchanges with retries and a deadline."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resift_remote.deadline import Deadline
from resift_remote.retries import Reply, retried, retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["Connection", "Request", "payload"]

_CONNECT = 10.0  # seconds to find the server, so that a dead one leaves time to retry


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        url: The whole address.
        headers: All headers but the content's.
        json: The body as JSON; None for a GET or a form.
        form: The body as a form.
    """

    url: str
    headers: Mapping[str, str]
    json: Mapping[str, object] | None = None
    form: Mapping[str, str] | None = None


def payload(reply: Reply[bytes]) -> object:
    """Return what came as JSON.

    Raises:
        ValueError: If it is not JSON, or nothing came.
    """
    try:
        return json.loads(reply.answer or b"")
    except RecursionError:
        msg = "nested too deeply"
    raise ValueError(msg)


class Connection:
    """A pool of connections, opened at first use. Many threads may use it.

    Whoever drops it without `close` has its connections closed all the same.

    Args:
        max_retries: How often a request that may succeed later is sent again.
    """

    def __init__(self, max_retries: int) -> None:
        self.max_retries = max_retries
        self._client: httpx.Client | None = None
        self._finalize: weakref.finalize[[], Connection] | None = None
        self._lock = threading.Lock()

    def open(self) -> httpx.Client:
        """Return the client, opening it where it is not."""
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client()
                self._finalize = weakref.finalize(self, self._client.close)
            return self._client

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        with self._lock:
            self._client, finalize = None, self._finalize
        if finalize is not None:
            finalize()  # does nothing the second time

    def send(self, request: Request, deadline: Deadline) -> Reply[bytes]:
        """Send *request* until there is an answer worth having, or time is up.

        Never raises for what a server or a network does: the reply tells.
        """
        self.open()  # importing httpx takes time, too
        return retried(
            lambda left: self._attempt(request, left, deadline),
            self.max_retries,
            deadline,
        )

    def _attempt(
        self, request: Request, left: float, deadline: Deadline
    ) -> Reply[bytes]:
        import httpx

        content, content_type = _content(request)
        try:
            with self.open().stream(
                "GET" if content is None else "POST",
                request.url,
                content=content,
                headers={**request.headers, **content_type},
                timeout=httpx.Timeout(left, connect=min(left, _CONNECT)),
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if deadline.left <= 0:
                        return Reply(lost="the answer was still coming", timed_out=True)
                return Reply(
                    status=response.status_code,
                    answer=bytes(body),
                    retry_after=retry_after(response.headers.get("Retry-After")),
                )
        except httpx.TimeoutException as error:
            return Reply(lost=_why(error), timed_out=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Reply(lost=_why(error))


def _content(request: Request) -> tuple[bytes | None, dict[str, str]]:
    from urllib.parse import urlencode

    if request.json is not None:
        # a lone surrogate has no UTF-8, and the error for it would show the document
        text = json.dumps(request.json, ensure_ascii=False, allow_nan=False)
        return text.encode(errors="replace"), {"Content-Type": "application/json"}
    if request.form is not None:
        kind = "application/x-www-form-urlencoded"
        return urlencode(request.form).encode(), {"Content-Type": kind}
    return None, {}


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
