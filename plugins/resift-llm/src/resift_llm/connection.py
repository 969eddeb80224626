"""`Connection`: one HTTP client, and posts with retries and a deadline."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING

from resift_remote import Deadline, Reply, retried, retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["Connection"]

_CONNECT = 10.0  # seconds to find the server, so that a dead one leaves time to retry


class Connection:
    """A pool of connections, opened at first use. Many threads may use it.

    Whoever drops it without `close` has its connections closed all the same.

    Args:
        max_retries: How often a request that may succeed later is sent again.
    """

    def __init__(self, max_retries: int) -> None:
        self._max_retries = max_retries
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

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Reply[bytes]:
        """Post *body* until there is an answer worth having, or time is up.

        Never raises for what a server or a network does: the reply tells.
        """
        self.open()  # importing httpx takes time, too

        def attempt(seconds: float) -> Reply[bytes]:
            return self._attempt(url, headers, body, min(seconds, deadline.left))

        return retried(attempt, self._max_retries, deadline)

    def _attempt(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply[bytes]:
        import httpx

        deadline = Deadline(seconds)
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT))
        try:
            with self.open().stream(
                "POST", url, content=body, headers=headers, timeout=timeout
            ) as response:
                answer = bytearray()
                for piece in response.iter_bytes():
                    answer += piece
                    if deadline.left <= 0:  # httpx counts anew for each piece
                        return Reply(lost="the answer was still coming", timed_out=True)
                return Reply(
                    status=response.status_code,
                    answer=bytes(answer),
                    retry_after=retry_after(response.headers.get("Retry-After")),
                )
        except httpx.TimeoutException as error:
            return Reply(lost=_why(error), timed_out=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Reply(lost=_why(error))


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
