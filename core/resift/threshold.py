"""`min_score`: leave out what is probably not relevant.

A threshold needs a score that means the same for every query, which only a probability
does. For scores of any other kind it is refused: a logit of 2 may be the best answer to
one query and noise for the next.
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

from resift.errors import InputError

if TYPE_CHECKING:
    from resift.reranker import Reranker
    from resift.scores import Scores

__all__ = ["checked_threshold", "enough"]

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
        msg = f"min_score must be a number from 0 to 1, or None, got {value!r}."
        raise InputError(msg)
    return float(value)


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
    kind = reranker.score_kind
    if kind != "probability":
        msg = (
            f"{reranker.who}: min_score needs scores that are probabilities, but its "
            f"scores are of the kind {kind!r}: they {_MEANING[kind]}. Cut by top_k, or "
            "use a reranker whose score_kind is 'probability'."
        )
        raise InputError(msg)
    import numpy as np

    if len(scores) and np.isnan(scores.values).all():
        note = "min_score was not applied: nothing is scored"
        return replace(scores, notes=(*scores.notes, note)), top_k
    n = int((scores.values.astype(np.float32) >= np.float32(min_score)).sum())
    return scores, n if top_k is None else min(n, top_k)
