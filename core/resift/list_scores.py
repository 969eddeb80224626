"""The scores of ranked lists: which column of a table holds them, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from resift.arrow import RELEVANCE
from resift.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = ["Columns", "ListScores", "scores_of_lists"]

Columns: TypeAlias = str | Sequence[str | None] | None

_DISTANCE = "_distance"
_SCORE = "_score"
_PLAIN = {"distance": -1.0, "score": 1.0, "similarity": 1.0}  # as other engines write
_SAFE = float(np.finfo(np.float64).max) / 8  # room for two steps, and a span


@dataclass(frozen=True, slots=True)
class ListScores:
    """The scores of one list, higher is better, shape ``(n,)``; None for an order only.

    Args:
        raw: As they came, distances negated: NaN where there is none.
        values: Finite, as mergers get them, in the order of *raw*.
        lowest: The least score that the list's scorer can give, if that is known.
        notes: What whoever reads scores must know.
    """

    raw: FloatArray | None = None
    values: FloatArray | None = None
    lowest: float | None = None
    notes: tuple[str, ...] = ()


def scores_of_lists(
    tables: Sequence[pa.Table],
    names: Sequence[str],
    *,
    score: Columns = None,
    distance: Columns = None,
) -> list[ListScores]:
    """Return the scores of each list.

    They are in the column that *score* or *distance* names; else in
    ``_relevance_score``, ``_distance`` or ``_score``, the first that there is. A column
    without one finite score says nothing: the order counts.

    Args:
        tables: The lists, best row first.
        names: What each is called.
        score: A column: one for all lists that have it, or one for each, None where
            it has its usual name.
        distance: The same, less is better.

    Raises:
        InputError: If a column is not there or holds no numbers, or both are given for
            one list.
    """
    if score is None and distance is None:
        return [
            _read(table, name, *_usual(table))
            for table, name in zip(tables, names, strict=True)
        ]
    found = []
    scores = _named("score", score, tables)
    distances = _named("distance", distance, tables)
    for number, (table, name, upward, downward) in enumerate(
        zip(tables, names, scores, distances, strict=True), start=1
    ):
        if upward and downward:
            msg = (
                f"list {number} has a score column {upward!r} and a distance "
                f"column {downward!r}, and one must count. Name it list by list, as in "
                "score=[None, 'score']."
            )
            raise InputError(msg, who="rerank")
        column = upward or downward
        sign = -1.0 if downward else 1.0
        found.append(_read(table, name, *((column, sign) if column else _usual(table))))
    return found


def _named(
    argument: str, columns: Columns, tables: Sequence[pa.Table]
) -> Sequence[str | None]:
    """Return which column *argument* names in each list.

    Raises:
        InputError: If it is no name and no list of names, or names none that is there.
    """
    n = len(tables)
    if columns is None:
        return (None,) * n
    if isinstance(columns, str):
        having = [columns if columns in t.schema.names else None for t in tables]
        if not any(having) and any(map(len, tables)):
            number = next(i for i, table in enumerate(tables, start=1) if len(table))
            raise InputError(_missing(argument, columns, number, tables))
        return having
    if len(columns) != n or not all(c is None or isinstance(c, str) for c in columns):
        msg = (
            f"{argument} must be the name of a column, or a list of a name or "
            f"None for each of the {n} lists, got {columns!r}."
        )
        raise InputError(msg, who="rerank")
    for number, (table, column) in enumerate(zip(tables, columns, strict=True), 1):
        if column is not None and column not in table.schema.names and len(table):
            raise InputError(_missing(argument, column, number, tables))
    return [
        column if column in table.schema.names else None
        for table, column in zip(tables, columns, strict=True)
    ]


def _missing(
    argument: str, column: str, number: int, tables: Sequence[pa.Table]
) -> str:
    names = ", ".join(map(repr, tables[number - 1].column_names))
    return (
        f"rerank: list {number} has no {argument} column {column!r}. Columns: {names}. "
        f"Name the right one with {argument}=...."
    )


def _usual(table: pa.Table) -> tuple[str | None, float]:
    """Return the column that holds a list's scores, and 1, or -1 for a distance.

    What was reranked is read by the score it was ranked by, even where all of them are
    null: the order is the reranker's then, not that of a leg.
    """
    names = table.schema.names
    if RELEVANCE in names:
        return RELEVANCE, 1.0
    if _DISTANCE in names and (_SCORE not in names or _says(table, _DISTANCE)):
        return _DISTANCE, -1.0
    if _SCORE in names:
        return _SCORE, 1.0
    for name, sign in _PLAIN.items():
        if name in names and _is_sorted(table.column(name), sign):
            return name, sign
    return None, 1.0


def _says(table: pa.Table, name: str) -> bool:
    return bool(np.isfinite(_numbers(table.column(name), name)).any())


def _is_sorted(column: pa.ChunkedArray, sign: float) -> bool:
    """Tell whether a list is sorted by a column: then that is what it was ranked by."""
    kind = column.type
    if len(column) < 2 or column.null_count or not _is_number(kind):
        return False
    values = sign * _numbers(column, "").astype(np.float64)
    return bool((values[1:] <= values[:-1]).all() and values[-1] < values[0])


def _read(
    table: pa.Table, list_name: str, column: str | None, sign: float
) -> ListScores:
    if column is None:
        return ListScores(notes=_no_scores(list_name) if len(table) else ())
    raw = _numbers(table.column(column), column).astype(np.float64)
    raw = raw if sign > 0 else -raw
    lowest = 0.0 if column == _SCORE and sign > 0 else None
    notes: tuple[str, ...] = ()
    if column in _PLAIN:
        what = "score" if sign > 0 else "distance"
        note = (
            f"rerank: {list_name} is sorted by its column {column!r}, which is read as "
            f"its {what}. Say {what}={column!r}, or rename the column."
        )
        notes = (note,)
    finite = np.isfinite(raw)
    if np.logical_and.reduce(finite):
        return ListScores(raw, raw, lowest, notes)
    if not finite.any():
        return ListScores(notes=_no_scores(list_name))
    if missing := int(np.isnan(raw).sum()):
        note = (
            f"rerank: {missing} of {len(raw)} rows of {list_name} have no score in "
            f"{column!r}: they count less than its other rows."
        )
        notes += (note,)
    return ListScores(raw, _made_finite(raw, finite), lowest, notes)


def _no_scores(list_name: str) -> tuple[str]:
    note = (
        f"rerank: {list_name} has no scores: its order counts, as scores evenly "
        "spaced. Name its column with score=... or distance=..., or merge by 'rrf'."
    )
    return (note,)


def _made_finite(raw: FloatArray, finite: NDArray[np.bool_]) -> FloatArray:
    """Put infinite scores one step beyond the others, and missing ones below all.

    A step is the mean distance of neighbours.
    """
    known = raw[finite]
    low, high = float(known.min()), float(known.max())
    if max(-low, high) > _SAFE:  # a step would overflow
        return _made_finite(raw / 8, finite)
    mean = (high - low) / (len(known) - 1) if high > low else abs(high) or 1.0
    step = max(mean, 2 * float(np.spacing(max(abs(low), abs(high)))))
    best, worst = np.isposinf(raw), np.isneginf(raw)
    missing = low - (2 * step if worst.any() else step)
    values = np.full(len(raw), missing)
    values[finite] = known
    values[best] = high + step
    values[worst] = low - step
    return values


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.floating]:
    """Return a column of numbers, NaN where null."""
    kind = column.type
    if not pa.types.is_floating(kind):
        if pa.types.is_null(kind) or not len(column):
            return np.full(len(column), np.nan)
        if not _is_number(kind):
            msg = f"column {name!r} must hold numbers, got {kind}."
            raise InputError(msg, who="rerank")
        column = column.cast(pa.float64(), safe=False)
    numbers: NDArray[np.floating] = column.to_numpy()
    return numbers
