"""Read the scores in the SDK's answer, which it does not check."""

from __future__ import annotations

from resift.errors import ServerError

__all__ = ["read_scores"]

_LARGEST = 1e308  # neither NaN nor infinity is within it, nor a whole number beyond


def read_scores(response: object, n_documents: int, expected: int) -> dict[int, float]:
    """Return ``{index: score}`` of an answer; the order of the results means nothing.

    Args:
        response: What ``ClientV2.rerank`` returns: objects built from whatever JSON
            came.
        n_documents: How many documents were sent.
        expected: How many must be scored: fewer than were sent where the answer was to
            be cut.

    Raises:
        ServerError: If a score is not a finite number, or if a document is unknown,
            scored twice, or missing.
    """
    results = getattr(response, "results", None)
    if not isinstance(results, list):
        problem = "it has no list 'results'"
    else:
        problem = _problem(results, n_documents, expected)
        if not problem:
            return {result.index: float(result.relevance_score) for result in results}
    msg = f"cohere: the answer cannot be used: {problem}."
    raise ServerError(msg)


def _problem(results: list[object], n_documents: int, expected: int) -> str:
    """Return what is wrong with the results, or ``""``."""
    seen: set[object] = set()
    for position, result in enumerate(results):
        index = getattr(result, "index", None)
        if problem := _wrong(result, position, n_documents):
            return problem
        if index in seen:
            return f"it scores document {index} twice"
        seen.add(index)
    if len(seen) < expected:
        return f"it scores {len(seen)} of {expected} documents"
    return ""


def _wrong(result: object, position: int, n_documents: int) -> str:
    """Return what is wrong with one result, or ``""``."""
    index = getattr(result, "index", None)
    score = getattr(result, "relevance_score", None)
    if not isinstance(index, int) or isinstance(index, bool):
        return f"result {position} has no whole number 'index'"
    if not 0 <= index < n_documents:
        return f"it scores document {index}, but {n_documents} were sent"
    if isinstance(score, bool) or not isinstance(score, int | float):
        return f"the score of document {index} is no number but {type(score).__name__}"
    if not -_LARGEST < score < _LARGEST:
        return f"the score of document {index} is {score:.3g}"
    return ""
