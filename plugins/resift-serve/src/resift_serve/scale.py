"""Scores between 0 and 1, which most clients expect, from scores of every kind.

Each score is mapped by itself, and never by the others of its answer: a client may
split a request and merge the answers by score.
"""

from __future__ import annotations

import math

__all__ = ["scaled"]


def scaled(
    score: float, kind: str, score_range: tuple[float, float] | None = None
) -> float:
    """Return a score between 0 and 1 that grows with *score*.

    A probability stays what it is, a logit goes through the sigmoid, and a similarity
    is put where it lies in its range. The others are only put in order.

    Args:
        score: The score.
        kind: What it means, see `resift.hookspecs`.
        score_range: The lowest and the highest similarity, where they are known.
    """
    if kind == "similarity" and score_range is not None:
        low, high = score_range
        return min(1.0, max(0.0, (score - low) / (high - low)))
    if kind == "probability":
        return min(1.0, max(0.0, score))
    if kind == "logit":
        if score >= 0:
            return 1.0 / (1.0 + math.exp(-score))
        power = math.exp(score)
        return power / (1.0 + power)
    return 0.5 + 0.5 * score / (1.0 + abs(score))
