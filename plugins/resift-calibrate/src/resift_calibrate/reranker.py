"""`Calibrate`: the reranker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from resift import Note, Reranker, Scores, hookimpl
from resift.authors import Evidence, instruction_for
from resift_calibrate.curves import Curve, Method

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Calibrate", "identity"]


class Calibrate:
    """Turn the scores of any reranker into probabilities, so that `min_score` works.

    The order stays: scores that come out equal keep the order of the reranker. What it
    gave is shown by `explain`. `fit` finds the parameters on judged queries.

    Args:
        reranker: What scores.
        method: ``"platt"``, a sigmoid of ``scale * score + shift``; ``"temperature"``,
            a sigmoid of ``score / temperature``; ``"isotonic"``, straight between
            *knots*. The first two read a probability as its log-odds.
        scale: Of Platt, above 0.
        shift: Of Platt.
        temperature: Of temperature, above 0.
        knots: Of isotonic: pairs of a score and a probability, both rising.
        fitted_for: The `identity` of the reranker that the parameters were fitted for;
            a note says so where it is another now.

    Raises:
        ValueError: If a parameter is missing, out of range, or another method's.
    """

    score_kind = "probability"

    def __init__(
        self,
        reranker: Reranker,
        *,
        method: Method = "platt",
        scale: float | None = None,
        shift: float | None = None,
        temperature: float | None = None,
        knots: list[list[float]] | None = None,
        fitted_for: str | None = None,
    ) -> None:
        self._curve = Curve(method, scale, shift, temperature, knots)
        self._reranker = reranker
        self._fitted_for = fitted_for
        self.children = [reranker]

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None,
        top_k: int | None,
        timeout: float | None,
        instruction: str | None,
    ) -> Scores:
        words = instruction_for(self._reranker, instruction)
        return self._calibrated(
            self._reranker.score(query, documents, candidates, top_k, timeout, words)
        )

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None,
        instruction: str | None,
    ) -> list[Scores | Exception]:
        words = instruction_for(self._reranker, instruction)
        answers = self._reranker.score_many(queries, documents, timeout, words)
        return [a if isinstance(a, Exception) else self._calibrated(a) for a in answers]

    def _calibrated(self, found: Scores) -> Scores:
        evidence = Evidence(len(found))
        evidence.add(self._reranker.name, found)
        kind = found.kind or self._reranker.score_kind
        ranking = found.ranking()
        falling = self._curve.of(found.values, kind)[ranking]
        scored = int((~np.isnan(falling)).sum())
        falling[:scored] = np.minimum.accumulate(falling[:scored])  # rounding aside
        values = np.empty_like(falling)
        values[ranking] = falling
        scores = evidence.scores(values, ranking)
        notes = (*scores.notes, *self._mismatch())
        return replace(scores, notes=notes, unscored=found.unscored, kind="probability")

    def _mismatch(self) -> list[Note]:
        now = identity(self._reranker)
        if self._fitted_for in (None, now):
            return []
        text = (
            f"calibrate: the parameters were fitted for {self._fitted_for}, but the "
            f"reranker is {now}; fit them again"
        )
        return [Note(text, "fitted-for-another", "calibrate")]


def identity(reranker: Reranker) -> str:
    """Return what a calibration is fitted for: reranker, version, options.

    The options are in it as a hash, without secrets.
    """
    made_of = reranker.describe()
    text = json.dumps(made_of, sort_keys=True, default=repr)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return " ".join(
        map(str, filter(None, (made_of["use"], made_of.get("version"), digest)))
    )
