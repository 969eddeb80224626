"""`search` and `asearch`: any number of legs, merged, reranked, in pages that tile."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from resift.errors import BackendTimeoutError
from resift.lancedb.engine import (
    BuilderOptions,
    LanceTable,
    Table,
    adescribed,
    configured,
    described,
    is_async,
    require_table,
)
from resift.lancedb.given import given
from resift.lancedb.legs import Leg, embedded
from resift.lancedb.request import Options, Request, Vectors
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
    from resift.threads import Workers

__all__ = ["asearch", "search"]


def search(
    table: LanceTable,
    query: object,
    *,
    reranker: object = "rrf",
    vectors: Vectors = None,
    fts: str | Sequence[str] | bool | None = None,
    where: str | None = None,
    select: Sequence[str] | Mapping[str, object] | None = None,
    limit: int = 10,
    offset: int = 0,
    window: int = 100,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    text: str | Sequence[str] | None = None,
    min_score: float | None = None,
    instruction: str | None = None,
    explain: bool = False,
    timeout: float | None = None,
    degraded: bool = False,
    **builder: Unpack[BuilderOptions],
) -> pa.Table:
    """Search a LanceDB table by any number of legs, and rerank the union.

    Each leg fetches its best *window* rows with raw scores; the union is merged, the
    best *window* of it are scored, and one page is returned. The window never depends
    on the page, so pages neither repeat nor lose rows.

    Args:
        table: A table of LanceDB, local or remote.
        query: The query: text, or a full-text query object of LanceDB.
        reranker: A name (built once per config), a `resift.Reranker`, a plugin
            instance, a function, an adapter, or LanceDB's own `RRFReranker`,
            `MRRReranker` or `LinearCombinationReranker`.
        vectors: ``{column: vector}``; or columns whose embedding function makes the
            query vector; or one vector, where there is one vector column. By default
            every column with an embedding function; False for none.
        fts: Full-text columns, one leg each; by default every indexed one; False for
            none.
        where: An SQL filter, applied before searching unless *postfilter*.
        select: The columns to return, fields of structs (``"meta.title"``), ``_rowid``,
            ``_distance`` and ``_score`` among them; or a mapping of names to SQL
            expressions. By default all but the vectors.
        limit: Rows of a page.
        offset: Rows before the page; ``offset + limit <= window``.
        window: Rows that each leg fetches, and that are scored.
        weights: What each leg counts for in the merge: in order, or by column or kind
            (``"vector"``, ``"fts"``). By default as the reranker says.
        text: The column that holds the text.
        min_score: The least probability of the rows returned; all by default.
        instruction: What to count as relevant, in words, for a reranker that reads it.
        explain: Add each leg's rank and score, and the stages of the reranker.
        timeout: Seconds for everything. The legs get two thirds of it where scoring or
            reading vectors follows; what is not done in time is left out, and noted.
        degraded: Add the column ``_degraded``: whether the answer is less than what was
            asked for.
        builder: What the legs hand to LanceDB's query builders: ``distance_type``,
            ``nprobes``, ``minimum_nprobes``, ``maximum_nprobes``, ``refine_factor``,
            ``ef``, ``distance_range`` (a pair), ``bypass_vector_index``,
            ``fast_search``, ``postfilter``, ``phrase_query``, ``use_lsm``. A value is
            for every leg that takes it, or per leg: ``{leg: value}``.

    Returns:
        One page, best first, with ``_relevance_score``. If a leg failed or timed out,
        the answer is partial; if time ran out while scoring, it comes in merged order
        and its scores are null. It says so in ``resift.notes`` of the schema metadata.

    Raises:
        InputError: If an argument does not fit the table.
        BackendError: If every leg failed; the first failure is chained.
        BackendTimeoutError: If every leg timed out.

    Example:
        ``search(table, "red fox", reranker="dbsf", vectors={"vector": v}, limit=5)``
    """
    require_table(table, takes_async=False)
    _require_known("search", builder, BuilderOptions)
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
        text=text,
        min_score=min_score,
        instruction=instruction,
        explain=explain,
        timeout=timeout,
        degraded=degraded,
        builder=builder,
    )
    chosen = given(reranker)
    found = chosen.reranker
    workers = workers_of(table, "leg")
    plan = request.plan(_described(table, workers, request), chosen)
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


def _spelt_out(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature with the builders' options by name, for help and editors."""
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    builders = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in BuilderOptions.__annotations__
    ]
    return signature.replace(parameters=[*own, *builders])


search.__signature__ = _spelt_out(search)  # type: ignore[attr-defined]  # as inspect reads


async def asearch(
    table: LanceTable,
    query: object,
    *,
    reranker: object = "rrf",
    **options: Unpack[Options],
) -> pa.Table:
    """`search` on an async table (a sync one works, too); never blocks the event loop.

    Takes the arguments of `search`, returns and raises what it does.
    """
    require_table(table, takes_async=True)
    _require_known("asearch", options, Options)
    aside = workers_of(table, "search")
    if not is_async(table):
        whole = partial(search, table, query, reranker=reranker, **options)
        return await in_thread(aside, whole)
    request = Request.of(query, options)
    chosen = await in_thread(aside, partial(given, reranker))
    found = chosen.reranker
    told = await _adescribed(table, request)
    plan = await in_thread(aside, partial(request.plan, told, chosen))
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


def _require_known(who: str, names: Mapping[str, object], known: type) -> None:
    for name in names.keys() - known.__annotations__.keys():
        msg = f"{who}() got an unexpected keyword argument {name!r}"
        raise TypeError(msg)


def _described(table: LanceTable, workers: Workers, request: Request) -> Table:
    try:
        return within(workers, request.left(), partial(described, table))
    except OUT_OF_TIME as error:
        raise _silent() from error


async def _adescribed(table: LanceTable, request: Request) -> Table:
    try:
        return await asyncio.wait_for(adescribed(table), request.left())
    except TimeoutError as error:
        raise _silent() from error


def _silent() -> BackendTimeoutError:
    return BackendTimeoutError(
        "the table did not tell its columns in time.", who="search"
    )


def _call(
    table: LanceTable, leg: Leg, request: Request, plan: Plan
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
        builder = _configured(builder, leg, request, plan)
        result: pa.Table = builder.to_arrow(timeout=_duration(request))
        return result

    return run


async def _acall(table: LanceTable, leg: Leg, request: Request, plan: Plan) -> pa.Table:
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
    builder = _configured(builder, leg, request, plan)
    return await builder.to_arrow(timeout=_duration(request))


def _configured(
    builder: LanceTable, leg: Leg, request: Request, plan: Plan
) -> LanceTable:
    return configured(
        builder,
        where=request.where,
        select=plan.columns.of_leg(is_text=leg.is_text),
        limit=request.window,
        options=leg.options,
    )


def _late(table: LanceTable, ids: Sequence[int], plan: Plan) -> LanceTable:
    """Return the query for the vectors of the rows that were chosen."""
    columns = [field.name for field in plan.columns.late]
    return table.take_row_ids(ids).with_row_id().select(columns)


def _duration(request: Request) -> timedelta | None:
    left = request.left()
    return None if left is None else timedelta(seconds=left)
