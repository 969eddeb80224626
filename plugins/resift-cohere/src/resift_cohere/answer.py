"""Read the scores and the cost in the SDK's answer, which it does not check."""

from __future__ import annotations

from resift_remote import Found, WrongAnswerError, checked_scores, usage_in

__all__ = ["read_scores", "read_usage"]


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
