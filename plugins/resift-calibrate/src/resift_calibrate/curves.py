"""Curves: from a score to a probability, and how they are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

__all__ = ["Curve", "Method", "fit"]

Method: TypeAlias = Literal["platt", "temperature", "isotonic"]
_SMALLEST = 1e-12
_STEPS = 100  # of Newton's method, which needs about ten


@dataclass(frozen=True)
class Curve:
    """A rising curve from scores to probabilities.

    Args:
        method: ``"platt"``, ``"temperature"`` or ``"isotonic"``.
        scale: Of Platt: what a score is multiplied by, above 0.
        shift: Of Platt: what is added then.
        temperature: What a score is divided by, above 0.
        knots: Of isotonic: pairs of a score and its probability, both rising; between
            them the curve is straight, beyond them level.

    Raises:
        ValueError: If an option is missing, out of range, or another method's.
    """

    method: Method
    scale: float | None = None
    shift: float | None = None
    temperature: float | None = None
    knots: Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        wanted = {"platt": ("scale", "shift"), "isotonic": ("knots",)}
        own = wanted.get(self.method, (self.method,))
        for name in ("scale", "shift", "temperature", "knots"):
            value = getattr(self, name)
            if (value is not None) != (name in own):
                verb = "is required" if name in own else "has no effect"
                msg = f"{name} {verb} where the method is {self.method!r}."
                raise ValueError(msg)
            if (
                name in ("scale", "temperature")
                and name in own
                and not 0 < value < np.inf
            ):
                msg = f"{name} must be above 0 and finite, got {value!r}."
                raise ValueError(msg)
        if self.shift is not None and not np.isfinite(self.shift):
            msg = f"shift must be finite, got {self.shift!r}."
            raise ValueError(msg)
        if self.knots is not None and not _rising(self.knots):
            msg = "knots must be pairs of a score and a probability, both rising."
            raise ValueError(msg)

    def of(self, scores: FloatArray, kind: str) -> FloatArray:
        """Return the probability of each score; NaN stays NaN.

        Args:
            scores: The scores, shape ``(n,)``.
            kind: What they mean: a probability is read as log-odds.
        """
        if self.knots is not None:
            places, heights = np.array(self.knots, dtype=np.float64).T
            return np.where(
                np.isnan(scores), np.nan, np.interp(scores, places, heights)
            )
        logits = _logits(scores, kind)
        if self.temperature is not None:
            return _sigmoid(logits / self.temperature)
        return _sigmoid((self.scale or 1) * logits + (self.shift or 0))


def fit(
    scores: ArrayLike, relevant: ArrayLike, method: Method, kind: str = "ordinal"
) -> Curve:
    """Fit a curve to judged documents.

    Platt's fit smooths the targets as his paper does; isotonic pools adjacent
    violators, with one knot for each pool, at its mean score.

    Args:
        scores: The scores of judged documents of many queries, shape ``(n,)``, finite.
        relevant: Whether each is relevant, shape ``(n,)``.
        method: Which curve.
        kind: What the scores mean, the reranker's `score_kind`.

    Raises:
        ValueError: If there are not both relevant and other documents, a score is not
            finite, or higher scores are not more relevant.

    References:
        Platt, "Probabilistic outputs for support vector machines", 1999. Guo et al.,
        "On calibration of modern neural networks", ICML 2017,
        https://arxiv.org/abs/1706.04599. Zadrozny and Elkan, "Transforming classifier
        scores into accurate multiclass probability estimates", KDD 2002.
    """
    values = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(relevant).astype(bool)
    n_yes, n_no = int(truth.sum()), int((~truth).sum())
    if not (n_yes and n_no and np.isfinite(values).all()):
        msg = (
            "fit needs finite scores of relevant and of other documents, got "
            f"{n_yes} relevant and {n_no} others, "
            f"{int((~np.isfinite(values)).sum())} of them not finite."
        )
        raise ValueError(msg)
    if method == "isotonic":
        return Curve(method, knots=_pooled(values, truth))
    smooth = np.where(truth, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
    logits = _logits(values, kind)
    center, spread = logits.mean(), logits.std() or 1.0
    if method == "temperature":
        features = logits[:, None]
        (inverse,) = _logistic(features, truth.astype(np.float64))
        slope = inverse
    else:
        features = np.stack([(logits - center) / spread, np.ones(len(logits))], axis=1)
        steep, level = _logistic(features, smooth)
        slope = steep / spread
    if slope <= 0:
        msg = "fit needs scores that are higher where documents are relevant."
        if method == "temperature":
            msg = "temperature needs logits that are 0 at even odds. Use platt."
        raise ValueError(msg)
    if method == "temperature":
        return Curve(method, temperature=float(1 / slope))
    return Curve(method, scale=float(slope), shift=float(level - slope * center))


def _logistic(features: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the weights of a logistic regression, by Newton's method, damped."""
    weights = np.zeros(features.shape[1])

    def loss(at: FloatArray) -> float:
        z = features @ at
        return float((np.logaddexp(0, z) - targets * z).sum())

    for _ in range(_STEPS):
        chances = _sigmoid(features @ weights)
        gradient = features.T @ (chances - targets)
        curvature = (features.T * (chances * (1 - chances))) @ features
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-12:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-9 * (1 + np.abs(weights).max()):
            break
    return weights


def _pooled(scores: FloatArray, truth: NDArray[np.bool_]) -> list[list[float]]:
    """Return the knots of isotonic regression: pools of [mean score, share]."""
    levels, first = np.unique(scores, return_inverse=True)
    counts = np.bincount(first).astype(np.float64)
    yes = np.bincount(first, weights=truth)
    pools: list[list[float]] = []  # [sum of scores, relevant, documents]
    for level, hits, count in zip(levels, yes, counts, strict=True):
        pools.append([level * count, hits, count])
        while (
            len(pools) > 1
            and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]
        ):
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    return [[total / count, hits / count] for total, hits, count in pools]


def _rising(knots: Sequence[Sequence[float]]) -> bool:
    if not knots or any(len(knot) != 2 for knot in knots):
        return False
    pairs = np.array(knots, dtype=np.float64)
    within = np.isfinite(pairs).all() and (pairs[:, 1] >= 0).all()
    steps = np.diff(pairs, axis=0)
    rising = (steps[:, 0] > 0).all() and (steps[:, 1] >= 0).all()
    return bool(within and rising and pairs[-1, 1] <= 1)


def _logits(scores: FloatArray, kind: str) -> FloatArray:
    if kind != "probability":
        return scores
    chance = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.log(chance / (1 - chance))


def _sigmoid(z: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))
    return found
