"""Measures per query, their means with intervals, and the paired comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ir_measures
import numpy as np

from resift.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT", "Comparison", "Measured", "compared", "measured", "parsed"]

DEFAULT = ("nDCG@10", "RR@10", "R@100", "AP")
_RESAMPLES = 9999
_LEVEL = 0.95

Qrels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Measured:
    """One measure of one run.

    Args:
        values: The measure of each query, in the order of the queries.
        mean: Their mean.
        low: Lower end of the 95 % bootstrap interval of the mean.
        high: Upper end.
    """

    values: NDArray[np.float64]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One run against the baseline, query by query.

    Args:
        difference: Mean of the differences, positive where the run is better.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
        p: Two-sided p-value of the paired sign-flip randomisation test.
        better: Queries with a higher measure.
        worse: Queries with a lower one.
    """

    difference: float
    low: float
    high: float
    p: float
    better: int
    worse: int

    @property
    def change(self) -> str:
        """The difference, its interval and p-value, as they are printed."""
        p = f"p = {self.p:.3f}" if self.p >= 0.001 else "p < 0.001"
        return f"{self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}], {p}"


def parsed(names: Sequence[str]) -> list[ir_measures.Measure]:
    """Return measures by their standard names.

    Raises:
        InputError: If a name is none.
    """
    found = []
    for name in names:
        try:
            found.append(ir_measures.parse_measure(name))
        except (ValueError, NameError, AttributeError) as error:
            msg = (
                f"There is no measure {name!r}. Common ones: nDCG@10, RR@10, R@100, "
                "AP, P@5, Success@1."
            )
            raise InputError(msg) from error
    return found


def measured(
    run: Run, qrels: Qrels, measures: Sequence[ir_measures.Measure]
) -> dict[str, Measured]:
    """Measure one run with trec_eval's definitions.

    A query that the run does not answer counts 0. The ranking counts, not the scores:
    a tie was broken by whoever ranked.

    Args:
        run: Ranked document ids by query id.
        qrels: Relevance by query id and document id.
        measures: What to compute.

    Returns:
        By the name of the measure, queries in the order of *qrels*.
    """
    place = {query: i for i, query in enumerate(qrels)}
    values = {str(measure): np.zeros(len(qrels)) for measure in measures}
    judged = [
        ir_measures.Qrel(query, document, grade)
        for query, grades in qrels.items()
        for document, grade in grades.items()
    ]
    ranked = [
        ir_measures.ScoredDoc(query, document, -float(rank))
        for query, documents in run.items()
        for rank, document in enumerate(documents)
    ]
    for metric in ir_measures.iter_calc(measures, judged, ranked):
        values[str(metric.measure)][place[metric.query_id]] = metric.value
    return {name: _summarised(per_query) for name, per_query in values.items()}


def compared(run: Measured, baseline: Measured) -> Comparison:
    """Compare a run with the baseline over the same queries.

    References:
        Smucker, Allan and Carterette, "A comparison of statistical significance tests
        for information retrieval evaluation", CIKM 2007.
    """
    difference = run.values - baseline.values
    low, high = _interval(difference)
    return Comparison(
        difference=float(difference.mean()),
        low=low,
        high=high,
        p=_sign_flip(difference),
        better=int((difference > 0).sum()),
        worse=int((difference < 0).sum()),
    )


def _summarised(values: NDArray[np.float64]) -> Measured:
    low, high = _interval(values)
    return Measured(values, float(values.mean()), low, high)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean; the same every time."""
    from scipy.stats import bootstrap

    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=_LEVEL,
        method="percentile",
        batch=999,
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _sign_flip(difference: NDArray[np.float64]) -> float:
    from scipy.stats import permutation_test

    if len(difference) < 2 or not difference.any():
        return 1.0  # one query is as likely to fall either way
    found = permutation_test(
        (difference,),
        lambda values, axis: np.mean(values, axis=axis),
        permutation_type="samples",
        n_resamples=_RESAMPLES,
        batch=999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
