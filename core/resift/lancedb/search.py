"""`search` and `asearch`: any number of legs, merged, reranked, in pages that tile."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from lancedb.embeddings import EmbeddingFunctionRegistry

from resift.errors import BackendTimeoutError
from resift.lancedb.legs import Leg, Table, embedded
from resift.lancedb.request import Options, Request, Vectors, column_of, reranker_of
from resift.lancedb.running import (
    OUT_OF_TIME,
    Outcome,
    agather,
    gather,
    in_thread,
    within,
    workers_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Unpack

    import pyarrow as pa

    from resift.lancedb.legs import Plan
    from resift.workers import Workers

__all__ = ["asearch", "search"]

_LanceTable: TypeAlias = Any  # lancedb types its tables and builders loosely


def search(
    table: _LanceTable,
    query: object,
    *,
    reranker: object = "rrf",
    vectors: Vectors = None,
    fts: str | Sequence[str] | bool | None = None,
    where: str | None = None,
    select: Sequence[str] | None = None,
    limit: int = 10,
    offset: int = 0,
    window: int = 100,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    text: str | Sequence[str] | None = None,
    min_score: float | None = None,
    explain: bool = False,
    timeout: float | None = None,
) -> pa.Table:
    """Search a LanceDB table by any number of legs, and rerank the union.

    Each leg fetches its best *window* rows with raw scores; the union is merged, the
    best *window* of it are scored, and one page is returned. The window never depends
    on the page, so pages neither repeat nor lose rows.

    Args:
        table: A table of LanceDB, local or remote.
        query: The query: text, or a full-text query object of LanceDB.
        reranker: A name (built once per config), a `resift.Reranker`, a plugin
            instance or a function.
        vectors: ``{column: vector}``; or columns whose embedding function makes the
            query vector; or one vector, where there is one vector column. By default
            every column with an embedding function; False for none.
        fts: Full-text columns, one leg each; by default every indexed one; False for
            none.
        where: An SQL filter, applied before searching.
        select: The columns to return; by default all but the vectors.
        limit: Rows of a page.
        offset: Rows before the page; ``offset + limit <= window``.
        window: Rows that each leg fetches, and that are scored.
        weights: What each leg counts for in the merge, by column or in order.
        text: The column that holds the text.
        min_score: The least probability of the rows returned; all by default.
        explain: Add each leg's rank and score, and the stages of the reranker.
        timeout: Seconds for everything. The legs get two thirds of it where scoring or
            reading vectors follows; what is not done in time is left out, and noted.

    Returns:
        One page, best first, with ``_relevance_score``. If a leg failed or timed out,
        the answer is partial; if time ran out while scoring, it comes in merged order
        and its scores are null. It says so in ``resift.notes`` of the schema metadata.

    Raises:
        InputError: If an argument does not fit the table.
        BackendError: If every leg failed; the first failure is chained.

    Example:
        ``search(table, "red fox", reranker="dbsf", vectors={"vector": v}, limit=5)``
    """
    request = Request(
        query=query,
        vectors=vectors,
        fts=fts,
        where=where,
        select=select,
        limit=limit,
        offset=offset,
        window=window,
        weights=weights,
        text=text or column_of(reranker),
        min_score=min_score,
        explain=explain,
        timeout=timeout,
    )
    found = reranker_of(reranker)
    workers = workers_of(table, "leg")
    plan = request.plan(_described(table, workers, request), found)
    calls = [_call(table, leg, request, plan) for leg in plan.legs]
    outcomes = gather(calls, workers, request.time_for_legs(plan, found))
    arrived = request.arrived(plan, outcomes)
    page = request.ranked(found, plan, arrived)
    late: Outcome | None = None
    if ids := plan.late_ids(page):
        fetch = partial(_late, table, ids, plan)
        try:
            late = within(workers, request.left(), lambda: fetch().to_arrow())
        except Exception as error:  # noqa: BLE001  # no reason to lose the page
            late = error
    return request.finished(page, plan, arrived, late)


async def asearch(
    table: _LanceTable,
    query: object,
    *,
    reranker: object = "rrf",
    **options: Unpack[Options],
) -> pa.Table:
    """`search` on an async table (a sync one works, too); never blocks the event loop.

    Takes the arguments of `search`, returns and raises what it does.
    """
    for name in options.keys() - Options.__annotations__.keys():
        msg = f"asearch() got an unexpected keyword argument {name!r}"
        raise TypeError(msg)
    options["text"] = options.get("text") or column_of(reranker)
    aside = workers_of(table, "search")
    if not inspect.iscoroutinefunction(getattr(type(table), "schema", None)):
        whole = partial(search, table, query, reranker=reranker, **options)
        return await in_thread(aside, whole)
    request = Request(query=query, **options)
    found = await in_thread(aside, partial(reranker_of, reranker))
    described = await _adescribed(table, request)
    plan = await in_thread(aside, partial(request.plan, described, found))
    calls = [_acall(table, leg, request, plan) for leg in plan.legs]
    legs = await agather(calls, request.time_for_legs(plan, found))
    arrived = request.arrived(plan, legs)
    page = await in_thread(aside, partial(request.ranked, found, plan, arrived))
    late: Outcome | None = None
    if ids := plan.late_ids(page):
        try:
            fetch = _late(table, ids, plan).to_arrow()
            late = await asyncio.wait_for(fetch, request.left())
        except Exception as error:  # noqa: BLE001  # no reason to lose the page
            late = error
    return request.finished(page, plan, arrived, late)


def _described(table: _LanceTable, workers: Workers, request: Request) -> Table:
    def read() -> Table:
        indexed = _full_text(table.list_indices())
        return Table(table.schema, indexed, lambda: table.embedding_functions)

    try:
        return within(workers, request.left(), read)
    except OUT_OF_TIME as error:
        raise _silent() from error


async def _adescribed(table: _LanceTable, request: Request) -> Table:
    both = asyncio.gather(table.schema(), table.list_indices())
    try:
        schema, indices = await asyncio.wait_for(both, request.left())
    except TimeoutError as error:
        raise _silent() from error
    registry = EmbeddingFunctionRegistry.get_instance()  # type: ignore[no-untyped-call]
    indexed = _full_text(indices)
    return Table(schema, indexed, lambda: registry.parse_functions(schema.metadata))


def _full_text(indices: Sequence[Any]) -> list[str]:
    """Return the columns that have a full-text index."""
    return [c for index in indices if index.index_type == "FTS" for c in index.columns]


def _silent() -> BackendTimeoutError:
    return BackendTimeoutError("search: the table did not tell its columns in time.")


def _call(
    table: _LanceTable, leg: Leg, request: Request, plan: Plan
) -> Callable[[], pa.Table]:
    """Return what runs one leg: in a thread of its own."""

    def run() -> pa.Table:
        if leg.is_text:
            builder = table.search(
                request.query, query_type="fts", fts_columns=leg.searched
            )
        else:
            builder = table.search(
                embedded(leg, request.query),
                vector_column_name=leg.column,
                query_type="vector",
            )
        if request.where:
            builder = builder.where(request.where)
        builder = builder.select(plan.fetched_by(leg)).with_row_id(with_row_id=True)
        result: pa.Table = builder.limit(request.window).to_arrow(
            timeout=_duration(request)
        )
        return result

    return run


async def _acall(
    table: _LanceTable, leg: Leg, request: Request, plan: Plan
) -> pa.Table:
    if leg.is_text:
        builder = await table.search(
            request.query, query_type="fts", fts_columns=leg.searched
        )
    else:
        embed = partial(embedded, leg, request.query)
        vector = await in_thread(workers_of(table, "leg"), embed)
        builder = await table.search(
            vector, vector_column_name=leg.column, query_type="vector"
        )
    if request.where:
        builder = builder.where(request.where)
    builder = builder.select(plan.fetched_by(leg)).with_row_id()
    return await builder.limit(request.window).to_arrow(timeout=_duration(request))


def _late(table: _LanceTable, ids: Sequence[int], plan: Plan) -> _LanceTable:
    """Return the query for the vectors of the rows that were chosen."""
    columns = [field.name for field in plan.late]
    return table.take_row_ids(ids).with_row_id().select(columns)


def _duration(request: Request) -> timedelta | None:
    left = request.left()
    return None if left is None else timedelta(seconds=left)
