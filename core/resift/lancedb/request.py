"""One search request: its arguments, its plan, and how its page is finished."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

import resift
from resift.config import Config
from resift.errors import BackendError, InputError
from resift.lancedb.adapter import ROW_ID, LanceReranker, query_text
from resift.lancedb.legs import Leg, Plan, Table, plan
from resift.lancedb.running import OUT_OF_TIME, within, workers_of
from resift.output import notes_of, with_notes
from resift.request import checked_text, checked_timeout

if TYPE_CHECKING:
    from resift.lancedb.running import Outcome

_GRACE = 0.1  # seconds for merging where the time is up
_YEAR = 31_536_000.0  # seconds; clocks cannot count as far as floats
_RESERVED = {"merged": "merged_leg", "relevance": "relevance_leg"}  # when explained

__all__ = ["Arrived", "Options", "Request", "Vectors", "column_of", "reranker_of"]

Vectors: TypeAlias = (
    Mapping[str, ArrayLike | None] | Sequence[str] | str | ArrayLike | bool | None
)


class Options(TypedDict, total=False):
    """The options of `resift.lancedb.search`, documented there."""

    vectors: Vectors
    fts: str | Sequence[str] | bool | None
    where: str | None
    select: Sequence[str] | None
    limit: int
    offset: int
    window: int
    weights: Mapping[str, float] | Sequence[float] | None
    text: str | Sequence[str] | None
    min_score: float | None
    explain: bool
    timeout: float | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of one search, and the clock that runs for it."""

    query: object
    vectors: Vectors = None
    fts: str | Sequence[str] | bool | None = None
    where: str | None = None
    select: Sequence[str] | None = None
    limit: int = 10
    offset: int = 0
    window: int = 100
    weights: Mapping[str, float] | Sequence[float] | None = None
    text: str | Sequence[str] | None = None
    min_score: float | None = None
    explain: bool = False
    timeout: float | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name, least in (("limit", 1), ("offset", 0), ("window", 1)):
            value = _integer(getattr(self, name))
            if value is None or value < least:
                msg = (
                    f"search: {name} must be an integer >= {least}, got "
                    f"{getattr(self, name)!r}."
                )
                raise InputError(msg)
            object.__setattr__(self, name, value)
        try:
            object.__setattr__(self, "timeout", checked_timeout(self.timeout))
            if self.text is not None:
                checked_text(self.text)
        except InputError as error:
            msg = f"search: {error}"
            raise InputError(msg) from None
        if self.offset + self.limit > self.window:
            msg = (
                f"search: offset + limit ({self.offset} + {self.limit}) must not go "
                f"beyond window ({self.window}). Raise window, and keep it the same "
                "for all pages."
            )
            raise InputError(msg)

    def plan(self, table: Table, reranker: resift.Reranker) -> Plan:
        """Decide which legs to run and what to fetch."""
        return plan(
            table,
            reranker,
            query=self.query,
            vectors=self.vectors,
            fts=self.fts,
            select=self.select,
            text=self.text or reranker.text,
            weights=self.weights,
        )

    def left(self, share: float = 1.0) -> float | None:
        """Return a share of the seconds left, at least a millisecond; None for all."""
        if self.timeout is None:
            return None
        left = min(self.timeout, _YEAR) - (time.monotonic() - self.started)
        return max(left * share, 0.001)

    def time_for_legs(self, plan: Plan, reranker: resift.Reranker) -> float | None:
        """Return the seconds for the legs: not all where scoring or reading follows."""
        return self.left(2 / 3 if reranker.scores or plan.late else 1.0)

    def time_for_page(self, plan: Plan) -> float | None:
        """Return the seconds for scoring: not all where vectors are read after it."""
        return self.left(0.9 if plan.late else 1.0)

    def arrived(self, plan: Plan, outcomes: Sequence[Outcome]) -> Arrived:
        """Sort the outcomes of the legs into tables and notes.

        Raises:
            BackendError: If no leg gave a result.
        """
        arrived = Arrived()
        for leg, weight, outcome in zip(plan.legs, plan.weights, outcomes, strict=True):
            if isinstance(outcome, pa.Table):
                arrived.tables.append(_settled(outcome, leg))
                arrived.names.append(_RESERVED.get(leg.column, leg.column))
                arrived.weights.append(weight)
            elif not isinstance(outcome, Exception):  # Ctrl-C, say
                raise outcome
            else:
                what = _failure(leg, outcome)
                arrived.notes.append(f"search: {what}; the answer is partial")
        if not arrived.tables:
            raise _no_result(plan, outcomes)
        return arrived

    def page(
        self, reranker: resift.Reranker, arrived: Arrived, timeout: float | None
    ) -> pa.Table:
        """Rerank the legs, and cut out the page."""
        ranked = reranker.rerank(
            query_text(self.query),
            *arrived.tables,
            names=arrived.names,
            weights=arrived.weights if any(arrived.weights) else None,
            text=self.text,
            window=min(self.window, reranker.window or self.window),
            top_k=self.offset + self.limit,
            min_score=self.min_score,
            explain=self.explain,
            timeout=timeout,
        )
        return ranked.slice(self.offset, self.limit)

    def ranked(
        self, reranker: resift.Reranker, plan: Plan, arrived: Arrived
    ) -> pa.Table:
        """Return the page; unscored, in merged order, where time runs out.

        Raises:
            BackendTimeoutError: If the reranker gave up, and this search has no limit.
        """
        if not reranker.scores:  # merging takes no time worth a thread
            return self.page(reranker, arrived, None)
        workers, left = workers_of(reranker, "score"), self.time_for_page(plan)
        try:
            return within(workers, left, lambda: self.page(reranker, arrived, left))
        except OUT_OF_TIME as error:
            if self.timeout is None:
                raise
            why = str(error) or type(error).__name__
        unscored = _Unscored(
            f"search: {reranker.name} had not scored in time ({why}); the rows are in "
            "merged order"
        )
        if reranker.merges:
            merged = resift.Reranker(unscored, merge=reranker, window=reranker.window)
            with suppress(*OUT_OF_TIME):  # it may be the merger that is slow
                return within(workers, _GRACE, lambda: self.page(merged, arrived, None))
        return self.page(resift.Reranker(unscored), arrived, None)

    def finished(
        self, page: pa.Table, plan: Plan, arrived: Arrived, late: Outcome | None
    ) -> pa.Table:
        """Put the columns of the page in order, late vectors among them."""
        notes = [*notes_of(page), *arrived.notes]
        if isinstance(late, pa.Table):
            page, moved = _with_late(page, late, [field.name for field in plan.late])
            notes += moved
        else:
            for field in plan.late:
                nulls = pa.nulls(len(page), field.type)
                page = page.append_column(field.with_nullable(nullable=True), nulls)
        if isinstance(late, BaseException):
            names = ", ".join(field.name for field in plan.late)
            why = f"{type(late).__name__}: {late}".rstrip(": ")
            notes.append(f"search: {names} could not be read ({why}), and is null")
        internal = {*plan.fetched, *plan.shown, ROW_ID, "_distance", "_score"}
        output = [name for name in page.column_names if name not in internal]
        shown = [name for name in plan.shown if name in page.column_names]
        page = page.select([*shown, *output])
        return with_notes(page, notes)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The legs that gave a result, and what must be said of those that did not."""

    tables: list[pa.Table] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _settled(result: pa.Table, leg: Leg) -> pa.Table:
    """Order equal scores by row id: LanceDB's own order of them is not always one."""
    score = ("_score", "descending") if leg.is_text else ("_distance", "ascending")
    return result.take(pc.sort_indices(result, [score, (ROW_ID, "ascending")]))


def _failure(leg: Leg, error: BaseException) -> str:
    what = "timed out" if isinstance(error, TimeoutError) else "failed"
    return f"leg {leg.column!r} {what} ({type(error).__name__}: {error})"


def _no_result(plan: Plan, outcomes: Sequence[Outcome]) -> Exception:
    """Return the error of a search without a result, the first failure chained.

    What LanceDB refuses alike in every leg, a filter that it cannot read, is the
    request's fault.
    """
    errors = [o for o in outcomes if isinstance(o, Exception)]
    refusals = {str(error).partition("\n")[0] for error in errors}
    if all(isinstance(error, ValueError) for error in errors) and len(refusals) == 1:
        found: Exception = InputError(f"search: LanceDB refuses it: {refusals.pop()}")
    else:
        parts = [_failure(*pair) for pair in zip(plan.legs, errors, strict=True)]
        msg = f"No leg of the search gave a result: {'; '.join(parts)}."
        found = BackendError(msg)
    found.__cause__ = errors[0]
    return found


def _with_late(
    page: pa.Table, late: pa.Table, columns: Sequence[str]
) -> tuple[pa.Table, list[str]]:
    """Align late vectors with the page: they come in the order of the storage."""
    rows = pc.index_in(page[ROW_ID], late[ROW_ID].combine_chunks())
    rows = rows.combine_chunks()
    for name in columns:
        page = page.append_column(name, late[name].combine_chunks().take(rows))
    if not rows.null_count:
        return page, []
    note = (
        f"search: {rows.null_count} rows moved while their vectors were read; their "
        f"{', '.join(columns)} is null"
    )
    return page, [note]


class _Unscored:
    """Scores nothing, so that rows stay as they were merged."""

    needs_text = False
    score_kind = "probability"  # a min_score is no reason to lose the rows

    def __init__(self, note: str) -> None:
        self._note = note

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        return resift.Scores(np.full(len(documents), np.nan), notes=[self._note])


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # numpy's, too
    except TypeError:
        return None


def column_of(reranker: object) -> str | Sequence[str] | None:
    """Return the text column that an adapter was given; None for any other."""
    return reranker.column if isinstance(reranker, LanceReranker) else None


def reranker_of(reranker: object) -> resift.Reranker:
    """Return the reranker that a search names, built once per name and config."""
    if isinstance(reranker, resift.Reranker):
        return reranker
    if isinstance(reranker, LanceReranker):
        return reranker.reranker
    if not isinstance(reranker, str):
        return resift.Reranker(reranker)
    config = Config.find()
    with _building:
        built_for, known = _built.get(reranker, (None, None))
        if known is None or known.closed or built_for != config:
            known = resift.load(reranker, config=config)
            _built[reranker] = (config, known)
        return known


_building = threading.Lock()
_built: dict[str, tuple[Config, resift.Reranker]] = {}
