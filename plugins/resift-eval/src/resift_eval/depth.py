"""How deep to rerank: the measure and the cost at every depth, from one scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resift_eval.measures import Comparison, Measured, compared, measured

if TYPE_CHECKING:
    import ir_measures

    from resift_eval.collection import Collection
    from resift_eval.journal import Answer

__all__ = ["Curve", "Point", "curve_of", "depths_up_to", "ids_at"]

_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70)
_ENOUGH = 0.95  # of the best gain


@dataclass(frozen=True)
class Point:
    """One depth.

    Args:
        depth: How many of the merged candidates are scored; 0 leaves their order.
        measured: The measure.
        documents: Documents scored per query.
        seconds: Median seconds per query, in proportion to the documents; None where
            no time was measured.
    """

    depth: int
    measured: Measured
    documents: float
    seconds: float | None


@dataclass(frozen=True)
class Curve:
    """The measure of one reranker by depth.

    Args:
        measure: The name of the measure.
        points: From depth 0 to the depth of the evaluation.
        knee: The least depth with 95 % of what the best depth gains; 0 where none
            gains.
        deeper: The best depth against the knee, over the same queries.
        pointwise: Whether scores do not depend on the other documents, so that the
            curve is exact.
    """

    measure: str
    points: Sequence[Point]
    knee: int
    deeper: Comparison
    pointwise: bool

    @property
    def best(self) -> Point:
        """The depth with the highest measure; the least of several."""
        return max(self.points, key=lambda p: (p.measured.mean, -p.depth))

    def at(self, depth: int) -> Point:
        """Return one point."""
        return next(point for point in self.points if point.depth == depth)

    def advice(self, name: str) -> str:
        """Return what to do, in one sentence, with the TOML where there is any."""
        if self.knee == 0:
            return f"No depth of {name} is better than the order that it is given."
        knee, best = self.at(self.knee).measured.mean, self.best.measured.mean
        share = "the best" if self.knee == self.best.depth else f"{best:.4f} at best"
        return (
            f"Depth {self.knee} reaches {self.measure} {knee:.4f} ({share}, depth "
            f"{self.best.depth}). To paste:\n\n[rerankers.tuned]\nuse = "
            f'"{name}"\nwindow = {self.knee}'
        )


def depths_up_to(most: int) -> list[int]:
    """Return the depths of a curve: 0, steps, and *most*."""
    return [0, *(step for step in _STEPS if step < most), most]


def ids_at(answer: Answer, depth: int) -> tuple[list[str], int]:
    """Return the ranking with the best *depth* candidates scored, and how many were.

    The scored ones keep the order that their scores gave them; the others follow in
    merged order, as `window` has it.
    """
    rows = list(zip(answer.ids, answer.merged, strict=True))
    first = [row for row in rows[: answer.scored] if row[1] <= depth]
    kept = {document for document, _ in first}
    rest = sorted((row for row in rows if row[0] not in kept), key=lambda row: row[1])
    return [document for document, _ in (*first, *rest)], len(first)


def curve_of(
    answers: Mapping[str, Answer],
    collection: Collection,
    measure: ir_measures.Measure,
    depth: int,
    *,
    seconds: float | None,
    pointwise: bool,
) -> Curve:
    """Measure one reranker at every depth up to *depth*.

    Args:
        answers: Its answers at *depth*, with merged ranks, by query id.
        collection: Queries and judgements.
        measure: What to measure.
        depth: How many candidates were scored.
        seconds: Median seconds of an answer.
        pointwise: Whether scores do not depend on the other documents.
    """
    found: list[tuple[int, Measured, float]] = []
    for at in depths_up_to(depth):
        given = {query: ids_at(answer, at) for query, answer in answers.items()}
        run = {query: ids for query, (ids, _) in given.items()}
        values = measured(run, collection.qrels, [measure])[str(measure)]
        found.append((at, values, float(np.mean([n for _, n in given.values()]))))
    whole = found[-1][2]
    points = [
        Point(at, m, n, None if seconds is None or not whole else seconds * n / whole)
        for at, m, n in found
    ]
    base, best = points[0].measured, max(p.measured.mean for p in points)
    enough = base.mean + _ENOUGH * (best - base.mean)
    knee = next(p for p in points if p.measured.mean >= enough)
    top = next(p for p in points if p.measured.mean == best)
    return Curve(
        measure=str(measure),
        points=points,
        knee=knee.depth,
        deeper=compared(top.measured, knee.measured),
        pointwise=pointwise,
    )
