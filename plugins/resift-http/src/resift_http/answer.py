"""Read the scores in a server's answer, and refuse whatever is not scores."""

from __future__ import annotations

import re
from collections.abc import Mapping

from resift_http.dialect import Dialect
from resift_remote import Found, WrongAnswerError, checked_scores, value_at

__all__ = ["read_scores", "results_in"]

_DIGITS = re.compile(r"[0-9]{1,9}")


def read_scores(
    payload: object,
    dialect: Dialect,
    n_documents: int,
    expected: int,
    remedy: str = "",
) -> Found:
    """Return ``{index: score}`` of an answer.

    Args:
        payload: The answer's JSON.
        dialect: How to read it.
        n_documents: How many documents were sent.
        expected: How many must be scored: fewer than were sent where the answer was to
            be cut.
        remedy: What to do where fewer are scored.

    Raises:
        WrongAnswerError: If a score is not a finite number, or if a document is
            unknown, scored twice, or missing.
    """
    results = results_in(payload, dialect)
    if results is None:
        where = dialect.results_path
        msg = f"it has no list {where!r}" if where else "it is not a list"
        raise WrongAnswerError(msg)
    pairs = (_pair(result, i, dialect) for i, result in enumerate(results))
    return checked_scores(pairs, n_documents, expected, remedy)


def results_in(payload: object, dialect: Dialect) -> list[object] | None:
    """Return the list of results in an answer's JSON, or None where there is none."""
    path = dialect.results_path
    value = value_at(payload, path) if path else payload
    return value if isinstance(value, list) else None


def _pair(result: object, position: int, dialect: Dialect) -> tuple[object, object]:
    if not dialect.score_field:
        return position, result
    if not isinstance(result, Mapping):
        msg = f"result {position} is not an object"
        raise WrongAnswerError(msg)
    index = value_at(result, dialect.index_field)
    if isinstance(index, str) and _DIGITS.fullmatch(index):
        index = int(index)
    if not isinstance(index, int) or isinstance(index, bool):
        msg = f"result {position} has no whole number {dialect.index_field!r}"
        raise WrongAnswerError(msg)
    *parents, name = dialect.score_field.split(".")
    holder = value_at(result, ".".join(parents)) if parents else result
    if not isinstance(holder, Mapping) or name not in holder:
        msg = f"result {position} has no {dialect.score_field!r}"
        raise WrongAnswerError(msg)
    return index, holder[name]
