"""Read the scores in a server's answer, and refuse whatever is not scores."""

from __future__ import annotations

from collections.abc import Mapping

from resift_http.dialect import Dialect
from resift_remote import Found, WrongAnswerError, checked_scores

__all__ = ["read_scores"]


def read_scores(
    payload: object, dialect: Dialect, n_documents: int, expected: int
) -> Found:
    """Return ``{index: score}`` of an answer.

    Args:
        payload: The answer's JSON.
        dialect: How to read it.
        n_documents: How many documents were sent.
        expected: How many must be scored: fewer than were sent where the answer was to
            be cut.

    Raises:
        WrongAnswerError: If a score is not a finite number, or if a document is
            unknown, scored twice, or missing.
    """
    results = _results(payload, dialect)
    pairs = (_pair(result, i, dialect) for i, result in enumerate(results))
    return checked_scores(pairs, n_documents, expected)


def _results(payload: object, dialect: Dialect) -> list[object]:
    value = payload
    for name in filter(None, dialect.results_path.split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, list):
        where = dialect.results_path
        msg = f"it has no list {where!r}" if where else "it is not a list"
        raise WrongAnswerError(msg)
    return value


def _pair(result: object, position: int, dialect: Dialect) -> tuple[object, object]:
    if not dialect.score_field:
        return position, result
    if not isinstance(result, Mapping):
        msg = f"result {position} is not an object"
        raise WrongAnswerError(msg)
    index = result.get(dialect.index_field)
    if not isinstance(index, int) or isinstance(index, bool):
        msg = f"result {position} has no whole number {dialect.index_field!r}"
        raise WrongAnswerError(msg)
    if dialect.score_field not in result:
        msg = f"result {position} has no {dialect.score_field!r}"
        raise WrongAnswerError(msg)
    return index, result[dialect.score_field]
