"""Truth: how true probabilities are, on queries that nothing was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from resift_calibrate.curves import Method, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = [
    "Bin",
    "calibration_error",
    "covered",
    "held_out",
    "reliability",
    "threshold",
]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability chart: documents of about one probability."""

    n: int
    said: float
    """Their mean probability."""
    seen: float
    """The share of them that is relevant."""


def held_out(
    scores: ArrayLike,
    relevant: ArrayLike,
    queries: ArrayLike,
    method: Method,
    kind: str = "ordinal",
    folds: int = 5,
) -> FloatArray:
    """Return the probability of each document, its query left out of the fit.

    Args:
        scores: Scores of judged documents, shape ``(n,)``.
        relevant: Whether each is relevant.
        queries: The query of each: any value.
        method: Which curve.
        kind: What the scores mean.
        folds: Into how many parts the queries are cut; no more than there are.

    Raises:
        ValueError: If there is only one query, or a part cannot be fitted without.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(relevant)
    names, query = np.unique(np.asarray(queries), return_inverse=True)
    if len(names) < 2:
        msg = f"held_out needs at least 2 judged queries, got {len(names)}."
        raise ValueError(msg)
    fold = _dealt(len(names), folds)[query]
    found = np.empty(len(values))
    for part in np.unique(fold):
        rest = fold != part
        curve = fit(values[rest], truth[rest], method, kind)
        found[~rest] = curve.of(values[~rest], kind)
    return found


def reliability(
    probabilities: ArrayLike, relevant: ArrayLike, bins: int = 15
) -> list[Bin]:
    """Return what is said and what is seen, in bins of equal width, empty ones out."""
    said, seen = np.asarray(probabilities, np.float64), np.asarray(relevant, np.float64)
    place = np.minimum((said * bins).astype(np.int64), bins - 1)
    parts = [place == i for i in np.unique(place)]
    return [
        Bin(int(part.sum()), float(said[part].mean()), float(seen[part].mean()))
        for part in parts
    ]


def calibration_error(
    probabilities: ArrayLike, relevant: ArrayLike, bins: int = 15
) -> float:
    r"""Return the expected calibration error, from 0 (true) to 1.

    .. math:: \sum_b \frac{n_b}{n} |\mathrm{said}_b - \mathrm{seen}_b|

    References:
        Guo et al., "On calibration of modern neural networks", ICML 2017.
        https://arxiv.org/abs/1706.04599

    >>> calibration_error([0.9, 0.9, 0.1], [1, 0, 0])  # (2 * .4 + .1) / 3
    0.3
    """
    parts = reliability(probabilities, relevant, bins)
    n = sum(part.n for part in parts)
    return sum(part.n / n * abs(part.said - part.seen) for part in parts) if n else 0.0


def threshold(relevant_probabilities: ArrayLike, coverage: float) -> float:
    """Return the `min_score` that keeps a share of the relevant documents.

    By split conformal prediction: of documents like these, at least *coverage* of the
    relevant ones score as high, on average over samples of this size.

    Args:
        relevant_probabilities: Those of relevant documents, best held out, shape
            ``(n,)``.
        coverage: The share to keep, between 0 and 1.

    Returns:
        A probability; 0 where the sample is too small to promise as much.

    References:
        Angelopoulos and Bates, "A gentle introduction to conformal prediction", 2021.
        https://arxiv.org/abs/2107.07511

    >>> threshold([0.2, 0.4, 0.6, 0.8], 0.6)  # 2 of 5 places may be below
    0.4
    """
    rising = np.sort(np.asarray(relevant_probabilities, dtype=np.float64))
    below = int(np.floor((1 - coverage) * (len(rising) + 1) + 1e-9))
    return float(rising[below - 1]) if below else 0.0


def covered(
    probabilities: ArrayLike,
    relevant: ArrayLike,
    queries: ArrayLike,
    coverage: float,
    folds: int = 5,
) -> float:
    """Return what `threshold` keeps of the relevant documents of other queries.

    The queries are dealt into *folds*; the threshold of each is found on the others.

    Args:
        probabilities: The probability of each document, best held out, shape ``(n,)``.
        relevant: Whether each is relevant.
        queries: The query of each: any value.
        coverage: The share to keep, between 0 and 1.
        folds: Into how many parts the queries are dealt.

    Returns:
        The share that is kept; NaN where there is nothing relevant.
    """
    truth = np.asarray(relevant).astype(bool)
    chances = np.asarray(probabilities, dtype=np.float64)[truth]
    names, query = np.unique(np.asarray(queries), return_inverse=True)
    fold = _dealt(len(names), folds)[query][truth]
    kept = [
        chances[fold == part] >= threshold(chances[fold != part], coverage)
        for part in np.unique(fold)
    ]
    return float(np.concatenate(kept).mean()) if kept else float("nan")


def _dealt(n: int, folds: int) -> NDArray[np.int64]:
    """Return the fold of each query; the same every time."""
    return np.random.default_rng(0).permutation(n) % folds
