r"""Four classic ways to merge ranked lists, beside those of the core.

Notation and shared rules are those of `resift.rerankers.mergers`: weights multiply,
weight 0 leaves a list out, an empty list contributes nothing, ties are left to the
host. What happens to a document that a list does not hold is said with each method.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

import resift
from resift.rerankers.mergers import min_max, scores_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = ["Borda", "CombMnz", "CombSum", "InverseSquareRank"]


class CombSum:
    r"""Sum the scores, by default stretched to 0..1 in each list.

    .. math:: f(d) = \sum_l w_l \, n_l(d)

    With ``normalize="min-max"`` this is the core's `relative`. With ``"none"`` the
    scores are added as they are, which is right where one scorer made every list: one
    encoder asked in several wordings, say. A document missing from a list then gets the
    least score of that list, so that negative scores (distances) work: there, and only
    there, a list whose scores are all equal tells nothing.

    Args:
        normalize: ``"min-max"``, or ``"none"`` for lists of the same scorer.

    Raises:
        ValueError: If *normalize* is neither.

    References:
        Fox and Shaw, "Combination of multiple searches", TREC-2, 1993.
    """

    reads_scores = True

    def __init__(self, *, normalize: Literal["min-max", "none"] = "min-max") -> None:
        if normalize not in ("min-max", "none"):
            msg = f"normalize must be 'min-max' or 'none', got {normalize!r}."
            raise ValueError(msg)
        self.normalize = normalize
        self.affine_invariant = normalize == "min-max"

    @resift.hookimpl
    def merge(self, rankings: Sequence[resift.Ranking], n_documents: int) -> FloatArray:
        """Sum over the lists."""
        fused = np.zeros(n_documents)
        for ranking in filter(len, rankings):
            scores = scores_of(ranking)
            if self.normalize == "min-max":
                fused[ranking.documents] += ranking.weight * min_max(scores)
            else:
                least = np.full(n_documents, scores.min())
                least[ranking.documents] = scores
                fused += ranking.weight * least
        return fused


class CombMnz:
    r"""Sum min-max scores, and multiply by how many lists hold the document.

    .. math:: f(d) = m(d)^\gamma \sum_{l \ni d} w_l \, n_l(d)

    :math:`m(d)` counts the lists that hold :math:`d`, those of weight 0 left out. A
    missing document scores 0; a constant list scores 1.

    Args:
        gamma: How much agreement counts, at least 0: 0 is CombSUM, 1 is CombMNZ.

    Raises:
        ValueError: If *gamma* is negative or not finite.

    References:
        Fox and Shaw, "Combination of multiple searches", TREC-2, 1993; with min-max,
        Lee, "Analyses of multiple evidence combination", SIGIR 1997.
        https://doi.org/10.1145/258525.258587
    """

    reads_scores = True
    affine_invariant = True

    def __init__(self, *, gamma: float = 1.0) -> None:
        if not 0 <= gamma < math.inf:
            msg = f"gamma must be a finite number of at least 0, got {gamma!r}. Use 1."
            raise ValueError(msg)
        self.gamma = gamma

    @resift.hookimpl
    def merge(self, rankings: Sequence[resift.Ranking], n_documents: int) -> FloatArray:
        """Sum over the lists, times the number of lists to the power of gamma."""
        fused = np.zeros(n_documents)
        for ranking in rankings:
            fused[ranking.documents] += ranking.weight * min_max(scores_of(ranking))
        return fused * _held(rankings, n_documents) ** self.gamma


class Borda:
    r"""Count votes: a list gives its first document as many points as there are any.

    .. math::
        f(d) = \sum_l w_l \begin{cases}
            N - r_l(d) + 1 & d \in l \\
            (N - n_l + 1) / 2 & d \notin l
        \end{cases}

    :math:`N` is the number of documents in the union, :math:`n_l` in the list. The
    documents that a list does not hold share the points it has left. Scores are not
    read.

    References:
        Aslam and Montague, "Models for metasearch", SIGIR 2001.
        https://doi.org/10.1145/383952.384007
    """

    reads_scores = False

    @resift.hookimpl
    def merge(self, rankings: Sequence[resift.Ranking], n_documents: int) -> FloatArray:
        """Sum the points; each list gives away ``w * N * (N + 1) / 2`` of them."""
        fused = np.zeros(n_documents)
        for ranking in filter(len, rankings):
            points = np.full(n_documents, (n_documents - len(ranking) + 1) / 2)
            points[ranking.documents] = n_documents - np.arange(len(ranking))
            fused += ranking.weight * points
        return fused


class InverseSquareRank:
    r"""Sum inverse squares of the ranks, times how many lists hold the document.

    .. math:: f(d) = m(d) \sum_{l \ni d} \frac{w_l}{r_l(d)^2}

    :math:`m(d)` counts the lists that hold :math:`d`, those of weight 0 left out. The
    first ranks decide nearly all. A missing document gets nothing; scores are not read.

    References:
        Mourao, Martins and Magalhaes, "Inverse square rank fusion for multimodal
        search", CBMI 2014. https://doi.org/10.1109/CBMI.2014.6849825
    """

    reads_scores = False

    @resift.hookimpl
    def merge(self, rankings: Sequence[resift.Ranking], n_documents: int) -> FloatArray:
        """Sum over the lists, times the number of lists."""
        fused = np.zeros(n_documents)
        for ranking in rankings:
            ranks = np.arange(1.0, len(ranking) + 1)
            fused[ranking.documents] += ranking.weight / ranks**2
        return fused * _held(rankings, n_documents)


def _held(rankings: Sequence[resift.Ranking], n_documents: int) -> FloatArray:
    """Return how many lists hold each document, shape ``(n_documents,)``."""
    held = np.zeros(n_documents)
    for ranking in rankings:
        held[ranking.documents] += ranking.weight > 0
    return held
