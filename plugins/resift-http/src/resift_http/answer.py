"""Read the scores in a server's answer, and refuse whatever is not scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

from resift_http.dialect import Dialect

__all__ = ["WrongAnswerError", "read_scores"]

Found: TypeAlias = dict[int, float]


class WrongAnswerError(ValueError):
    """The answer is not what its dialect promises; the text says in what way."""


def read_scores(
    payload: object, dialect: Dialect, n_documents: int, expected: int
) -> Found:
    """Return ``{index: score}`` of an answer.

    The order of the results means nothing: each tells its document by index.

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
    found: Found = {}
    for position, result in enumerate(results):
        index, score = _pair(result, position, dialect)
        if not 0 <= index < n_documents:
            msg = f"it scores document {index}, but {n_documents} were sent"
            raise WrongAnswerError(msg)
        if index in found:
            msg = f"it scores document {index} twice"
            raise WrongAnswerError(msg)
        found[index] = _number(score, index)
    if len(found) < expected:
        msg = f"it scores {len(found)} of {expected} documents"
        raise WrongAnswerError(msg)
    return found


def _results(payload: object, dialect: Dialect) -> list[object]:
    value = payload
    for name in filter(None, dialect.results_path.split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, list):
        where = dialect.results_path
        msg = f"it has no list {where!r}" if where else "it is not a list"
        raise WrongAnswerError(msg)
    return value


def _pair(result: object, position: int, dialect: Dialect) -> tuple[int, object]:
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
