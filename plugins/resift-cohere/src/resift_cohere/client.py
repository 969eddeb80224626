"""`Client`: the SDK's client, opened at first use and held to its timeout."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cohere
    import httpx

__all__ = ["Client"]


class Client:
    """The SDK's client. Many threads may use it.

    Whoever drops it without `close` has its connections closed all the same.

    Args:
        base_url: Where the server is; None for what the SDK says.
        find_key: Returns the key; called once, when the client is opened.
    """

    def __init__(self, base_url: str | None, find_key: Callable[[], str]) -> None:
        self._base_url = base_url
        self._find_key = find_key
        self._lock = threading.Lock()
        self._finalize: weakref.finalize[[], Client] | None = None
        self._sdk: cohere.ClientV2 | None = None

    def open(self) -> cohere.ClientV2:
        """Return the SDK's client, opening it where it is not.

        Raises:
            AuthenticationError: If there is no key.
        """
        with self._lock:
            if self._sdk is None:
                key = self._find_key()
                import cohere
                import httpx

                http = httpx.Client(event_hooks={"response": [_hold_to_timeout]})
                self._finalize = weakref.finalize(self, http.close)
                if self._base_url is None:  # then the SDK reads CO_API_URL
                    self._sdk = cohere.ClientV2(key, httpx_client=http)
                else:
                    self._sdk = cohere.ClientV2(
                        key, httpx_client=http, base_url=self._base_url
                    )
            return self._sdk

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        with self._lock:
            self._sdk, finalize = None, self._finalize
        if finalize is not None:
            finalize()  # does nothing the second time


def _hold_to_timeout(response: httpx.Response) -> None:
    """End the answer where the timeout ends.

    httpx counts its timeout anew for each piece that arrives, so that a server which
    sends a byte now and then would never time out.
    """
    import httpx

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream: httpx.SyncByteStream, end: float) -> None:
            self.stream = stream
            self.end = end

        def __iter__(self) -> Iterator[bytes]:
            for piece in self.stream:
                yield piece
                if time.monotonic() > self.end:
                    msg = "the answer was still coming"
                    raise httpx.ReadTimeout(msg)

        def close(self) -> None:
            self.stream.close()

    seconds = response.request.extensions.get("timeout", {}).get("read")
    if seconds is not None and isinstance(response.stream, httpx.SyncByteStream):
        response.stream = Bounded(response.stream, time.monotonic() + seconds)
