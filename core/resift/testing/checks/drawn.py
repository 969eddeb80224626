"""Checks of a scorer with texts that nobody chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resift.testing.breach import Breach
from resift.testing.cases import GRADED, Case, shuffled
from resift.testing.checks.scores import not_pointwise, order_counts
from resift.testing.contract import broken, check, raised
from resift.testing.drawing import bag_of, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.testing.drawing import Numbers
    from resift.testing.subject import Subject


@check(
    "In any bag of texts each keeps its score: in whatever order and, where it is "
    "pointwise, in whatever company.",
    usually="texts are joined and split again, found by their words, or stand in the "
    "way of each other in a form that no example showed. Work with indices.",
    of="scorer",
    after=("scores_follow_documents", "calls_stand_alone"),
    unless=(order_counts,),
)
def drawn_texts_keep_their_scores(subject: Subject) -> None:
    """Draw bags of texts, and score each in another order and in parts."""
    leaves_out = np.isnan(subject.scores(GRADED)).any()  # as a cascade does
    alone = not not_pointwise(subject)

    def compare(case: Case, part: list[int], scores: NDArray[np.float64]) -> None:
        got, wanted = subject.scores(case.at(part)), scores[part]
        if leaves_out:  # which, may depend on the order where scores tie
            both = ~np.isnan(got) & ~np.isnan(wanted)
            got, wanted = got[both], wanted[both]
        if (at := subject.differing(got, wanted)) is not None:
            found = f"document {part[at]} scores {wanted[at]:.6g}, and among the"
            broken(f"{found} documents {part} {got[at]:.6g}", case)

    def problem(numbers: Numbers) -> None:
        case = bag_of(numbers)
        n = len(case)
        parts = [list(range(n))[::-1], shuffled(n)] if n > 1 else []
        if alone and n > 1:
            parts += [list(range(0, n, 2)), [n - 1]]
        try:
            scores = subject.scores(case)
            for part in parts:
                compare(case, part, scores)
        except Breach:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a reranker may raise
            broken(raised(error), case, error)

    draw(problem)
