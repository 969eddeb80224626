"""`RerankServer`: a rerank server on loopback that speaks every dialect, and fails.

It answers as strictly as the servers it stands for: an unknown field is refused, a key
is checked, and nothing is sent that a real server would not send. Ask it to misbehave
and it does so for the next request, or the next few::

    with RerankServer("jina", api_key="secret") as server:
        server.fail(429, retry_after=0)
        reranker = resift.load("jina", base_url=server.url, api_key="secret")
        reranker.rank("capital of France", ["Paris", "Lyon"])

        assert [request.status for request in server.requests] == [429, 200]

Only the standard library and `resift.testing` are used.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qs, urlsplit

from resift.testing import word_overlap
from resift_remote.testing.dialects import DIALECTS, Corruption, phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

__all__ = ["RerankServer", "ServedRequest"]


@dataclass
class ServedRequest:
    """One request that the server got, and the status it answered.

    Args:
        method: ``"GET"`` or ``"POST"``.
        path: The path, without the query string.
        parameters: The query string's parameters, the first value of each.
        headers: The headers, names in lower case.
        body: The JSON body, or the form of a token request; None if there is none.
        status: The status answered; 0 while (or because) there was no answer.
    """

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: dict[str, object] | None
    status: int = 0


@dataclass
class _Fault:
    kind: Literal["none", "status", "hang", "drop", "drip", "corrupt"]
    path: str | None = None
    times: int = 1
    status: int = 500
    message: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    how: str = ""


class RerankServer:
    """A rerank server on a free loopback port, for tests.

    Args:
        dialect: A name in `resift_remote.testing.DIALECTS`.
        api_key: The only key it accepts; None accepts every request.
        score: Scores one document against the query.
        max_documents: It refuses more documents than this in one request (TEI says so
            in ``/info``).
        delay: Seconds that each answer takes.
    """

    def __init__(
        self,
        dialect: str = "cohere",
        *,
        api_key: str | None = None,
        score: Callable[[str, str], float] = word_overlap,
        max_documents: int | None = None,
        delay: float = 0.0,
    ) -> None:
        if dialect not in DIALECTS:
            known = ", ".join(map(repr, DIALECTS))
            msg = f"dialect must be one of {known}, got {dialect!r}."
            raise ValueError(msg)
        self._http = _HTTPServer(dialect, api_key, score, max_documents, delay)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, without a path: ``http://127.0.0.1:49152``."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def requests(self) -> list[ServedRequest]:
        """Every request so far, in the order they came."""
        return list(self._http.requests)

    @property
    def peak(self) -> int:
        """The most requests that were in flight at once."""
        return self._http.peak

    def fail(
        self,
        status: int,
        *,
        message: str | None = None,
        retry_after: str | float | None = None,
        body: bytes | None = None,
        times: int = 1,
        path: str | None = None,
    ) -> None:
        """Answer the next requests with an error, in the words of the dialect.

        Args:
            status: The HTTP status.
            message: What it says; by default the status's phrase.
            retry_after: The ``Retry-After`` header: seconds, or a date.
            body: The whole body, instead of the dialect's error.
            times: How many requests.
            path: Only requests for this path; by default, rerank requests.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        text = phrase(status) if message is None else message
        self._http.add(
            _Fault("status", path, times, status, text, body=body, headers=headers)
        )

    def redirect(self, status: int, location: str, *, times: int = 1) -> None:
        """Answer the next requests with a redirect.

        Args:
            status: 301, 302, 303, 307 or 308.
            location: Where it points to, in the header ``Location``.
            times: How many requests.
        """
        headers = {"Location": location}
        self._http.add(
            _Fault("status", None, times, status, phrase(status), headers=headers)
        )

    def hang(self, *, times: int = 1, path: str | None = None) -> None:
        """Leave the next requests without an answer until the server closes."""
        self._http.add(_Fault("hang", path, times))

    def drop(self, *, times: int = 1, path: str | None = None) -> None:
        """Cut the connection half-way through the next answers."""
        self._http.add(_Fault("drop", path, times))

    def drip(self, pause: float, *, times: int = 1, path: str | None = None) -> None:
        """Send the next answers byte by byte, with *pause* seconds in between."""
        self._http.add(_Fault("drip", path, times, pause=pause))

    def corrupt(self, how: Corruption, *, times: int = 1) -> None:
        """Spoil the next answers; `Corruption` lists how."""
        self._http.add(_Fault("corrupt", None, times, how=how))

    def behave(self) -> None:
        """Forget every misbehaviour that is still to come."""
        self._http.faults.clear()

    def close(self) -> None:
        """Stop, and drop every connection. May be called twice."""
        if self._http.closing.is_set():
            return
        self._http.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._http.drop_connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _HTTPServer(ThreadingHTTPServer):
    """What the handlers of all requests share."""

    daemon_threads = True

    def __init__(
        self,
        dialect: str,
        api_key: str | None,
        score: Callable[[str, str], float],
        max_documents: int | None,
        delay: float,
    ) -> None:
        self.dialect = DIALECTS[dialect]
        self.name = dialect
        self.api_key = api_key
        self.score = score
        self.max_documents = max_documents
        self.delay = delay
        self.requests: list[ServedRequest] = []
        self.tokens = 0
        self.peak = 0
        self.faults: deque[_Fault] = deque()
        self.closing = threading.Event()
        self._in_flight = 0
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def add(self, fault: _Fault) -> None:
        with self._lock:
            self.faults.append(fault)

    def fault_for(self, path: str) -> _Fault | None:
        """Take the fault that is due for a request."""
        reranks = self.dialect.serves(path)
        with self._lock:
            for fault in self.faults:
                if fault.path == path if fault.path else reranks:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    @contextmanager
    def in_flight(self, request: ServedRequest) -> Iterator[None]:
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.peak = max(self.peak, self._in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    @contextmanager
    def connected(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)

    def drop_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for headers and body

    @property
    def shared(self) -> _HTTPServer:
        return cast("_HTTPServer", self.server)

    def handle(self) -> None:
        with self.shared.connected(self.connection), suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, raw: bytes) -> None:
        url = urlsplit(self.path)
        request = ServedRequest(
            self.command,
            url.path,
            {name: values[0] for name, values in parse_qs(url.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            _parse(raw, self.headers.get("Content-Type", "")),
        )
        with self.shared.in_flight(request):
            fault = self.shared.fault_for(url.path) or _Fault("none")
            self.shared.closing.wait(self.shared.delay)
            if fault.kind == "hang":
                self.shared.closing.wait()
                self.close_connection = True
                return
            if fault.kind == "status":
                request.status = fault.status
                answer = fault.body or self.shared.dialect.error(
                    fault.status, fault.message
                )
            else:
                request.status, answer = self._route(request, fault.how)
            self._send(request.status, answer, fault)

    def _route(self, request: ServedRequest, corruption: str) -> tuple[int, object]:
        """Return the status and the body that *request* deserves."""
        dialect = self.shared.dialect
        if request.path == "/identity/token":
            return self._token(request.body or {})
        if request.path == "/info" and self.shared.name == "tei":
            return 200, {
                "model_id": "test",
                "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}}},
                "max_client_batch_size": self.shared.max_documents or 32,
            }
        if not dialect.serves(request.path):
            return 404, dialect.error(404, f"No such path: {request.path}")
        if not self._authorised(request):
            return 401, dialect.error(401, "Invalid API key.")
        if problem := self._refusal(request):
            return 422, dialect.error(422, problem)
        body = request.body or {}
        return 200, dialect.answer(body, self.shared.score, corruption)

    def _refusal(self, request: ServedRequest) -> str:
        dialect = self.shared.dialect
        for name in dialect.headers:
            if name.lower() not in request.headers:
                return f"The header {name} is missing."
        for name in dialect.parameters:
            if name not in request.parameters:
                return f"The parameter {name} is missing."
        return dialect.refusal(request.body, self.shared.max_documents)

    def _authorised(self, request: ServedRequest) -> bool:
        expected = self.shared.api_key
        if expected is None:
            return True
        if self.shared.name == "watsonx":
            expected = f"token-{self.shared.tokens}"
        header = self.shared.dialect.key
        prefix = "Bearer " if header == "Authorization" else ""
        return request.headers.get(header.lower()) == prefix + expected

    def _token(self, form: dict[str, object]) -> tuple[int, object]:
        """Answer as IBM's server does that gives an access token for a key."""
        if form.get("grant_type") != "urn:ibm:params:oauth:grant-type:apikey":
            return 400, {"errorMessage": "Property missing or empty: grant_type"}
        if self.shared.api_key not in (None, form.get("apikey")):
            return 400, {
                "errorCode": "BXNIM0415E",
                "errorMessage": "Provided API key could not be found.",
            }
        self.shared.tokens += 1
        return 200, {
            "access_token": f"token-{self.shared.tokens}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "expiration": int(time.time()) + 3600,
        }

    def _send(self, status: int, answer: object, fault: _Fault) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.kind == "drop":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault.kind == "drip":
            self._drip(body, fault.pause)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes, pause: float) -> None:
        for byte in body:
            if self.shared.closing.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()


def _parse(raw: bytes, content_type: str) -> dict[str, object] | None:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(raw.decode()).items()}
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
