"""`BoostColumns`: the reranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from resift import Note, Reranker, Scores, hookimpl
from resift.authors import RELEVANCE, Evidence, instruction_for, labels
from resift.errors import InputError
from resift_boost.boosts import Boost

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BoostColumns"]

_SMALLEST = 1e-12  # a probability this near to 0 or 1 can still be moved
_KEPT = ("probability", "logit")


class BoostColumns:
    r"""Move documents by what columns say of them: recency, popularity, source.

    What the boosts add up to is added to the score: of a probability to its log-odds,
    so that it stays one; to a logit as it is; and to any other score in units of the
    standard deviation of the list, after which only the order means anything. Null is
    neutral: the document keeps its score. `explain` shows what each boost has added,
    as ``_boost_COLUMN``.

    Args:
        boosts: Tables with a ``column`` and one of ``decay``, ``curve`` and ``values``;
            `Boost` describes them.
        reranker: What scores the documents; the results' own scores by default.

    Raises:
        ValueError: If *boosts* is empty, or one of them is wrong.
    """

    def __init__(
        self, *, boosts: list[dict[str, object]], reranker: Reranker | None = None
    ) -> None:
        if not boosts:
            msg = "boosts must have at least one table with a column."
            raise ValueError(msg)
        self._boosts = [
            Boost.read(table, f"boosts[{i}]") for i, table in enumerate(boosts)
        ]
        self._reranker = reranker
        self._labels = labels(f"_boost_{boost.column}" for boost in self._boosts)
        self.children = [] if reranker is None else [reranker]
        self.needs_text = reranker is not None and reranker.needs_text
        self.tells_rows_apart = True
        read = (RELEVANCE,) if reranker is None else reranker.columns
        if read is None and not (reranker and reranker.reads_candidates):
            read = ()
        own = tuple(boost.column for boost in self._boosts)
        self.columns = None if read is None else tuple(dict.fromkeys(read + own))
        if not all(boost.is_absolute for boost in self._boosts):
            self.deterministic = False  # a second later everything is older

    @property
    def score_kind(self) -> str:
        """The reranker's, unless scores are moved by their spread."""
        kind = "ordinal" if self._reranker is None else self._reranker.score_kind
        return kind if kind in _KEPT else "ordinal"

    @property
    def pointwise(self) -> bool:
        """Whether no spread is needed, and the reranker is."""
        inside = self._reranker is not None and self._reranker.pointwise
        return inside and self.score_kind in _KEPT

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        """Score the documents, and move them; never passes `top_k` on.

        Raises:
            InputError: If a column is missing, or of a type that a boost cannot use.
        """
        table = self._require_columns(candidates)
        evidence = Evidence(len(documents))
        if self._reranker is None:
            found = Scores(table[RELEVANCE].to_numpy().astype(np.float64))
            kind = "ordinal"
        else:
            words = instruction_for(self._reranker, instruction)
            found = self._reranker.score(
                query, documents, candidates, timeout=timeout, instruction=words
            )
            kind = found.kind or self._reranker.score_kind
            evidence.add(self._reranker.name, found)
        added, notes = self._added(table)
        values, unit = _moved(found.values, np.sum([*added.values()], axis=0), kind)
        ranking = found.ranking()
        order = ranking[np.argsort(-values[ranking], kind="stable")]
        scores = evidence.scores(values, order)
        return replace(
            scores,
            columns={**scores.columns, **{k: unit * v for k, v in added.items()}},
            notes=(*scores.notes, *notes),
            unscored=found.unscored or "it came without a score",
            kind=kind if kind in _KEPT else "ordinal",
        )

    def _added(
        self, table: pa.Table
    ) -> tuple[dict[str, NDArray[np.float64]], list[Note]]:
        """Return what each boost adds, by its label, and what is to be said of it."""
        added: dict[str, NDArray[np.float64]] = {}
        notes = []
        for label, boost in zip(self._labels, self._boosts, strict=True):
            added[label], odd = boost.of(table[boost.column])
            if odd:
                text = (
                    f"boost: {odd} of {len(table)} documents have no usable value in "
                    f"the column {boost.column!r}, and are not moved by it"
                )
                notes.append(Note(text, "unusable-values", "boost"))
            elif not added[label].any():
                text = f"boost: the column {boost.column!r} moves no document"
                notes.append(Note(text, "no-effect", "boost"))
        return added, notes

    def _require_columns(self, candidates: pa.Table | None) -> pa.Table:
        names = [] if candidates is None else candidates.column_names
        for boost in self._boosts:
            if boost.column not in names:
                msg = (
                    f"the results have no column {boost.column!r}. Select it in "
                    "the search."
                )
                raise InputError(msg, who="boost")
        return candidates


def _moved(
    values: NDArray[np.float64], by: NDArray[np.float64], kind: str
) -> tuple[NDArray[np.float64], float]:
    """Return scores moved by *by*, and the unit that it is counted in."""
    if kind == "logit":
        return values + by, 1.0
    if kind == "probability":
        chance = np.clip(values, _SMALLEST, 1 - _SMALLEST)
        odds = np.log(chance / (1 - chance)) + by
        return np.exp(np.minimum(odds, 0)) / (1 + np.exp(-np.abs(odds))), 1.0
    known = values[~np.isnan(values)]
    spread = float(known.std()) if len(known) else 1.0
    spread = spread if spread > 0 else 1.0
    return values + spread * by, spread
