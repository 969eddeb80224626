"""The SDK's client, held to its timeout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from resift_remote import new_client

if TYPE_CHECKING:
    import cohere
    import httpx

__all__ = ["Client", "new_sdk"]


class Client(NamedTuple):
    """The SDK's client, and the HTTP client under it."""

    sdk: cohere.ClientV2
    http: httpx.Client

    def close(self) -> None:
        """Close every connection."""
        self.http.close()


def new_sdk(key: str, base_url: str, ca_file: Path | None) -> Client:
    """Return a client of the SDK.

    Args:
        key: The key.
        base_url: Where the server is, without the path that the SDK appends.
        ca_file: Certificates to trust instead of the usual ones.

    Raises:
        ServerError: If the environment's proxy or certificates cannot be used.
    """
    import cohere

    http = new_client(ca_file, event_hooks={"response": [_hold_to_timeout]})
    return Client(cohere.ClientV2(key, httpx_client=http, base_url=base_url), http)


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
