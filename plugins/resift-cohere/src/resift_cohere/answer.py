"""Read the scores in the SDK's answer, which it does not check."""

from __future__ import annotations

from resift.errors import ServerError
from resift_remote import Found, WrongAnswerError, checked_scores

__all__ = ["read_scores"]


def read_scores(response: object, n_documents: int, expected: int) -> Found:
    """Return ``{index: score}`` of an answer.

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
    problem = "it has no list 'results'"
    if isinstance(results, list):
        pairs = [
            (getattr(result, "index", None), getattr(result, "relevance_score", None))
            for result in results
        ]
        try:
            return checked_scores(pairs, n_documents, expected)
        except WrongAnswerError as error:
            problem = str(error)
    msg = f"cohere: the answer cannot be used: {problem}."
    raise ServerError(msg)
