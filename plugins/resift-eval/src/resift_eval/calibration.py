"""Calibration: how true a reranker's probabilities are, and what makes them true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift.errors import InputError
from resift_calibrate import (
    calibration_error,
    covered,
    fit,
    held_out,
    identity,
    reliability,
    threshold,
)
from resift_eval import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift import Reranker
    from resift_calibrate import Bin, Curve, Method
    from resift_eval.collection import Collection
    from resift_eval.journal import Answer

__all__ = ["Calibration", "Kept", "calibration_of"]

_SHARES = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Kept:
    """What one threshold keeps.

    Args:
        share: How much of the relevant documents it should keep.
        min_score: The least probability; 0 where there are too few to promise it.
        seen: How much was kept of queries that had no say in it.
        shown: How many documents per query are kept, relevant or not.
    """

    share: float
    min_score: float
    seen: float
    shown: float


@dataclass(frozen=True)
class Calibration:
    """A curve from the scores of a reranker to probabilities, and how true it is.

    Args:
        curve: Fitted on all judged queries.
        kind: What the scores mean.
        n_queries: On how many queries it was fitted.
        n_documents: On how many documents.
        n_relevant: How many of those are relevant.
        before: The scores themselves, taken for probabilities, against what is
            relevant; None where nobody would take them for any.
        error_before: Their expected calibration error.
        after: The same of calibrated scores, of queries left out of the fit.
        error_after: Their expected calibration error.
        kept: Thresholds for shares of the relevant documents.
        keep: The share whose threshold is to be pasted.
        options: What to paste: the options of `calibrate`.
    """

    curve: Curve
    kind: str
    n_queries: int
    n_documents: int
    n_relevant: int
    before: Sequence[Bin] | None
    error_before: float | None
    after: Sequence[Bin]
    error_after: float
    kept: Sequence[Kept]
    keep: float
    options: Mapping[str, object]

    @property
    def min_score(self) -> float:
        """The threshold that is to be pasted."""
        return next(k.min_score for k in self.kept if k.share == self.keep)

    def toml(self) -> str:
        """Return the config to paste."""
        lines = ["[rerankers.calibrated]", 'use = "calibrate"']
        if self.min_score:
            lines.append(f"min_score = {_rounded_down(self.min_score)!r}")
        return "\n".join([*lines, f"options = {toml.written(self.options)}"])


def calibration_of(
    answers: Mapping[str, Answer],
    collection: Collection,
    reranker: Reranker,
    *,
    method: Method,
    keep: float,
    pasted: object,
) -> Calibration:
    """Fit probabilities to the scores of one reranker, and measure how true they are.

    Documents that nobody judged are taken for not relevant. Queries are dealt into
    five folds; each is given probabilities, and its thresholds, by the other four.

    Args:
        answers: Its answers, with scores, by query id.
        collection: Queries and judgements.
        reranker: The reranker.
        method: Which curve.
        keep: The share of the relevant documents that the threshold should keep.
        pasted: What names the reranker in a config: its name, or a table.

    Raises:
        InputError: If there is too little to fit on.
    """
    scores, relevant, queries = _judged(answers, collection)
    kind = reranker.score_kind
    try:
        curve = fit(scores, relevant, method, kind)
        honest = held_out(scores, relevant, queries, method, kind)
    except ValueError as error:
        msg = f"{error}"
        raise InputError(msg, who="--calibrate") from None
    taken = _taken_for_probabilities(scores, kind)
    n_queries = len(np.unique(queries))
    shares = sorted({*_SHARES, keep})
    return Calibration(
        curve=curve,
        kind=kind,
        n_queries=n_queries,
        n_documents=len(scores),
        n_relevant=int(relevant.sum()),
        before=None if taken is None else reliability(taken, relevant),
        error_before=None if taken is None else calibration_error(taken, relevant),
        after=reliability(honest, relevant),
        error_after=calibration_error(honest, relevant),
        kept=[_kept(honest, relevant, queries, share, n_queries) for share in shares],
        keep=keep,
        options={
            "reranker": pasted,
            "method": method,
            **{
                name: value
                for name in ("scale", "shift", "temperature", "knots")
                if (value := getattr(curve, name)) is not None
            },
            "fitted_for": identity(reranker),
        },
    )


def _judged(
    answers: Mapping[str, Answer], collection: Collection
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Return the score of each candidate, whether it is relevant, and its query."""
    scores: list[float] = []
    relevant: list[bool] = []
    queries: list[int] = []
    for number, (query, answer) in enumerate(answers.items()):
        grades = collection.qrels.get(query, {})
        ids = answer.ids[: len(answer.scores)]
        scores += answer.scores
        relevant += [grades.get(document, 0) > 0 for document in ids]
        queries += [number] * len(ids)
    return np.array(scores), np.array(relevant, dtype=bool), np.array(queries)


def _kept(
    honest: NDArray[np.float64],
    relevant: NDArray[np.bool_],
    queries: NDArray[np.int64],
    share: float,
    n_queries: int,
) -> Kept:
    least = threshold(honest[relevant], share)
    shown = float((honest >= least).sum() / n_queries)
    return Kept(share, least, covered(honest, relevant, queries, share), shown)


def _rounded_down(chance: float) -> float:
    """Return a threshold in six digits that keeps what the whole one keeps."""
    digits = 10.0 ** (6 - math.ceil(math.log10(chance)))
    return math.floor(chance * digits) / digits


def _taken_for_probabilities(
    scores: NDArray[np.float64], kind: str
) -> NDArray[np.float64] | None:
    """Return what somebody would take scores for who knows their kind alone."""
    if kind == "ordinal":
        return None
    if kind == "logit":
        return 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
    return np.clip(scores, 0, 1)
