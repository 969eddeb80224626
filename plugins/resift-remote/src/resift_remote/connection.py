"""`Connection`: one HTTP client, and exchanges with retries and a deadline."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from resift_remote.address import plain_address
from resift_remote.client import lost_to, new_client, proxy_for
from resift_remote.deadline import Deadline
from resift_remote.pool import Pool
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

    Args:
        max_retries: How often a request that may succeed later is sent again.
        ca_file: Certificates to trust instead of the usual ones.
    """

    def __init__(self, max_retries: int, ca_file: Path | None = None) -> None:
        self.max_retries = max_retries
        self._pool: Pool[httpx.Client] = Pool(
            lambda: new_client(ca_file), lambda client: client.close()
        )

    @property
    def is_open(self) -> bool:
        """Whether there is a client already."""
        return self._pool.is_open

    def open(self) -> httpx.Client:
        """Open the client now, not at the first request, and return it."""
        return self._pool.open()

    def close(self) -> None:
        """Close every connection not in use; the next request opens new ones."""
        self._pool.close()

    def send(
        self,
        request: Request,
        deadline: Deadline,
        judge: Callable[[Reply[bytes]], Reply[bytes]] = lambda reply: reply,
    ) -> Reply[bytes]:
        """Send *request* until there is an answer worth having, or time is up.

        Never raises for what a server or a network does: the reply tells.

        Args:
            request: What to send.
            deadline: When to stop.
            judge: Looks at what an attempt brought before it is decided whether there
                is another, and may change it.

        Raises:
            ServerError: If the environment's proxy or certificates cannot be used.
        """
        self.open()  # importing httpx takes time, too
        reply = retried(
            lambda left: judge(self._attempt(request, left, deadline)),
            self.max_retries,
            deadline,
        )
        return (
            reply if reply.succeeded else replace(reply, proxy=proxy_for(request.url))
        )

    def _attempt(
        self, request: Request, left: float, deadline: Deadline
    ) -> Reply[bytes]:
        import httpx

        content, content_type = _content(request)
        try:
            with (
                self._pool.using() as client,
                client.stream(
                    "GET" if content is None else "POST",
                    request.url,
                    content=content,
                    headers={**request.headers, **content_type},
                    timeout=httpx.Timeout(left, connect=min(left, _CONNECT)),
                ) as response,
            ):
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if deadline.left <= 0:
                        return Reply(lost="the answer was still coming", timed_out=True)
                return Reply(
                    status=response.status_code,
                    answer=bytes(body),
                    retry_after=retry_after(response.headers),
                    location=_location(request.url, response.headers),
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return lost_to(error)


def _content(request: Request) -> tuple[bytes | None, dict[str, str]]:
    if request.json is not None:
        # a lone surrogate has no UTF-8, and the error for it would show the document
        text = json.dumps(request.json, ensure_ascii=False, allow_nan=False)
        return text.encode(errors="replace"), {"Content-Type": "application/json"}
    if request.form is not None:
        kind = "application/x-www-form-urlencoded"
        return urlencode(request.form).encode(), {"Content-Type": kind}
    return None, {}


def _location(url: str, headers: Mapping[str, str]) -> str:
    location = headers.get("Location", "")
    try:
        return plain_address(urljoin(url, location)) if location else ""
    except ValueError:
        return ""
