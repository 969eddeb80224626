"""The plan: which rows make up a part. It follows from the input alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resift.errors import InputError
from resift_batch.layout import Extent, Layout, Pairs
from resift_batch.rows import Rows

__all__ = ["BLOCK", "Part", "planned"]

BLOCK = 3_200
"""Pairs that a reranker gets at once: it may pack them, and its scores may depend on
what shares a batch."""
_PARTS = 64  # that there are at least, so that many workers have something to do
_LARGEST = 50_000  # pairs of a part: what a kill may cost


@dataclass(frozen=True)
class Part:
    """Some rows, and the queries in them.

    Args:
        row: The first row.
        rows: How many there are.
        queries: How many queries they hold.
        pairs: How many candidates those have.
        repeated: Which of the queries have the id of one before.
    """

    row: int
    rows: int
    queries: int
    pairs: int
    repeated: Sequence[int] = ()

    def plain(self) -> list[object]:
        """Return it as plain data, its arguments in order."""
        return [self.row, self.rows, self.queries, self.pairs, list(self.repeated)]


def planned(layout: Layout, rows: Rows, size: int | None, where: str) -> list[Part]:
    """Return the parts of a table. A query is never cut in two.

    Args:
        layout: How the queries stand in it.
        rows: The table.
        size: The pairs of a part; by default so that there are enough parts.
        where: What messages call the table.

    Raises:
        InputError: If the rows of a query do not stand together.
    """
    extents = list(_told_apart(layout, layout.extents(rows), where))
    pairs = np.concatenate([e.pairs for e, _ in extents] or [np.zeros(0, np.int64)])
    starts = np.concatenate([e.rows for e, _ in extents] or [np.zeros(0, np.int64)])
    repeated = np.array([r for _, marks in extents for r in marks], dtype=bool)
    if size is None:
        size = min(max(int(pairs.sum()) // _PARTS, BLOCK), _LARGEST)
    ends = np.append(starts[1:], len(rows))
    parts = []
    for first, last in _cuts(pairs, size):
        marks = np.flatnonzero(repeated[first:last]).tolist()
        row, n = int(starts[first]), int(ends[last - 1] - starts[first])
        parts.append(Part(row, n, last - first, int(pairs[first:last].sum()), marks))
    return parts


def _cuts(pairs: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Yield the first query of each part, and the one after its last."""
    first = held = 0
    for i, n in enumerate(pairs):
        if i > first and (held + n > size or i - first >= size):
            yield first, i
            first, held = i, 0
        held += n
    if len(pairs):
        yield first, len(pairs)


def _told_apart(
    layout: Layout, extents: Iterable[Extent], where: str
) -> Iterator[tuple[Extent, list[bool]]]:
    """Yield extents, and which of their queries have the id of one before."""
    seen: set[object] = set()
    for extent in extents:
        marks = []
        for row, qid in zip(extent.rows, extent.qids, strict=True):
            marks.append(qid is not None and qid in seen)
            if marks[-1] and isinstance(layout, Pairs):
                msg = f"the query of row {row} has rows further up, too."
                remedy = "Sort the rows by query, so that those of one stand together."
                raise InputError(msg, remedy=remedy, place=where)
            seen.add(qid)
        yield extent, marks
