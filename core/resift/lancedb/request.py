"""One search request: its arguments, its plan, and how its page is finished."""

from __future__ import annotations

import operator
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

import resift
from resift.errors import BackendError, BackendTimeoutError, InputError, ResiftError
from resift.lancedb.engine import (
    ROW_ID,
    BuilderOptions,
    Table,
    query_text,
    said,
    unquoted,
)
from resift.lancedb.incidents import began, ended, with_mark
from resift.lancedb.legs import Leg, Plan, plan
from resift.lancedb.running import OUT_OF_TIME, within, workers_of
from resift.lancedb.selection import OWN_SCORE
from resift.notes import DEGRADED, is_degraded, notes_of, with_notes
from resift.settings import Settings, seconds

if TYPE_CHECKING:
    from resift.lancedb.given import Given
    from resift.lancedb.running import Outcome

_GRACE = 0.1  # seconds for merging where the time is up
_YEAR = 31_536_000.0  # seconds; clocks cannot count as far as floats
_REFUSALS = (ValueError, TypeError, OverflowError)  # of an option
_RESERVED = {"merged": "merged_leg", "relevance": "relevance_leg"}  # when explained

__all__ = ["Arrived", "Options", "Request", "Vectors"]

Vectors: TypeAlias = (
    Mapping[str, ArrayLike | None] | Sequence[str] | str | ArrayLike | bool | None
)


class Options(BuilderOptions, total=False):
    """The options of `resift.lancedb.search`, documented there."""

    vectors: Vectors
    fts: str | Sequence[str] | bool | None
    where: str | None
    select: Sequence[str] | Mapping[str, object] | None
    limit: int
    offset: int
    window: int
    weights: Mapping[str, float] | Sequence[float] | None
    text: str | Sequence[str] | None
    min_score: float | None
    instruction: str | None
    explain: bool
    timeout: float | None
    degraded: bool


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of one search, and the clock that runs for it."""

    query: object
    vectors: Vectors = None
    fts: str | Sequence[str] | bool | None = None
    where: str | None = None
    select: Sequence[str] | Mapping[str, object] | None = None
    limit: int = 10
    offset: int = 0
    window: int = 100
    weights: Mapping[str, float] | Sequence[float] | None = None
    text: str | Sequence[str] | None = None
    min_score: float | None = None
    instruction: str | None = None
    explain: bool = False
    timeout: float | None = None
    degraded: bool = False
    builder: Mapping[str, object] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name, least in (("limit", 1), ("offset", 0), ("window", 1)):
            value = _integer(getattr(self, name))
            if value is None or value < least:
                msg = (
                    f"{name} must be an integer >= {least}, got "
                    f"{getattr(self, name)!r}."
                )
                raise InputError(msg, who="search")
            object.__setattr__(self, name, value)
        try:
            object.__setattr__(self, "timeout", seconds("timeout", self.timeout))
            settings = Settings(
                text=self.text, min_score=self.min_score, instruction=self.instruction
            )
            if settings.text is not None:
                object.__setattr__(self, "text", _plain(settings.text))
        except InputError as error:
            raise error.of("search") from None  # noqa: EM101  # no message
        if self.offset + self.limit > self.window:
            msg = (
                f"offset + limit ({self.offset} + {self.limit}) must not go "
                f"beyond window ({self.window}). Raise window, and keep it the same "
                "for all pages."
            )
            raise InputError(msg, who="search")

    @classmethod
    def of(cls, query: object, options: Options) -> Request:
        """Return the request of a search with *options*."""
        names = BuilderOptions.__annotations__
        builder = {name: value for name, value in options.items() if name in names}
        own: dict[str, Any] = {n: v for n, v in options.items() if n not in names}
        return cls(query=query, builder=builder, **own)

    def plan(self, table: Table, given: Given) -> Plan:
        """Decide which legs to run and what to fetch."""
        return plan(
            table,
            given.reranker,
            query=self.query,
            vectors=self.vectors,
            fts=self.fts,
            select=self.select,
            text=self.text or given.column or given.reranker.text,
            weights=self.weights,
            default_weights=given.weights,
            all_scores=given.all_scores,
            options=self.builder,
            where=self.where,
        )

    def left(self, share: float = 1.0) -> float | None:
        """Return a share of the seconds left, at least a millisecond; None for all."""
        if self.timeout is None:
            return None
        left = min(self.timeout, _YEAR) - (time.monotonic() - self.started)
        return max(left * share, 0.001)

    def time_for_legs(self, plan: Plan, reranker: resift.Reranker) -> float | None:
        """Return the seconds for the legs: not all where scoring or reading follows."""
        return self.left(2 / 3 if reranker.can_score or plan.columns.late else 1.0)

    def time_for_page(self, plan: Plan) -> float | None:
        """Return the seconds for scoring: not all where vectors are read after it."""
        return self.left(0.9 if plan.columns.late else 1.0)

    def arrived(self, plan: Plan, outcomes: Sequence[Outcome]) -> Arrived:
        """Sort the outcomes of the legs into tables and notes.

        Raises:
            BackendTimeoutError: If all legs timed out.
            BackendError: If no leg gave a result.
            InputError: If LanceDB refuses the options that a leg was given.
        """
        arrived = Arrived(notes=[*plan.notes])
        for leg, weight, outcome in zip(plan.legs, plan.weights, outcomes, strict=True):
            what = f"search: leg {leg.column!r} of table {plan.table!r}"
            if isinstance(outcome, pa.Table):
                arrived.tables.append(_settled(outcome, leg))
                arrived.names.append(_RESERVED.get(leg.column, leg.column))
                arrived.weights.append(weight)
                ended(what)
            elif not isinstance(outcome, Exception):  # Ctrl-C, say
                raise outcome
            elif leg.options and isinstance(outcome, _REFUSALS):
                msg = f"LanceDB refuses leg {leg.column!r}: {said(outcome)}"
                raise InputError(msg, who="search") from outcome
            else:
                failure = f"{_failure(leg, outcome)}; the answer is partial"
                arrived.notes.append(f"search: {failure}")
                arrived.incidents[what] = f"it {_verb(outcome)}"
        if not arrived.tables:
            raise _no_result(plan, outcomes)
        for what, why in arrived.incidents.items():
            began(what, why)
        return arrived

    def page(
        self,
        reranker: resift.Reranker,
        plan: Plan,
        arrived: Arrived,
        timeout: float | None,
    ) -> pa.Table:
        """Rerank the legs, and cut out the page."""
        weights = arrived.weights
        ranked = reranker.rerank(
            query_text(self.query),
            *arrived.tables,
            names=arrived.names,
            weights=weights if any(weights) else [1.0] * len(weights),
            text=plan.text,
            window=min(self.window, reranker.defaults.window or self.window),
            top_k=self.offset + self.limit,
            min_score=self.min_score,
            instruction=self.instruction,
            explain=self.explain,
            timeout=timeout,
        )
        return ranked.slice(self.offset, self.limit)

    def ranked(
        self, reranker: resift.Reranker, plan: Plan, arrived: Arrived
    ) -> pa.Table:
        """Return the page, and log whether the reranker is degraded."""
        page = self._ranked(reranker, plan, arrived)
        what = f"search: reranker {reranker.name!r}"
        if is_degraded(page):
            began(what, "; ".join(notes_of(page)))
        else:
            ended(what)
        return page

    def _ranked(
        self, reranker: resift.Reranker, plan: Plan, arrived: Arrived
    ) -> pa.Table:
        """Return the page; unscored, in merged order, where time runs out.

        Raises:
            BackendTimeoutError: If the reranker gave up, and this search has no limit.
        """
        if not reranker.can_score:  # merging takes no time worth a thread
            return self.page(reranker, plan, arrived, None)
        workers, left = workers_of(reranker, "score"), self.time_for_page(plan)
        scored = reranker, plan, arrived
        try:
            return within(workers, left, partial(self.page, *scored, left))
        except OUT_OF_TIME as error:
            if self.timeout is None:
                raise
            why = str(error) or type(error).__name__
        unscored = _Unscored(
            f"search: {reranker.name} had not scored in time ({why}); the rows are in "
            "merged order"
        )
        if reranker.can_merge:
            merged = resift.Reranker(
                unscored, merge=reranker, window=reranker.defaults.window
            )
            with suppress(*OUT_OF_TIME):  # it may be the merger that is slow
                run = partial(self.page, merged, plan, arrived, None)
                return within(workers, _GRACE, run)
        return self.page(resift.Reranker(unscored), plan, arrived, None)

    def finished(
        self, page: pa.Table, plan: Plan, arrived: Arrived, late: Outcome | None
    ) -> pa.Table:
        """Put the columns of the page in order, late ones among them."""
        notes = [*notes_of(page), *arrived.notes]
        degraded = is_degraded(page) or bool(arrived.incidents)
        columns = plan.columns
        internal = {*columns.fetched, *columns.shown, ROW_ID, *OWN_SCORE.values()}
        output = [name for name in page.column_names if name not in internal]
        names = [field.name for field in columns.late]
        page = page.drop_columns([n for n in names if n in page.column_names])
        if isinstance(late, pa.Table):
            page, moved = _with_late(page, late, names)
            notes += moved
        else:
            for field in columns.late:
                nulls = pa.nulls(len(page), field.type)
                page = page.append_column(field.with_nullable(nullable=True), nulls)
        if isinstance(late, BaseException):
            why = f"{type(late).__name__}: {said(late)}".rstrip(": ")
            notes.append(
                f"search: {', '.join(names)} could not be read ({why}), and is null"
            )
            degraded = True
        for name in OWN_SCORE.values():  # of a leg that gave no result
            if name in columns.shown and name not in page.column_names:
                page = page.append_column(name, pa.nulls(len(page), pa.float32()))
        shown = [name for name in columns.shown if name in page.column_names]
        page = page.select([*shown, *output])
        if self.degraded:
            page = with_mark(page, degraded=degraded)
        return with_notes(page, notes, degraded=degraded)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The legs that gave a result, and what must be said of those that did not."""

    tables: list[pa.Table] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    incidents: dict[str, str] = field(default_factory=dict)


def _settled(result: pa.Table, leg: Leg) -> pa.Table:
    """Order equal scores by row id: LanceDB's own order of them is not always one."""
    score = OWN_SCORE[leg.is_text], "descending" if leg.is_text else "ascending"
    return result.take(pc.sort_indices(result, [score, (ROW_ID, "ascending")]))


def _failure(leg: Leg, error: Exception) -> str:
    what = f"{type(error).__name__}: {said(error)}"
    return f"leg {leg.column!r} {_verb(error)} ({what})"


def _verb(error: Exception) -> str:
    return "timed out" if _is_timeout(error) else "failed"


def _is_timeout(error: Exception) -> bool:
    """Return whether there was no answer in time; LanceDB has no type for that."""
    untyped = isinstance(error, RuntimeError) and not isinstance(error, ResiftError)
    return isinstance(error, TimeoutError) or (
        untyped and "query timeout" in str(error).casefold()
    )


def _no_result(plan: Plan, outcomes: Sequence[Outcome]) -> Exception:
    """Return the error of a search without a result, the first failure chained.

    What LanceDB refuses alike in every leg, a filter that it cannot read, is the
    request's fault.
    """
    errors = [o for o in outcomes if isinstance(o, Exception)]
    refusals = {said(error) for error in errors}
    if all(isinstance(error, ValueError) for error in errors) and len(refusals) == 1:
        found: Exception = InputError(
            f"LanceDB refuses it: {refusals.pop()}", who="search"
        )
    else:
        parts = [_failure(*pair) for pair in zip(plan.legs, errors, strict=True)]
        msg = f"No leg of the search gave a result: {'; '.join(parts)}."
        late = all(map(_is_timeout, errors))
        found = BackendTimeoutError(msg) if late else BackendError(msg)
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
    def score(self, documents: Sequence[str], instruction: str | None) -> resift.Scores:
        del instruction  # taken, so that it is no reason to lose the rows
        n = len(documents)
        degraded = {DEGRADED: np.ones(n, dtype=bool)}
        return resift.Scores(np.full(n, np.nan), degraded, notes=[self._note])


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # numpy's, too
    except TypeError:
        return None


def _plain(text: str | Sequence[str]) -> str | Sequence[str]:
    return (
        unquoted(text) if isinstance(text, str) else [unquoted(name) for name in text]
    )
