"""Read the scores and the cost in the SDK's answer, which it does not check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resift_remote import Found, WrongAnswerError, checked_scores, usage_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift.authors import WeightedSpan

__all__ = ["read_scores", "read_spans", "read_usage"]


def read_scores(response: object, n_documents: int, expected: int) -> Found:
    """Return ``{index: score}`` of an answer.

    Args:
        response: What ``ClientV2.rerank`` returns: objects built from whatever JSON
            came.
        n_documents: How many documents were sent.
        expected: How many must be scored: fewer than were sent where the answer was to
            be cut.

    Raises:
        WrongAnswerError: If a score is not a finite number, or if a document is
            unknown, scored twice, or missing.
    """
    results = getattr(response, "results", None)
    if not isinstance(results, list):
        msg = "it has no list 'results'"
        raise WrongAnswerError(msg)
    pairs = [
        (getattr(result, "index", None), getattr(result, "relevance_score", None))
        for result in results
    ]
    return checked_scores(pairs, n_documents, expected)


def read_spans(
    response: object, documents: Sequence[str]
) -> dict[int, list[WeightedSpan]]:
    """Return the spans of each document that count, in the order of its text.

    Args:
        response: An answer whose scores were read.
        documents: The documents that were sent.

    Raises:
        WrongAnswerError: If a span is none of its document's text.
    """
    found: dict[int, list[WeightedSpan]] = {}
    for result in getattr(response, "results", ()):
        spans = getattr(result, "relevant_spans", None) or ()
        own = [_span(span, len(documents[result.index])) for span in spans]
        found[result.index] = sorted(own, key=lambda span: span["start"])
    return found


def _span(span: object, length: int) -> WeightedSpan:
    def told(name: str) -> object:
        return span.get(name) if isinstance(span, dict) else getattr(span, name, None)

    start, end, score = map(told, ("start", "end", "score"))
    if (
        isinstance(start, int)
        and isinstance(end, int)
        and 0 <= start < end <= length
        and isinstance(score, int | float)
        and math.isfinite(score)
    ):
        return {"start": start, "end": end, "score": float(score)}
    msg = f"a relevant span must lie in its document of {length} characters"
    raise WrongAnswerError(msg)


def read_usage(response: object) -> dict[str, float]:
    """Return the search units and tokens that an answer says it cost."""
    told: dict[str, dict[str, object]] = {}
    meta = getattr(response, "meta", None)
    for part in ("billed_units", "tokens"):
        units = getattr(meta, part, None)
        told[part] = {
            name: getattr(units, name, None)
            for name in ("search_units", "input_tokens", "output_tokens")
        }
    return usage_in({"meta": told})
