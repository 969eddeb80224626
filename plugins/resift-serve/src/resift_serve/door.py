"""`Door`: who may come in, with what, and what is written down of it.

It stands around the whole application, so that nothing is answered, logged or raised
that has not passed it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Iterable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resift_serve.metrics import Metrics
from resift_serve.problem import Problem
from resift_serve.visit import Visit

__all__ = ["Door"]

_LOG = logging.getLogger("resift_serve.access")
_OPEN = {"/health", "/ready", "/", "/page.css", "/page.js", "/favicon.svg"}
_LEFT = 499  # as nginx writes down a client that left
_KEY_HEADERS = ("api-key", "x-api-key")


class Door:
    """Check the host, the key and the kind of each request; log and count it.

    Args:
        app: What answers.
        metrics: Where requests are counted.
        keys: The keys that open it; none for a server of this machine alone.
        hosts: The names by which it may be called; None for any.
        origins: Web pages of which other machines' browsers may ask it.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        keys: Sequence[str] = (),
        hosts: Iterable[str] | None = None,
        origins: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._keys = [hashlib.sha256(key.encode()).digest() for key in keys]
        self._hosts = None if hosts is None else {h.lower() for h in hosts}
        self._origins = set(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit.of(scope)
        scope.setdefault("state", {})["visit"] = visit
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._sign(MutableHeaders(scope=message), visit)
            await send(message)

        try:
            response = self._refusal(scope, visit)
            if response is None:
                await self._app(scope, receive, sending)
            else:
                await response(scope, receive, sending)
        except ClientDisconnect:
            status = _LEFT
        except Exception as error:  # noqa: BLE001  # its words may quote a document
            _LOG.error("%s %s", visit.id, type(error).__name__)  # "
            if not status:
                problem = Problem(500, "internal_error", "The server failed.")
                response = JSONResponse(problem.body(visit.id), problem.status)
                await response(scope, receive, sending)
        finally:
            self._write_down(scope, visit, status)

    def _refusal(self, scope: Scope, visit: Visit) -> Response | None:
        """Return the answer to whom the door stays shut, before a body is read."""
        if self._is_preflight(scope, visit):
            return Response(status_code=204)
        try:
            self._check_host(visit)
            if scope["path"] not in _OPEN:
                self._check_key(visit)
            if scope["method"] == "POST":
                self._check_kind(visit)
        except Problem as problem:
            return JSONResponse(
                problem.body(visit.id), problem.status, headers=problem.headers
            )
        return None

    def _check_host(self, visit: Visit) -> None:
        """Refuse a page whose name was made to point here by its own name server."""
        if self._hosts is None:
            return
        host = visit.headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name not in self._hosts:
            msg = (
                "The server does not go by this name. Call it as 'localhost', or "
                "start it with --allow-host."
            )
            raise Problem(421, "wrong_host", msg)

    def _check_key(self, visit: Visit) -> None:
        if not self._keys:
            return
        scheme, _, given = visit.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = ""
        for name in _KEY_HEADERS:
            given = given or visit.headers.get(name, "")
        digest = hashlib.sha256(given.strip().encode("utf-8", "replace")).digest()
        if not any([hmac.compare_digest(digest, key) for key in self._keys]):  # noqa: C419  # each takes the same time
            msg = "The key is missing or wrong. Send it as 'Authorization: Bearer KEY'."
            headers = {"www-authenticate": "Bearer"}
            raise Problem(401, "unauthorized", msg, headers=headers)

    def _check_kind(self, visit: Visit) -> None:
        """Refuse what a web page may send without asking, a form or plain text."""
        kind = visit.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            msg = "The body must be JSON: send 'Content-Type: application/json'."
            raise Problem(415, "unsupported_media_type", msg)

    def _is_preflight(self, scope: Scope, visit: Visit) -> bool:
        asks = "access-control-request-method" in visit.headers
        known = visit.headers.get("origin") in self._origins
        return bool(scope["method"] == "OPTIONS" and asks and known)

    def _sign(self, headers: MutableHeaders, visit: Visit) -> None:
        headers["x-request-id"] = visit.id
        headers.setdefault("cache-control", "no-store")
        headers["x-content-type-options"] = "nosniff"
        origin = visit.headers.get("origin", "")
        if self._origins:
            headers.add_vary_header("Origin")
        if origin in self._origins:
            headers["access-control-allow-origin"] = origin
            headers["access-control-allow-methods"] = "GET, POST"
            headers["access-control-allow-headers"] = (
                "authorization, content-type, api-key, x-api-key, x-request-id"
            )

    def _write_down(self, scope: Scope, visit: Visit, status: int) -> None:
        took = time.monotonic() - visit.begun
        path = visit.route or "other"
        self._metrics.requests.labels(path, visit.reranker, str(status)).inc()
        if visit.reranker:
            self._metrics.seconds.labels(path, visit.reranker).observe(took)
        _LOG.info(
            "%s %s %s %d %.1fms %s %d %s",
            visit.address or "-",
            scope["method"] if scope["method"] in ("GET", "POST") else "OTHER",
            path,
            status,
            took * 1000,
            visit.reranker or "-",
            visit.documents,
            visit.id,
        )
