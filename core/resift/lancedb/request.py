"""One search request: its arguments, its plan, and how its page is finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

import resift
from resift.config import Config
from resift.errors import BackendError, InputError
from resift.lancedb.adapter import ROW_ID, LanceReranker
from resift.lancedb.legs import Leg, Plan, Table, plan
from resift.output import notes_of, with_notes

_RESERVED = {"merged": "merged_leg", "relevance": "relevance_leg"}  # when explained

__all__ = ["Arrived", "Options", "Outcome", "Request", "Vectors", "reranker_of"]

Outcome: TypeAlias = pa.Table | BaseException  # of one leg
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
    explain: bool = False
    timeout: float | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name, least in (("limit", 1), ("offset", 0), ("window", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                msg = f"search: {name} must be an integer >= {least}, got {value!r}."
                raise InputError(msg)
        if self.timeout is not None and not self.timeout > 0:
            msg = f"search: timeout must be more than 0 seconds, got {self.timeout!r}."
            raise InputError(msg)
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

    def left(self) -> float | None:
        """Return the seconds left, at least a millisecond, or None without limit."""
        if self.timeout is None:
            return None
        return max(self.timeout - (time.monotonic() - self.started), 0.001)

    def arrived(self, plan: Plan, outcomes: Sequence[Outcome]) -> Arrived:
        """Sort the outcomes of the legs into tables and notes.

        Raises:
            BackendError: If no leg gave a result.
        """
        arrived = Arrived()
        for leg, weight, outcome in zip(plan.legs, plan.weights, outcomes, strict=True):
            if isinstance(outcome, pa.Table):
                arrived.tables.append(outcome)
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

    def settings(self, arrived: Arrived, reranker: resift.Reranker) -> dict[str, Any]:
        """Return the keywords of `Reranker.rerank`."""
        return {
            "names": arrived.names,
            "weights": arrived.weights if any(arrived.weights) else None,
            "text": self.text,
            "window": min(self.window, reranker.window or self.window),
            "top_k": self.offset + self.limit,
            "explain": self.explain,
            "timeout": self.left(),
        }

    def finished(
        self, page: pa.Table, plan: Plan, arrived: Arrived, late: pa.Table | None
    ) -> pa.Table:
        """Put the columns of the page in order, late vectors among them."""
        notes = [*notes_of(page), *arrived.notes]
        if late is not None:
            page, moved = _with_late(page, late, [field.name for field in plan.late])
            notes += moved
        else:
            for field in plan.late:
                page = page.append_column(field, pa.array([], field.type))
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
