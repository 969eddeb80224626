"""Refuse scores that no reranker can mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from resift.authors import WeightedSpan

__all__ = ["Answer", "Found", "WrongAnswerError", "checked_scores"]

Found: TypeAlias = dict[int, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought.

    Args:
        found: The scores by document.
        usage: What it cost, as `resift_remote.usage_in` reads it.
        spans: What counts of each document, where the server says so.
    """

    found: Found
    usage: Mapping[str, float] = field(default_factory=dict)
    spans: Mapping[int, Sequence[WeightedSpan]] | None = None


class WrongAnswerError(ValueError):
    """The answer is not what it should be; the text says in what way."""


def checked_scores(
    results: Iterable[tuple[object, object]],
    n_documents: int,
    expected: int,
    remedy: str = "",
) -> Found:
    """Return ``{index: score}`` of an answer.

    The order of the results means nothing: each tells its document by index.

    Args:
        results: An index and a score each, unchecked.
        n_documents: How many documents were sent.
        expected: How many must be scored: fewer than were sent where the answer was to
            be cut.
        remedy: What to do where fewer are scored.

    Raises:
        WrongAnswerError: If a score is not a finite number, or if a document is
            unknown, scored twice, or missing.
    """
    found: Found = {}
    for position, (index, score) in enumerate(results):
        if not isinstance(index, int) or isinstance(index, bool):
            msg = f"result {position} has no whole number 'index'"
            raise WrongAnswerError(msg)
        if not 0 <= index < n_documents:
            msg = f"it scores document {index}, but {n_documents} were sent"
            raise WrongAnswerError(msg)
        if index in found:
            msg = f"it scores document {index} twice"
            raise WrongAnswerError(msg)
        found[index] = _number(score, index)
    if len(found) < expected:
        msg = f"it scores {len(found)} of {expected} documents{remedy}"
        raise WrongAnswerError(msg)
    return found


def _number(score: object, index: int) -> float:
    if isinstance(score, bool) or not isinstance(score, int | float):
        msg = f"the score of document {index} is no number but {type(score).__name__}"
        raise WrongAnswerError(msg)
    try:
        value = float(score)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        msg = f"the score of document {index} is {value}"
        raise WrongAnswerError(msg)
    return value
