"""`Collapse`: the reranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from resift import Note, Reranker, Scores, hookimpl
from resift.authors import RELEVANCE, Evidence, instruction_for
from resift.errors import InputError
from resift_collapse.groups import groups, places

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Collapse"]


class Collapse:
    """Show at most *n* results of each group: of a document, a source, an author.

    The best *n* of each group keep their scores and their order. The others follow
    after all of them, unscored and best first, so that a page that asks for ten gets
    ten, and the next page goes on where it ended. A null is a group of its own. A note
    says how many have moved.

    Args:
        by: The column that says what belongs together, or several.
        n: The most results of a group.
        separator: Only what stands before the last one counts: ``"#"`` makes one group
            of ``a#1`` and ``a#2``.
        reranker: What scores the documents; the results' own scores by default.

    Raises:
        ValueError: If *n* is below 1, or *by* names no column.
    """

    pointwise = False
    reads_order = True  # of twins the first is kept
    tells_rows_apart = True

    def __init__(
        self,
        *,
        by: str | list[str],
        n: int = 1,
        separator: str = "",
        reranker: Reranker | None = None,
    ) -> None:
        self._by = [by] if isinstance(by, str) else by
        if not all(self._by) or not self._by:
            msg = f"by must name a column, or several, got {by!r}."
            raise ValueError(msg)
        if n < 1:
            msg = f"n must be at least 1, got {n}."
            raise ValueError(msg)
        self._n = n
        self._separator = separator
        self._reranker = reranker
        self.children = [] if reranker is None else [reranker]
        self.needs_text = reranker is not None and reranker.needs_text
        read = (RELEVANCE,) if reranker is None else reranker.columns
        if read is None and not (reranker and reranker.reads_candidates):
            read = ()
        self.columns = (
            None if read is None else tuple(dict.fromkeys((*read, *self._by)))
        )

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Score all documents, and move those that are too many of their group.

        Never passes `top_k` on: what fills the page may stand far down.

        Raises:
            InputError: If a column is missing, or its values cannot be compared.
        """
        table = self._require_columns(candidates)
        evidence = Evidence(len(documents))
        if self._reranker is None:
            found = Scores(table[RELEVANCE].to_numpy().astype(np.float64))
        else:
            words = instruction_for(self._reranker, instruction)
            found = self._reranker.score(
                query, documents, candidates, timeout=timeout, instruction=words
            )
            evidence.add(self._reranker.name, found)
        ranking = found.ranking()
        group = groups([table[name] for name in self._by], self._separator)
        moved = places(group, ranking) >= self._n
        order = ranking[np.argsort(moved[ranking], kind="stable")]
        scores = evidence.scores(np.where(moved, np.nan, found.values), order)
        return replace(
            scores,
            notes=(*scores.notes, *self._notes(moved.sum(), len(moved))),
            unscored="more of its group are better, or it came without a score",
            kind=found.kind,
        )

    def _notes(self, moved: int, n: int) -> list[Note]:
        if not moved:
            return []
        by = ", ".join(map(repr, self._by))
        text = (
            f"collapse: {moved} of {n} documents follow after the others, as "
            f"{self._n} of the same {by} are better"
        )
        return [Note(text, "collapsed", "collapse")]

    def _require_columns(self, candidates: pa.Table | None) -> pa.Table:
        for name in self._by:
            if candidates is None or name not in candidates.column_names:
                msg = f"the results have no column {name!r}. Select it in the search."
                raise InputError(msg, who="collapse")
        return candidates
