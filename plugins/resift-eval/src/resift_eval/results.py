"""The results of an experiment: measures, comparisons, latency, cost, plain words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from resift_eval.measures import Comparison, Measured, compared, measured
from resift_eval.origin import Origin

if TYPE_CHECKING:
    import ir_measures

    from resift_eval.calibration import Calibration
    from resift_eval.collection import Collection
    from resift_eval.depth import Curve
    from resift_eval.journal import Answer

__all__ = ["Pair", "Result", "Results", "failed", "holm", "results_of"]

_Key = TypeVar("_Key", bound=Hashable)

_ALPHA = 0.05
_SHOWN = 5


@dataclass(frozen=True)
class Result:
    """One contestant.

    Args:
        name: What it is called.
        measures: Its measures by name.
        comparison: Against the baseline, by the first measure; None for itself.
        significant: Whether the difference holds at 5 % after Holm's correction.
        p50: Median seconds of reranking one query; None for a leg.
        p95: The 95th percentile.
        documents: Documents given to models, per query.
        calls: Calls of models, per query.
        usage: What it cost per query, by what is counted: ``cost`` is money, where
            the config has a `price`.
        failures: Queries without an answer, with the reason.
        notes: Notes, and on how many queries they were made.
        curve: The deciding measure by depth, where it was asked for.
        calibration: How true its probabilities are, where that was asked for.
        origin: What it is, and where it came from.
    """

    name: str
    measures: Mapping[str, Measured]
    comparison: Comparison | None
    significant: bool
    p50: float | None
    p95: float | None
    documents: float
    calls: float
    usage: Mapping[str, float]
    failures: Mapping[str, str]
    notes: Mapping[str, int]
    curve: Curve | None = None
    calibration: Calibration | None = None
    origin: Origin = field(default_factory=Origin)

    @property
    def outcome(self) -> str:
        """Say in a word or three whether it helped."""
        if self.comparison is None:
            return "the baseline"
        if not self.significant:
            return "no clear difference"
        reranks = self.p50 is not None  # a leg of the first stage changes nothing
        better, worse = ("helped", "HURT") if reranks else ("better", "worse")
        return better if self.comparison.difference > 0 else worse

    @property
    def verdict(self) -> str:
        """Say in one sentence whether it helped."""
        if self.comparison is None:
            return self.outcome
        c = self.comparison
        counts = f"better on {c.better} queries, worse on {c.worse}"
        return f"{self.outcome}: {c.change}; {counts}"

    @property
    def cost(self) -> str:
        """Say what a query costs; ``""`` where no price is known."""
        return f"{self.usage['cost']:.4g}" if "cost" in self.usage else ""

    @property
    def failed(self) -> str:
        """Say on how many queries it failed, and why; ``""`` where it never did."""
        return failed(self.failures)


@dataclass(frozen=True)
class Pair:
    """Two contestants, query by query.

    Args:
        better: The one with the higher mean.
        worse: The other.
        comparison: The first against the second.
        significant: Whether that holds at 5 % after Holm's correction for all pairs.
    """

    better: str
    worse: str
    comparison: Comparison
    significant: bool


@dataclass(frozen=True)
class Results:
    """All contestants on one collection.

    Args:
        collection: Queries and judgements.
        baseline: Who the others are compared with.
        rows: The contestants.
        measure: The measure that decides: the first that was asked for.
        depth: Candidates of each leg.
        notes: What of the files is not used, not found or not seen.
    """

    collection: Collection
    baseline: str
    rows: Sequence[Result]
    measure: str
    depth: int
    notes: Sequence[str] = ()

    @property
    def is_priced(self) -> bool:
        """Whether somebody's cost is known."""
        return any(row.cost for row in self.rows)

    def row(self, name: str) -> Result:
        """Return one contestant."""
        return next(row for row in self.rows if row.name == name)

    @property
    def ranked(self) -> list[Result]:
        """The contestants, best first by the measure that decides."""
        return sorted(self.rows, key=lambda row: -row.measures[self.measure].mean)

    @property
    def headline(self) -> str:
        """Say in one sentence who won, and by how much."""
        best = self.ranked[0]
        led = f"{self.measure} {best.measures[self.measure].mean:.4f}"
        winners = [
            r for r in self.ranked if r.significant and r.comparison
            and r.comparison.difference > 0
        ]  # fmt: skip
        if winners and winners[0].comparison:
            won = winners[0]
            mean = f"{self.measure} {won.measures[self.measure].mean:.4f}"
            change = f"{winners[0].comparison.change} against {self.baseline}"
            if won is best:
                return f"{won.name} wins: {mean}, {change}."
            return (
                f"{won.name} is the best that clearly beats {self.baseline}: {mean}, "
                f"{change}. {best.name} leads with {led}, but not clearly."
            )
        if best.comparison is not None:
            return (
                f"No clear winner: {best.name} leads with {led}, "
                f"{best.comparison.change} against {self.baseline}."
            )
        if len(self.rows) == 1:
            return f"Only {best.name} was measured: {led}."
        second = self.ranked[1]
        change = second.comparison.change if second.comparison else ""
        return (
            f"Nothing beats the baseline, {best.name}: {led}; {second.name} comes "
            f"next, {change}."
        )

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every two contestants, the better one first, best pair first."""
        values = {row.name: row.measures[self.measure] for row in self.ranked}
        compare = {
            pair: compared(values[pair[0]], values[pair[1]])
            for pair in itertools.combinations(values, 2)
        }
        holding = holm({pair: c.p for pair, c in compare.items()})
        return [Pair(*pair, c, pair in holding) for pair, c in compare.items()]

    def extremes(self, name: str) -> tuple[list[dict[str, object]], ...]:
        """Return the queries on which *name* gained most, and lost most."""
        values = self.row(name).measures[self.measure].values
        gains = values - self.row(self.baseline).measures[self.measure].values
        queries = list(self.collection.queries.items())
        order = np.argsort(-gains, kind="stable")

        def shown(index: int) -> dict[str, object]:
            query, text = queries[index]
            return {"query": query, "text": text, "gain": round(float(gains[index]), 4)}

        most = [shown(i) for i in order[:_SHOWN] if gains[i] > 0]
        least = [shown(i) for i in order[::-1][:_SHOWN] if gains[i] < 0]
        return most, least


def failed(failures: Mapping[str, str]) -> str:
    """Say on how many queries somebody failed, and why; ``""`` where nobody did.

    Args:
        failures: The reason by query id.
    """
    if not failures:
        return ""
    query, error = next(iter(failures.items()))
    n = len(failures)
    count = "1 query, which counts 0" if n == 1 else f"{n} queries, which count 0"
    return f"failed on {count}; first on `{query}`: {error}"


def results_of(
    answers: Mapping[str, Mapping[str, Answer]],
    collection: Collection,
    measures: Sequence[ir_measures.Measure],
    baseline: str,
    depth: int,
    origins: Mapping[str, Origin] | None = None,
) -> Results:
    """Measure every contestant, and compare it with the baseline."""
    values = {
        name: measured({i: a.ids for i, a in given.items()}, collection.qrels, measures)
        for name, given in answers.items()
    }
    first = str(measures[0])
    comparisons = {
        name: compared(values[name][first], values[baseline][first])
        for name in answers
        if name != baseline
    }
    significant = holm({name: c.p for name, c in comparisons.items()})
    rows = [
        replace(
            _result(
                name, given, values[name], comparisons.get(name), name in significant
            ),
            origin=(origins or {}).get(name, Origin()),
        )
        for name, given in answers.items()
    ]
    return Results(collection, baseline, rows, first, depth)


def _result(
    name: str,
    answers: Mapping[str, Answer],
    measures: Mapping[str, Measured],
    comparison: Comparison | None,
    significant: bool,  # noqa: FBT001  # positional on purpose: one private call
) -> Result:
    given = list(answers.values())
    seconds = np.array([a.seconds for a in given if a.error is None and a.seconds])
    notes: dict[str, int] = {}
    for answer in given:
        for note in answer.notes:
            notes[note] = notes.get(note, 0) + 1
    return Result(
        name=name,
        measures=measures,
        comparison=comparison,
        significant=significant,
        p50=float(np.percentile(seconds, 50)) if len(seconds) else None,
        p95=float(np.percentile(seconds, 95)) if len(seconds) else None,
        documents=float(np.mean([a.documents for a in given])),
        calls=float(np.mean([a.calls for a in given])),
        usage=_mean_usage(given),
        failures={a.query: a.error for a in given if a.error is not None},
        notes=notes,
    )


def _mean_usage(answers: Sequence[Answer]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for answer in answers:
        total.update(answer.usage)
    return {name: total[name] / len(answers) for name in sorted(total)}


def holm(p_values: Mapping[_Key, float]) -> set[_Key]:
    """Return whose p-values hold together at 5 % (Holm, 1979)."""
    holding: set[_Key] = set()
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for i, (name, p) in enumerate(ordered):
        if p > _ALPHA / (len(ordered) - i):
            break
        holding.add(name)
    return holding
