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

    Args:
        n: How many documents there are.
        top_k: How many of the best are watched.
    """

    def __init__(self, n: int, top_k: int) -> None:
        self.values: NDArray[np.float64] = np.full(n, np.nan)
        self.done = 0
        """How many documents have been read, the first ones."""
        self.quiet = 0
        """How many blocks in a row have changed nothing among the best."""
        self.blocks: list[Scores] = []
        self._top_k = top_k
        self._best = np.empty(0, dtype=np.int64)

    def add(self, scores: Scores) -> None:
        """Take over the scores of the block that follows."""
        new = self.done + np.arange(len(scores))
        self.values[new] = scores.values
        self.done += len(scores)
        self.blocks.append(scores)
        rows = np.append(self._best, new[~np.isnan(scores.values)])
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
            self.values,
            {**self._columns(), f"_{name}_score": own},
            tuple(notes),
            self._order(),
            dict(usage),
            unscored="it was not read",
            kind=self.blocks[0].kind if self.blocks else None,
            score_range=self.blocks[0].score_range if self.blocks else None,
        )

    def _order(self) -> NDArray[np.int64]:
        """Return the documents best first; ties and unscored ones as in their block."""
        starts = np.cumsum([0, *map(len, self.blocks)])
        within = [
            start + block.ranking()
            for start, block in zip(starts, self.blocks, strict=False)
        ]
        unread = np.arange(self.done, len(self.values))
        ranking = np.concatenate([*within, unread]).astype(np.int64)
        return ranking[np.argsort(-self.values[ranking], kind="stable")]

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
