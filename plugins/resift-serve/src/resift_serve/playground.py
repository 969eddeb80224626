"""`Playground`: the page at ``/``, and the tables that it reads documents from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import resift
from resift.errors import ResiftError
from resift_serve.body import read_body
from resift_serve.lane import Lane
from resift_serve.limits import Limits
from resift_serve.problem import Problem

if TYPE_CHECKING:
    from resift_serve.database import Database

__all__ = ["Playground"]

_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MOST = 200  # documents of a search


class Playground:
    """The page, and the search of a database for it.

    Args:
        limits: How much is taken on.
        database: What may be searched; None for nothing.
    """

    def __init__(self, limits: Limits, database: Database | None) -> None:
        self._limits = limits
        self._database = database
        self._lane = Lane("search", 4, limits.queue, limits.queued_documents)
        self.pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
            **{path: partial(_file, *what) for path, what in _FILES.items()},
            "/tables": self.tables,
        }

    async def tables(self, request: Request) -> Response:
        """List what may be searched."""
        del request
        found = [] if self._database is None else self._database.tables()
        return JSONResponse({"tables": found})

    async def search(self, request: Request) -> Response:
        """Return the texts that a search finds, not reranked."""
        body = await read_body(
            request, self._limits.max_body, self._limits.body_seconds
        )
        database, (query, table, limit) = self._database, _asked(body)
        if database is None:
            msg = "There is nothing to search: the server was started without --db."
            raise Problem(404, "not_found", msg)
        seconds = self._limits.timeout

        def work() -> pa.Table:
            return database.search(
                table, query, reranker="rrf", limit=limit, timeout=seconds
            )

        try:
            async with asyncio.timeout(seconds):
                page = await self._lane.run(work, limit)
        except (Problem, asyncio.CancelledError):
            raise
        except TimeoutError:
            msg = f"The search did not answer within {seconds:g} s."
            raise Problem(504, "timeout", msg) from None
        except Exception as error:  # noqa: BLE001  # of LanceDB, or of the query
            near = request.state.visit.is_near and isinstance(error, ResiftError)
            msg = str(error) if near else f"The search failed ({type(error).__name__})."
            raise Problem(422, "invalid_request", msg) from None
        notes = resift.notes_of(page) if request.state.visit.is_near else []
        return JSONResponse({"documents": _texts(page), "notes": notes})


async def _file(name: str, kind: str, request: Request) -> Response:
    del request
    content = (files("resift_serve") / "page" / name).read_bytes()
    headers = {
        "content-security-policy": _POLICY,
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Response(content, media_type=kind, headers=headers)


def _asked(body: bytes) -> tuple[str, str, int]:
    """Return query, table and limit.

    Raises:
        Problem: If they are not there.
    """
    try:
        data = from_json(body, allow_inf_nan=False)
    except ValueError:
        msg = "The body must be JSON in UTF-8."
        raise Problem(400, "malformed_json", msg) from None
    if isinstance(data, dict):
        query, table = data.get("query"), data.get("table")
        limit = data.get("limit", 50)
        is_count = isinstance(limit, int) and not isinstance(limit, bool)
        if isinstance(query, str) and isinstance(table, str) and is_count:
            return query, table, max(1, min(limit, _MOST))
    msg = "The body must have the strings 'query' and 'table', and a number 'limit'."
    raise Problem(422, "invalid_request", msg)


def _texts(page: pa.Table) -> list[object]:
    """Return the column of the text: 'text', or the first that holds any."""
    names = [f.name for f in page.schema if _is_text(f.type)]
    name = "text" if "text" in names else next(iter(names), None)
    return [] if name is None else page[name].to_pylist()


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
