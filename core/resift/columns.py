"""The columns that `rerank` adds to the rows: scores, evidence, explanation."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift.arrow import OURS, RELEVANCE
from resift.errors import InputError
from resift.scores import as_array, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from resift.scores import Scores
    from resift.union import Union

__all__ = [
    "add",
    "evidence",
    "explanation",
    "relevance",
    "with_columns",
]


def relevance(values: NDArray[np.float64], n: int, who: str) -> pa.Array:
    """Return scores as shown: float32, null where not scored, *n* rows.

    Args:
        values: The scores, best first, NaN last.
        n: How many rows there are; those beyond *values* are not scored.
        who: The reranker, as messages name it.

    Raises:
        ScoreError: If one does not fit a float32.
    """
    narrow = narrowed(values, who)
    if len(narrow) < n:
        narrow = np.append(narrow, np.full(n - len(narrow), np.nan, dtype=np.float32))
    if n and math.isnan(narrow[-1]):
        return pa.array(narrow, mask=np.isnan(narrow))
    return pa.array(narrow)


def evidence(
    scores: Scores, places: NDArray[np.int64], n: int, *, explain: bool
) -> dict[str, pa.Array]:
    """Return the extra columns of the scorer, those with ``_`` when explaining."""
    rows = np.full(n, -1, dtype=np.int64)
    rows[: len(places)] = places
    indices = pa.array(rows, mask=rows < 0)
    return {
        name: as_array(column).take(indices)
        for name, column in scores.columns.items()
        if explain or not name.startswith("_")
    }


def add(
    added: dict[str, pa.Array], more: Iterable[tuple[str, pa.Array]], who: str
) -> None:
    """Put more columns to those that are added.

    Raises:
        InputError: If there is one of that name, of a stage or a list called alike.
    """
    for name, column in more:
        if name in added:
            msg = (
                f"two added columns would be called {name!r}. Rename the list, "
                "or the reranker."
            )
            raise InputError(msg, who=who)
        added[name] = column


def explanation(
    union: Union,
    merged: NDArray[np.float64],
    order: NDArray[np.int64],
    documents: NDArray[np.int64],
) -> Iterator[tuple[str, pa.Array]]:
    """Yield each list's rank and score, the merged score, and the merged rank."""
    for ranking, scores in zip(union.rankings, union.raw_scores, strict=True):
        rank = np.zeros(union.n_documents, dtype=np.int32)
        rank[ranking.documents] = np.arange(1, len(ranking) + 1)
        mine = rank[documents]
        yield f"_{ranking.name}_rank", pa.array(mine, mask=mine == 0)
        if scores is not None:
            values = np.full(union.n_documents, np.nan)
            values[ranking.documents] = scores
            found = values[documents]
            yield f"_{ranking.name}_score", pa.array(found, mask=np.isnan(found))
    yield "_merged_score", pa.array(merged[documents])
    rank = np.empty(union.n_documents, dtype=np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    yield "_merged_rank", pa.array(rank[documents])


def with_columns(
    rows: pa.Table,
    added: Mapping[str, pa.Array],
    *,
    keep: Sequence[str | None],
    who: str,
) -> pa.Table:
    """Add our columns to the payload, replacing only what resift itself has added.

    Args:
        rows: The payload.
        added: Columns by name, aligned with *rows*.
        keep: Columns of the payload that nothing may replace.
        who: The reranker, as messages name it.

    Raises:
        InputError: If a column of the payload is in the way.
    """
    names = rows.schema.names
    for name in (clashes := [name for name in added if name in names]):
        ours = (rows.schema.field(name).metadata or {}).items() >= OURS.items()
        if name in keep or not (ours or name == RELEVANCE):
            msg = (
                f"{who} adds a column {name!r}, which the results already have. Rename "
                "that one, or leave it out of the search."
            )
            raise InputError(msg, who=who)
    if clashes:
        rows = rows.drop_columns(clashes)
    for name, column in added.items():
        rows = rows.append_column(_field(name, column.type), column)
    return rows


@lru_cache(maxsize=64)
def _field(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, metadata=OURS)
