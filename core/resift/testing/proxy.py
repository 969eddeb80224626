"""`Proxy`: stands before a server, and spoils its answers.

It knows no vendor: it hands requests on, and then fails, keeps silent, or changes the
JSON that comes back. So it works before a fake server as before a real one.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Fault", "Proxy"]

Fault: TypeAlias = Literal[
    "none",
    "refuse",
    "fail",
    "hang",
    "nan",
    "null",
    "half",
    "cut",
    "beyond",
    "page",
    "empty",
]
"""What happens to an answer: ``"refuse"`` is status 400, ``"fail"`` 503, ``"hang"`` no
answer, ``"nan"`` NaN for every number with a point, ``"null"`` null for it, ``"half"``
half of the JSON, ``"cut"`` lists without their last item, ``"beyond"`` an index that no
document has, ``"page"`` HTML, ``"empty"`` ``{}``."""

_NUMBER = rb"-?\d+\.\d+(?:[eE][-+]?\d+)?"
_INSTEAD: dict[str, tuple[bytes, bytes]] = {
    "nan": (_NUMBER, b"NaN"),
    "null": (_NUMBER, b"null"),
    "beyond": (rb'("(?:\w*_)?index"\s*:\s*)(\d+)', rb"\g<1>1\g<2>000"),
}
"""What is put in the place of what, in the answer as it was written."""
_DROPPED = {
    "host", "content-length", "connection", "accept-encoding", "transfer-encoding",
    "content-encoding",
}  # fmt: skip
_MOST_REQUESTS = 25
"""Requests of one call, after which it is let go, however the fault."""
_PATIENCE = 12.0
"""Seconds that a hanging answer hangs."""


class Proxy:
    """A server on loopback before another, as a context manager.

    Args:
        target: The address of the other.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.fault: Fault = "none"
        self.requests = 0
        self.spoilt = 0
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def url(self) -> str:
        """Its own address, with the path of the other."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{self.target.path}"

    def spoil(self, fault: Fault) -> None:
        """Let *fault* happen from now on, and count requests from 0."""
        self.fault, self.requests, self.spoilt = fault, 0, 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that gave up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.requests += 1
        fault = proxy.fault if proxy.requests <= _MOST_REQUESTS else "none"
        if fault == "hang":
            proxy.released.wait(_PATIENCE)
            self.close_connection = True
            return
        if fault == "refuse":
            self._send(400, b'{"error": {"message": "resift.testing: refused"}}')
        elif fault == "fail":
            self._send(503, b'{"error": {"message": "resift.testing: out of order"}}')
        else:
            status, kind, answer = self._ask(body)
            if status == http.client.OK and fault != "none":
                kind, answer = self._spoilt(fault, kind, answer)
            self._send(status, answer, kind)

    def _ask(self, body: bytes) -> tuple[int, str, bytes]:
        """Hand the request on."""
        target = self.server.proxy.target
        https = target.scheme == "https"
        connect = http.client.HTTPSConnection if https else http.client.HTTPConnection
        connection = connect(target.netloc, timeout=60)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _DROPPED
        }
        try:
            connection.request(self.command, self.path, body or None, headers)
            reply = connection.getresponse()
            kind = reply.getheader("Content-Type") or "application/json"
            return reply.status, kind, reply.read()
        finally:
            connection.close()

    def _spoilt(self, fault: Fault, kind: str, answer: bytes) -> tuple[str, bytes]:
        if fault == "page":
            return "text/html", b"<html><body>Sign in to continue</body></html>"
        if fault == "empty":
            return kind, b"{}"
        if fault == "half":
            return kind, answer[: len(answer) // 2]
        if fault in _INSTEAD:
            found, other = _INSTEAD[fault]
            spoilt, count = re.subn(found, other, answer)
            self.server.proxy.spoilt += count
            return kind, spoilt
        try:
            data = json.loads(answer)
        except ValueError:
            return kind, answer
        self._cut(data)
        return kind, json.dumps(data).encode()

    def _cut(self, data: Any) -> None:  # noqa: ANN401  # whatever JSON holds
        """Take the last item of every list that has several, the outermost only."""
        if isinstance(data, list):
            if len(data) > 1:
                del data[-1]
                self.server.proxy.spoilt += 1
        elif isinstance(data, dict):
            for value in data.values():
                self._cut(value)

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
