"""`Progress`: what is scored so far, and whether it still changes the best."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Progress"]


class Progress:
    """The scores of one block after another.

    A reranker may answer blocks in different ways, as a `fallback` does, and scores of
    different kinds cannot be compared. So those count that most documents have; what
    was scored in another way follows them.

    Args:
        n: How many documents there are.
        top_k: How many of the best are watched.
        kind: What scores mean where a block does not say it.
    """

    def __init__(self, n: int, top_k: int, kind: str) -> None:
        self.values: NDArray[np.float64] = np.full(n, np.nan)
        self.done = 0
        """How many documents have been read, the first ones."""
        self.quiet = 0
        """How many blocks in a row have changed nothing among the best."""
        self.blocks: list[Scores] = []
        self._top_k = top_k
        self._kind = kind
        self._counts: Counter[str] = Counter()
        self._best = np.empty(0, dtype=np.int64)

    @property
    def kind(self) -> str:
        """What the scores mean that count; the first of several."""
        return max(self._counts, key=self._counts.__getitem__, default=self._kind)

    @property
    def apart(self) -> int:
        """How many documents were scored in another way."""
        return self._counts.total() - self._counts[self.kind]

    def add(self, scores: Scores) -> None:
        """Take over the scores of the block that follows."""
        before = self.kind
        new = self.done + np.arange(len(scores))
        self.values[new] = scores.values
        self.done += len(scores)
        self.blocks.append(scores)
        self._counts[self._kind_of(scores)] += len(scores)
        if self.kind != before:  # another one counts now
            rows = np.flatnonzero(self._counting())
        elif self._kind_of(scores) == before:
            rows = np.append(self._best, new)
        else:
            rows = self._best
        rows = rows[~np.isnan(self.values[rows])]
        order = np.argsort(-self.values[rows], kind="stable")
        best = rows[order[: self._top_k]]
        self.quiet = self.quiet + 1 if np.array_equal(best, self._best) else 0
        self._best = best

    def scores(self, name: str) -> Scores:
        """Return everything that was said, and the score of *name* as a column."""
        usage: Counter[str] = Counter()
        for block in self.blocks:
            usage.update(block.usage)
        notes = dict.fromkeys(note for block in self.blocks for note in block.notes)
        own = pa.array(self.values, mask=np.isnan(self.values))
        return Scores(
            np.where(self._counting(), self.values, np.nan),
            {**self._columns(), f"_{name}_score": own},
            tuple(notes),
            self._order(),
            dict(usage),
            unscored="it was not read" if self.done < len(self.values) else "",
            kind=self.kind if any(block.kind for block in self.blocks) else None,
            score_range=self._range(),
        )

    def _kind_of(self, block: Scores) -> str:
        return block.kind or self._kind

    def _counting(self) -> NDArray[np.bool_]:
        """Tell of each document whether its score counts, or there is none."""
        counts = np.ones(len(self.values), dtype=bool)
        start = 0
        for block in self.blocks:
            counts[start : start + len(block)] = self._kind_of(block) == self.kind
            start += len(block)
        return counts

    def _range(self) -> tuple[float, float] | None:
        """Return between which numbers all scores lie that count, if blocks say it."""
        ranges = [b.score_range for b in self.blocks if self._kind_of(b) == self.kind]
        known = [found for found in ranges if found is not None]
        if not known or len(known) < len(ranges):
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def _order(self) -> NDArray[np.int64]:
        """Return the documents best first; ties and unscored ones as in their block."""
        starts = np.cumsum([0, *map(len, self.blocks)])
        within = [
            start + block.ranking()
            for start, block in zip(starts, self.blocks, strict=False)
        ]
        unread = np.arange(self.done, len(self.values))
        ranking = np.concatenate([*within, unread]).astype(np.int64)
        last = ~self._counting()[ranking] | np.isnan(self.values[ranking])
        return ranking[np.lexsort((-self.values[ranking], last))]

    def _columns(self) -> dict[str, pa.ChunkedArray]:
        """Return the blocks' columns end to end, null where a block has none."""
        number = pa.array(np.arange(len(self.values)))  # a column, so that rows count
        tables = [
            pa.table({"": number[: len(block)], **block.columns})
            for block in self.blocks
        ]
        tables.append(pa.table({"": number[self.done :]}))
        joined = pa.concat_tables(tables, promote_options="permissive")
        return {name: joined[name] for name in joined.column_names if name}
