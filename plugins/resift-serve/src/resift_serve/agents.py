"""The tools that agents get: `rerank`, and `search` where there is a database."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Annotated, Any

import pyarrow as pa
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

import resift
from resift.errors import ResiftError, UnknownRerankerError
from resift_serve.database import Database, shown

__all__ = ["agents_server"]

_INSTRUCTIONS = (
    "Orders texts by how well they answer a query. The resource resift://rerankers "
    "lists the rerankers that can be named."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class Result(BaseModel):
    """One document of a ranking."""

    index: int
    rank: int
    score: float | None
    text: str


class Ranking(BaseModel):
    """The documents, best first."""

    reranker: str
    score_kind: str
    results: list[Result]
    notes: list[str]


class Page(BaseModel):
    """The best rows of a table."""

    reranker: str
    rows: list[dict[str, Any]]
    notes: list[str]


Query = Annotated[str, Field(description="What is looked for, in words.")]
Documents = Annotated[
    list[str], Field(description="The texts, in the order they were found.")
]
Name = Annotated[
    str | None,
    Field(description="A name of resift://rerankers; the default where null."),
]
TopN = Annotated[int, Field(ge=1, le=1000, description="How many to return.")]
Characters = Annotated[
    int, Field(ge=0, le=100_000, description="Characters of each text to return.")
]
TableName = Annotated[str, Field(description="The table to search.")]


def agents_server(
    registry: resift.Registry, database: Database | None = None, timeout: float = 60.0
) -> MCPServer:
    """Return the MCP server of a config.

    Args:
        registry: The rerankers; only their names can be used.
        database: Where `search` looks; None for no such tool.
        timeout: Seconds for one call.
    """
    for name in ("mcp", "mcp.server"):  # it would log the words of every error
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    server = MCPServer(
        "resift",
        instructions=_INSTRUCTIONS,
        version=resift.__version__,
        log_level="CRITICAL",
    )
    _add_rerank(server, registry, timeout)
    if database is not None:
        _add_search(server, registry, database, timeout)
    _add_rerankers(server, registry, database)
    return server


def _add_rerank(server: MCPServer, registry: resift.Registry, timeout: float) -> None:
    @server.tool(annotations=_READS, structured_output=True)
    def rerank(
        query: Query,
        documents: Documents,
        reranker: Name = None,
        top_n: TopN = 10,
        max_characters: Characters = 500,
    ) -> Ranking:
        """Order documents by how well they answer a query, best first."""
        if not documents:
            msg = "documents must hold at least one text."
            raise ToolError(msg)
        with _Told(registry), registry.lease(_named(registry, reranker)) as chosen:
            ranked = chosen.rank(query, documents, timeout=timeout)
            _require_ranked(chosen, [d.score for d in ranked], ranked.notes)
            return Ranking(
                reranker=chosen.name,
                score_kind=ranked.kind,
                results=[
                    Result(
                        index=d.index,
                        rank=d.rank,
                        score=d.score,
                        text=shown(documents[d.index], max_characters),
                    )
                    for d in ranked[:top_n]
                ],
                notes=[str(note) for note in ranked.notes],
            )


def _add_search(
    server: MCPServer, registry: resift.Registry, database: Database, timeout: float
) -> None:
    @server.tool(annotations=_READS, structured_output=True)
    def search(
        query: Query,
        table: TableName,
        reranker: Name = None,
        limit: TopN = 10,
        max_characters: Characters = 500,
    ) -> Page:
        """Search a table of the database, and rerank what is found."""
        with _Told(registry), registry.lease(_named(registry, reranker)) as chosen:
            page = database.search(
                table, query, reranker=chosen, limit=limit, timeout=timeout
            )
            notes = resift.notes_of(page)
            scores = page["_relevance_score"].to_pylist()
            _require_ranked(chosen, scores, notes)
            return Page(
                reranker=chosen.name,
                rows=_rows(page, max_characters),
                notes=notes,
            )


def _add_rerankers(
    server: MCPServer, registry: resift.Registry, database: Database | None
) -> None:
    @server.resource("resift://rerankers", mime_type="application/json")
    def rerankers() -> str:
        """List the configured rerankers, the default first."""
        found = []
        for name in registry.names():
            entry = registry.config.get(name)
            found.append({"name": name, "use": entry.use if entry else name})
        body: dict[str, object] = {"rerankers": found}
        if database is not None:
            body["tables"] = database.tables()
        return json.dumps(body)


class _Told:
    """Errors inside become ones that an agent can read and act on."""

    def __init__(self, registry: resift.Registry) -> None:
        self._registry = registry

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, ToolError) or not isinstance(error, Exception):
            return
        if isinstance(error, UnknownRerankerError):
            names = ", ".join(map(repr, self._registry.names()))
            msg = f"No reranker of that name is configured. Configured: {names}."
            raise ToolError(msg) from None
        if isinstance(error, ResiftError):
            raise ToolError(str(error)) from None
        msg = f"The reranker failed ({type(error).__name__})."
        raise ToolError(msg) from None


def _named(registry: resift.Registry, name: str | None) -> str | None:
    """Return which one is meant: a single one needs no name."""
    names = registry.names()
    if name is None and registry.config.default is None and len(names) == 1:
        return names[0]
    return name


def _require_ranked(
    reranker: resift.Reranker, scores: Sequence[float | None], notes: Sequence[str]
) -> None:
    """Refuse what only keeps the order it came in: an agent would take it for ranked.

    Raises:
        ToolError: If nothing is scored.
    """
    if reranker.can_score and scores and all(score is None for score in scores):
        why = "; ".join(map(str, notes)) or "nothing was scored"
        msg = f"The documents were not reranked: {why}."
        raise ToolError(msg)


def _rows(page: pa.Table, most: int) -> list[dict[str, Any]]:
    """Return rows without vectors."""
    kept = [
        field.name
        for field in page.schema
        if not (
            pa.types.is_list(field.type)
            or pa.types.is_fixed_size_list(field.type)
            or pa.types.is_binary(field.type)
        )
    ]
    rows: list[dict[str, Any]] = page.select(kept).to_pylist()
    return [{k: shown(v, most) for k, v in row.items()} for row in rows]
