"""`min_score`: leave out what is probably not relevant.

A threshold needs a score that means the same for every query, which only a probability
does. For scores of any other kind it is refused: a logit of 2 may be the best answer to
one query and noise for the next.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

from resift.errors import InputError, InvalidRerankerError
from resift.implementation import SCORE_KINDS, implementation
from resift.secrets import shown

if TYPE_CHECKING:
    from resift.reranker import Reranker
    from resift.scores import Scores

__all__ = [
    "checked_kind",
    "checked_threshold",
    "enough",
    "known_kind",
    "require_probability",
]

_MEANING = {
    "logit": "are unbounded, and shift from query to query",
    "similarity": "are bounded, but how much is enough differs from query to query",
    "ordinal": "only order the documents of one query",
}


def checked_threshold(value: float | None) -> float | None:
    """Return a `min_score` that is one.

    Raises:
        InputError: If it is no number from 0 to 1.
    """
    if value is None:
        return None
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value <= 1:
        msg = f"min_score must be a number from 0 to 1, or None, got {shown(value)}."
        raise InputError(msg)
    return float(value)


def checked_kind(who: str, kind: object) -> str:
    """Return what scores mean; ordinal where nothing is said.

    Raises:
        InvalidRerankerError: If it is none of `SCORE_KINDS`.
    """
    if kind is not None and kind not in SCORE_KINDS:
        msg = (
            f"{who}: score_kind must be one of "
            f"{', '.join(map(repr, SCORE_KINDS))}, got {shown(kind)}."
        )
        raise InvalidRerankerError(msg)
    return str(kind or "ordinal")


def require_probability(who: str, kind: str | None) -> None:
    """Refuse a `min_score` for scores of another kind; None is not known yet.

    Raises:
        InputError: If the scores are no probabilities.
    """
    if kind not in (None, "probability"):
        msg = (
            f"{who}: min_score needs scores that are probabilities, but its scores are "
            f"of the kind {kind!r}: they {_MEANING[kind]}. Cut by top_k, or use a "
            "reranker whose score_kind is 'probability'."
        )
        raise InputError(msg)


def known_kind(who: str, plugin: object) -> str | None:
    """Return what the scores mean if that is known before a model is loaded.

    Raises:
        InvalidRerankerError: If it is none of `SCORE_KINDS`.
    """
    if not implementation(type(plugin)).scores:
        return "ordinal"
    declared = inspect.getattr_static(plugin, "score_kind", "ordinal")
    return checked_kind(who, declared) if isinstance(declared, str) else None


def enough(
    reranker: Reranker, scores: Scores, top_k: int | None, min_score: float | None
) -> tuple[Scores, int | None]:
    """Return the scores, and how many of the best documents to show.

    Documents that are not scored fall out, too, unless nothing is scored at all: where
    a reranker failed, no result is lost.

    Args:
        reranker: Whose scores they are.
        scores: The scores, which fall along their ranking.
        top_k: The most documents to show, None for all.
        min_score: The least score to show, compared as float32, as scores are shown;
            None for no limit.

    Raises:
        InputError: If the scores are no probabilities.
    """
    if min_score is None:
        return scores, top_k
    require_probability(reranker.who, reranker.score_kind)
    import numpy as np

    if len(scores) and np.isnan(scores.values).all():
        note = "min_score was not applied: nothing is scored"
        return replace(scores, notes=(*scores.notes, note)), top_k
    n = int((scores.values.astype(np.float32) >= np.float32(min_score)).sum())
    return scores, n if top_k is None else min(n, top_k)
