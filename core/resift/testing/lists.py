"""Ranked lists for the checks of a merger, written short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resift.ranking import Ranking

__all__ = ["Lists", "ranked"]


@dataclass(frozen=True, slots=True)
class Lists:
    """Ranked lists over one union: what a merger gets."""

    rankings: tuple[Ranking, ...]
    n_documents: int

    def __str__(self) -> str:
        shown = "; ".join(_short(ranking) for ranking in self.rankings)
        return f"{self.n_documents} documents, lists [{shown}]"


def ranked(
    *lists: Mapping[int, float] | Sequence[int],
    n: int,
    weights: Sequence[float] | None = None,
) -> Lists:
    """Write lists down.

    Args:
        lists: For each list the scores by document, or the documents in order, which
            then have no scores.
        n: How many documents the union has.
        weights: What each list counts for; 1 each by default.
    """
    weights = weights or [1.0] * len(lists)
    made = []
    for number, (given, weight) in enumerate(zip(lists, weights, strict=True), 1):
        scores = None
        documents = np.array(list(given), dtype=np.int64)
        if isinstance(given, Mapping):
            scores = np.array(list(given.values()), dtype=np.float64)
            order = np.argsort(-scores, kind="stable")
            documents, scores = documents[order], scores[order]
        made.append(Ranking(documents, scores, weight, f"list_{number}"))
    return Lists(tuple(made), n)


def _short(ranking: Ranking) -> str:
    if not len(ranking):
        return "empty"
    if len(ranking) > 8:
        return f"{len(ranking)} documents"
    if ranking.scores is None:
        return " ".join(map(str, ranking.documents))
    pairs = zip(ranking.documents, ranking.scores, strict=True)
    return " ".join(f"{document}:{score:.6g}" for document, score in pairs)
