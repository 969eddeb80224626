"""`RerankServer`: a rerank server on loopback that speaks every dialect, and fails.

It answers as strictly as the servers it stands for: an unknown field is refused, a key
is checked, and nothing is sent that a real server would not send. Ask it to misbehave
and it does so for the next request, or the next few::

    with RerankServer("jina", api_key="secret") as server:
        server.fail(429, retry_after=0)
        reranker = resift.load("jina", base_url=server.url, api_key="secret")
        reranker.rank("capital of France", ["Paris", "Lyon"])

        assert [request.status for request in server.requests] == [429, 200]

Only the standard library is used.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qs, urlsplit

from resift.testing.dialects import DIALECTS, Corruption

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["RerankServer", "ServedRequest", "word_overlap"]


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
    kind: Literal["status", "hang", "drop", "drip", "corrupt"]
    path: str | None = None
    times: int = 1
    status: int = 500
    message: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    how: str = ""


def word_overlap(query: str, document: str) -> float:
    """Return the share of the query's words that the document contains, 0 to 1."""
    words = set(re.findall(r"\w+", query.lower()))
    found = words & set(re.findall(r"\w+", document.lower()))
    return len(found) / len(words) if words else 0.0


class RerankServer:
    """A rerank server on a free loopback port, for tests.

    Args:
        dialect: A name in `resift.testing.dialects.DIALECTS`.
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
        self.dialect = dialect
        self.api_key = api_key
        self.score = score
        self.max_documents = max_documents
        self.delay = delay
        self.requests: list[ServedRequest] = []
        """Every request so far, in the order they came."""
        self.peak = 0
        """The most requests that were in flight at once."""
        self.tokens = 0
        """How many access tokens were handed out (watsonx)."""
        self._faults: deque[_Fault] = deque()
        self._flying = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._http = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, without a path: ``http://127.0.0.1:49152``."""
        return f"http://127.0.0.1:{self._http.server_port}"

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
        text = HTTPStatus(status).phrase if message is None else message
        self._add(
            _Fault("status", path, times, status, text, body=body, headers=headers)
        )

    def hang(self, *, times: int = 1, path: str | None = None) -> None:
        """Leave the next requests without an answer until the server closes."""
        self._add(_Fault("hang", path, times))

    def drop(self, *, times: int = 1, path: str | None = None) -> None:
        """Cut the connection half-way through the next answers."""
        self._add(_Fault("drop", path, times))

    def drip(self, pause: float, *, times: int = 1, path: str | None = None) -> None:
        """Send the next answers byte by byte, with *pause* seconds in between."""
        self._add(_Fault("drip", path, times, pause=pause))

    def corrupt(self, how: Corruption, *, times: int = 1) -> None:
        """Spoil the next answers; `Corruption` lists how."""
        self._add(_Fault("corrupt", None, times, how=how))

    def close(self) -> None:
        """Stop, and drop every connection. May be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _fault(self, path: str, reranks: bool) -> _Fault | None:
        """Take the fault due for a request."""
        with self._lock:
            for fault in self._faults:
                if fault.path == path if fault.path else reranks:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    owner: RerankServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for headers and body

    def setup(self) -> None:
        super().setup()
        self.owner = cast("_HTTPServer", self.server).owner
        self.dialect = DIALECTS[self.owner.dialect]
        with self.owner._lock:
            self.owner._connections.add(self.connection)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        with self.owner._lock:
            self.owner._connections.discard(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, raw: bytes) -> None:
        owner = self.owner
        with owner._lock:
            owner._flying += 1
            owner.peak = max(owner.peak, owner._flying)
        try:
            self._answer(raw)
        finally:
            with owner._lock:
                owner._flying -= 1

    def _answer(self, raw: bytes) -> None:
        url = urlsplit(self.path)
        request = ServedRequest(
            self.command,
            url.path,
            {name: values[0] for name, values in parse_qs(url.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            _parse(raw, self.headers.get("Content-Type", "")),
        )
        self.request_record = request
        self.owner.requests.append(request)
        reranks = self.dialect.serves(url.path)
        fault = self.owner._fault(url.path, reranks)
        self.owner._closing.wait(self.owner.delay)
        if fault and fault.kind == "hang":
            self.owner._closing.wait()
            self.close_connection = True
        elif fault and fault.kind == "status":
            self._send_fault(fault)
        else:
            status, answer = self._route(request, reranks, fault)
            self._send(status, _encode(answer), fault=fault)

    def _route(
        self, request: ServedRequest, reranks: bool, fault: _Fault | None
    ) -> tuple[int, object]:
        if request.path == "/identity/token":
            return self._token(request)
        if request.path == "/info" and self.owner.dialect == "tei":
            return 200, {
                "model_id": "test",
                "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}}},
                "max_client_batch_size": self.owner.max_documents or 32,
            }
        if not reranks:
            return 404, self.dialect.error(404, f"No such path: {request.path}")
        if not self._authorised(request):
            return 401, self.dialect.error(401, "Invalid API key.")
        if problem := self._refusal(request):
            return 422, self.dialect.error(422, problem)
        how = fault.how if fault else ""
        return 200, self.dialect.answer(request.body or {}, self.owner.score, how)

    def _refusal(self, request: ServedRequest) -> str:
        for name in self.dialect.headers:
            if name.lower() not in request.headers:
                return f"The header {name} is missing."
        for name in self.dialect.parameters:
            if name not in request.parameters:
                return f"The parameter {name} is missing."
        return self.dialect.refusal(request.body, self.owner.max_documents)

    def _authorised(self, request: ServedRequest) -> bool:
        expected = self.owner.api_key
        if expected is None:
            return True
        if self.owner.dialect == "watsonx":
            expected = f"token-{self.owner.tokens}"
        prefix = "Bearer " if self.dialect.key == "Authorization" else ""
        return request.headers.get(self.dialect.key.lower()) == prefix + expected

    def _token(self, request: ServedRequest) -> tuple[int, object]:
        form = request.body or {}
        if form.get("grant_type") != "urn:ibm:params:oauth:grant-type:apikey":
            return 400, {"errorMessage": "Property missing or empty: grant_type"}
        if self.owner.api_key not in (None, form.get("apikey")):
            return 400, {
                "errorCode": "BXNIM0415E",
                "errorMessage": "Provided API key could not be found.",
            }
        self.owner.tokens += 1
        return 200, {
            "access_token": f"token-{self.owner.tokens}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "expiration": int(time.time()) + 3600,
        }

    def _send_fault(self, fault: _Fault) -> None:
        body = fault.body
        if body is None:
            body = _encode(self.dialect.error(fault.status, fault.message))
        self._send(fault.status, body, fault=fault)

    def _send(self, status: int, body: bytes, *, fault: _Fault | None) -> None:
        self.request_record.status = status
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        self.end_headers()
        kind = fault.kind if fault else ""
        if kind == "drop":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif kind == "drip":
            self._drip(body, fault.pause if fault else 0.0)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes, pause: float) -> None:
        for byte in body:
            if self.owner._closing.wait(pause):
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


def _encode(answer: object) -> bytes:
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()
