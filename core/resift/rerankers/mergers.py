r"""The mergers of the core: ranked lists in, one score per document out.

Notation: :math:`r_l(d)` is the rank of document :math:`d` in list :math:`l`, from 1;
:math:`s_l(d)` its score, higher is better; :math:`w_l` the weight of the list.

Rules that all of them share:

* **Missing.** A document that a list does not hold gets nothing from that list under
  rank fusion, and the least normalised score, 0, under score fusion. A document that
  was found never gets less than one that was not.
* **Constant.** A list whose scores are all equal (one row, say) still counts for more
  than a missing document: 1 under min-max, 1/2 under `dbsf`.
* **No scores.** Score fusion reads a list that has an order only as if its scores were
  :math:`-1, -2, \ldots, -n`: evenly spaced. So one such list keeps its order, and may
  be mixed with lists that have scores.
* **Weights** multiply what a list contributes. Weight 0 leaves the list out; the
  scores grow with the weights, the order depends on their ratios only.
* **Empty** lists contribute nothing. Zero documents give zero scores.
* **Numbers** are float64 throughout. Scores near the limits of float64 do not overflow.
* **Ties** are left to the host: best rank, then list order, then first seen.

The host drops repeated documents, negates distances, and makes infinite and missing
scores finite, before a merger sees the lists (see `resift.Ranking`). `reads_scores`
says whether a merger reads scores: a list without any is noted then. `min_max` and
`scores_of` are public so that a merger package can follow the same rules.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from resift.errors import MergeError
from resift.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resift.ranking import Ranking

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = [
    "ConvexCombination",
    "DistributionBasedScoreFusion",
    "ReciprocalRankFusion",
    "RelativeScoreFusion",
    "min_max",
    "scores_of",
]


_KEPT = 1000  # ranks whose reciprocals are computed once


class ReciprocalRankFusion:
    r"""Sum the reciprocal ranks: needs no scores, and is hard to break.

    .. math:: f(d) = \sum_{l \ni d} \frac{w_l}{k + r_l(d)}

    With ``k=60`` this is LanceDB's ``RRFReranker``; with ``k=0`` and weights that sum
    to 1 its ``MRRReranker``. Ranks count from 1: where they count from 0, ``k + 1`` is
    the same fusion.

    Args:
        k: How much the first ranks are flattened, at least 0. Results hardly change
            between 20 and 100; below 5 the first rank of one list outweighs agreement.

    Raises:
        ValueError: If *k* is negative or not finite.

    References:
        Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and
        individual rank learning methods", SIGIR 2009.
        https://doi.org/10.1145/1571941.1572114
    """

    reads_scores = False

    def __init__(self, *, k: float = 60.0) -> None:
        if not 0 <= k < math.inf:
            msg = f"k must be a finite number of at least 0, got {k!r}. Use 60."
            raise ValueError(msg)
        self.k = k

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> FloatArray:
        """Fuse by rank, in ``[0, sum(w) / (k + 1)]``; scores are not read."""
        fused = np.zeros(n_documents)
        for ranking in rankings:
            documents = ranking.documents
            share = ranking.weight * _reciprocals(self.k, len(documents))
            fused += np.bincount(documents, share, n_documents)
        return fused


class DistributionBasedScoreFusion:
    r"""Sum scores measured in standard deviations: the score fusion to try first.

    .. math::
        f(d) = \sum_{l \ni d} w_l \, n_l(d), \qquad
        n_l(d) = \frac{s_l(d) - (\mu_l - 3\sigma_l)}{6\sigma_l}

    :math:`\mu_l` and :math:`\sigma_l` are the mean and the sample standard deviation
    of the list's scores. A list that is constant scores 1/2. Values are not clipped: an
    outlier may exceed 1, and one below :math:`\mu_l - 3\sigma_l` becomes the list's 0
    and lifts the others, so that it still beats a document that is missing. The order
    does not change when all scores of a list are shifted, or scaled by a positive
    number.

    References:
        Mazzeschi, "Distribution-based score fusion (DBSF)", 2023, as computed by
        Qdrant, which lets an outlier fall below a missing document.
    """

    reads_scores = True
    affine_invariant = True

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> FloatArray:
        """Fuse by score; each list gives about ``[0, w]``, 0 where it is missing."""
        fused = np.zeros(n_documents)
        for ranking in rankings:
            normalised = _three_sigma(scores_of(ranking))
            fused[ranking.documents] += ranking.weight * normalised
        return fused


class RelativeScoreFusion:
    r"""Sum scores stretched between the best and the worst of their list.

    .. math::
        f(d) = \sum_{l \ni d} w_l \, n_l(d), \qquad
        n_l(d) = \frac{s_l(d) - \min_l}{\max_l - \min_l}

    The last document of a list scores 0, as much as a missing one. A list that is
    constant scores 1. The order does not change when all scores of a list are shifted,
    or scaled by a positive number.

    References:
        Min-max normalisation: Lee, "Analyses of multiple evidence combination",
        SIGIR 1997. https://doi.org/10.1145/258525.258587. Named after Weaviate's
        ``relativeScoreFusion``.
    """

    reads_scores = True
    affine_invariant = True

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> FloatArray:
        """Fuse by score; each list gives ``[0, w]``."""
        fused = np.zeros(n_documents)
        for ranking in rankings:
            fused[ranking.documents] += ranking.weight * min_max(scores_of(ranking))
        return fused


class ConvexCombination:
    r"""Mix two lists, `alpha` of the first and ``1 - alpha`` of the second.

    .. math::
        f(d) = \alpha \, n_1(d) + (1 - \alpha) \, n_2(d), \qquad
        n_l(d) = \frac{s_l(d) - \inf_l}{\max_l - \inf_l}

    :math:`\inf_l` is the least score that the list's scorer can give (`Ranking.lowest`:
    0 for BM25, -1 for a cosine) if that is known of every list, and the least score in
    the list otherwise: two lists normalised in different ways would not mix in the
    proportion of *alpha*. A missing document scores 0; a list that is constant, where
    its own least score is :math:`\inf_l`, scores 1.

    One list alone is normalised and not mixed, so that a search with a single leg keeps
    its order whatever *alpha* is. LanceDB's ``LinearCombinationReranker``, as a hybrid
    query calls it, is this with ``alpha=0.7``.

    Args:
        alpha: Share of the first list, from 0 to 1.

    Raises:
        ValueError: If *alpha* is not between 0 and 1.

    References:
        Bruch, Gai and Ingber, "An analysis of fusion functions for hybrid retrieval",
        TOIS 2023. https://arxiv.org/abs/2210.11934
    """

    reads_scores = True
    affine_invariant = True  # where no list has a `lowest`
    symmetric = False
    most_lists = 2

    def __init__(self, *, alpha: float = 0.7) -> None:
        if not 0 <= alpha <= 1:
            msg = (
                f"alpha must be between 0 and 1, got {alpha!r}. "
                "It is the share of the first list."
            )
            raise ValueError(msg)
        self.alpha = alpha

    @hookimpl
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> FloatArray:
        """Fuse one or two lists by score; values are in ``[0, max(w)]``.

        Raises:
            MergeError: If there are three or more lists.
        """
        if len(rankings) > 2:
            msg = (
                f"rankings must be one or two lists, got {len(rankings)}. "
                "Use 'dbsf' or 'relative', which merge any number."
            )
            raise MergeError(msg, who="convex")
        shares = (self.alpha, 1 - self.alpha) if len(rankings) == 2 else (1.0,)
        known = all(ranking.lowest is not None for ranking in rankings)
        fused = np.zeros(n_documents)
        for ranking, share in zip(rankings, shares, strict=False):
            lowest = ranking.lowest if known else None
            normalised = min_max(scores_of(ranking), lowest)
            fused[ranking.documents] += share * ranking.weight * normalised
        return fused


def scores_of(ranking: Ranking) -> FloatArray:
    """Return the scores of a list, or ``-1, -2, ...`` where it has an order only."""
    if ranking.scores is None:
        return -np.arange(1.0, len(ranking) + 1)
    return ranking.scores


def min_max(scores: FloatArray, lowest: float | None = None) -> FloatArray:
    """Stretch scores to ``[0, 1]``; all 1 where they span nothing.

    Args:
        scores: Finite, in any order, shape ``(n,)``.
        lowest: What scores 0 instead of the least of *scores*. A greater value than
            that is ignored.

    Returns:
        Shape ``(n,)``. The greatest score becomes 1.

    >>> min_max(np.array([7.0, 3.0, 5.0]))
    array([1. , 0. , 0.5])
    """
    if not len(scores):
        return scores
    low, high = float(np.minimum.reduce(scores)), float(np.maximum.reduce(scores))
    if lowest is not None:
        low = min(low, lowest)
    if low == high:
        return np.ones(len(scores))
    if math.isinf(high - low):  # the span itself overflows
        return min_max(scores / 2, low / 2)
    return (scores - low) / (high - low)


def _reciprocals(k: float, n: int) -> FloatArray:
    """Return ``1 / (k + rank)`` for the ranks 1 to *n*, not to be written to."""
    if n <= _KEPT:
        return _first_reciprocals(k)[:n]
    return 1 / (k + np.arange(1, n + 1))


@lru_cache(maxsize=64)
def _first_reciprocals(k: float) -> FloatArray:
    shares = 1 / (k + np.arange(1, _KEPT + 1))
    shares.flags.writeable = False
    return shares


def _three_sigma(scores: FloatArray) -> FloatArray:
    """Map mean -+ 3 sample standard deviations to 0 and 1, then lift the least to 0."""
    if not len(scores):
        return scores
    unit = min_max(scores)  # the result is the same, and nothing can overflow
    mean = float(np.add.reduce(unit)) / len(unit)
    deviations: FloatArray = unit - mean
    squares = float(deviations @ deviations)
    if not squares:  # constant: of others one is at least 1/2 off
        return np.full(len(scores), 0.5)
    six_sigma = 6 * math.sqrt(squares / (len(scores) - 1))
    deviations /= six_sigma
    deviations += 0.5
    least = 0.5 - mean / six_sigma  # of the score that min-max made 0
    return deviations - least if least < 0 else deviations
