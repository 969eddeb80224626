"""Checks of what `score` returns: how many, whose, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import GRADED, OBVIOUS, Case
from resift.testing.contract import broken, check, require

if TYPE_CHECKING:
    from resift.testing.subject import Subject


def not_repeatable(subject: Subject) -> str | None:
    """Tell that scores of two calls cannot be compared."""
    if not subject.declares("deterministic"):
        return "it declares that it is not deterministic"
    return None


def order_counts(subject: Subject) -> str | None:
    """Tell that scores in another order cannot be compared."""
    if subject.declares("reads_order"):
        return "it declares that it reads the order of the documents"
    return not_repeatable(subject)


def not_pointwise(subject: Subject) -> str | None:
    """Tell that a score may depend on the other documents."""
    if not subject.declares("pointwise"):
        return "it does not declare that it is pointwise"
    return not_repeatable(subject)


def _ordinal(subject: Subject) -> str | None:
    if subject.declares("score_kind") == "ordinal":
        return "it declares that its scores are ordinal"
    return not_repeatable(subject)


@check(
    "One finite float per document, and none for no documents.",
    usually="documents are left out, None or NaN stands for a failure, or the scores "
    "of a whole batch come back as one matrix. Raise rather than return less.",
    of="scorer",
    after=("declarations_are_known",),
    essential=True,
)
def one_score_per_document(subject: Subject) -> None:
    """Score 0 to 6 documents, two of them at a time and alone."""

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        if len(scores) != len(case):
            return f"{len(scores)} scores for {len(case)} documents"
        if np.isnan(scores).all() and len(case):
            return "no document is scored"
        return None

    if len(subject.scores(GRADED.at(()))):
        broken("scores", GRADED.at(()))
    require(problem, *(GRADED.at(range(n)) for n in range(1, 7)))


@check(
    "The same call gives the same scores.",
    usually="a model runs in training mode, with dropout, or something is sampled. If "
    "that is how it works, declare 'deterministic = False'.",
    of="scorer",
    after=("one_score_per_document",),
    unless=(not_repeatable,),
    essential=True,
)
def same_call_same_scores(subject: Subject) -> None:
    """Score twice."""

    def problem(case: Case) -> str | None:
        first, second = subject.scores(case), subject.scores(case)
        at = subject.differing(first, second)
        if at is None:
            return None
        return f"document {at} scores {first[at]:.6g}, and then {second[at]:.6g}"

    require(problem, GRADED.at([2]), GRADED)


@check(
    "A score belongs to its document, wherever the document stands in the list.",
    usually="scores are sorted before they are returned, stand in the order of the "
    "backend's answer, or of a list that was sorted on the way. Put each back at the "
    "index of its document.",
    of="scorer",
    after=("same_call_same_scores",),
    unless=(order_counts,),
    essential=True,
)
def scores_follow_documents(subject: Subject) -> None:
    """Score the documents in other orders."""

    def problem(case: Case) -> str | None:
        forward = subject.scores(case)
        for order in orders(len(case)):
            moved = subject.scores(case.at(order))
            back = np.empty_like(moved)
            back[order] = moved
            at = subject.differing(back, forward)
            if at is not None:
                return (
                    f"in the order {order}, document {at} scores {back[at]:.6g} "
                    f"instead of {forward[at]:.6g}"
                )
        return None

    require(problem, GRADED)


@check(
    "A pointwise score never depends on the other documents.",
    usually="scores are normalised over the documents given, or padding to the longest "
    "document of a batch is not masked.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(not_pointwise,),
    essential=True,
)
def pointwise_scores_stand_alone(subject: Subject) -> None:
    """Score every second document, and each by itself."""

    def problem(case: Case) -> str | None:
        whole = subject.scores(case)
        parts = [list(range(0, len(case), 2)), *([i] for i in range(len(case)))]
        for part in parts:
            alone = subject.scores(case.at(part))
            at = subject.differing(alone, whole[part])
            if at is not None:
                return (
                    f"document {part[at]} scores {whole[part[at]]:.6g} among all, but "
                    f"{alone[at]:.6g} among the documents {part}"
                )
        return None

    require(problem, GRADED)


@check(
    "A probability lies between 0 and 1, and a score within the 'score_range' that is "
    "declared.",
    usually="the model returns logits: apply the sigmoid, or declare 'logit'. A dot "
    "product lies between -1 and 1 only where both vectors have unit length.",
    of="scorer",
    after=("one_score_per_document",),
)
def probabilities_are_in_range(subject: Subject) -> None:
    """Look at the range, where the kind promises one."""
    bounds = subject.declares("score_range")
    if subject.declares("score_kind") == "probability":
        low, high = 0.0, 1.0
    elif isinstance(bounds, tuple) and len(bounds) == 2:
        margin = subject.settings.tolerance * max(map(abs, bounds))
        low, high = bounds[0] - margin, bounds[1] + margin
    else:
        return

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        wrong = (scores < low) | (scores > high)
        if not wrong.any():
            return None
        at = int(np.argmax(wrong))
        return f"document {at} scores {scores[at]:.6g}"

    same = tuple(f"{OBVIOUS.query} {text}" for text in OBVIOUS.documents)
    require(problem, GRADED, OBVIOUS, Case(OBVIOUS.query, (OBVIOUS.query, *same)))


@check(
    "A single document keeps its score: a score that is not ordinal is not relative "
    "to the list.",
    usually="scores are stretched between the best and the worst of the list, which "
    "turns a single good document into 0. Return what the model says.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(_ordinal,),
)
def single_document_keeps_its_score(subject: Subject) -> None:
    """Compare documents scored together with each scored alone, a long one among them.

    A model that reads the whole list may move a score a little, not by half.
    """
    long = Case(OBVIOUS.query, (*OBVIOUS.documents, "And then it rained. " * 60))
    for case in (OBVIOUS, GRADED, long):
        together = subject.scores(case)
        alone = np.concatenate([subject.scores(case.at([i])) for i in range(len(case))])
        if np.ptp(together) > 0.01 * np.abs(together).max() and not np.ptp(alone):
            found = f"alone, each of {len(case)} documents scores {alone[0]:.6g}"
            broken(f"{found}, but together {together.tolist()}", case)
        drift = np.abs(together - alone)
        largest = np.nanmax(np.abs([together, alone]))
        if np.isnan(drift).all() or np.nanmax(drift) <= largest / 2:
            continue
        at = int(np.nanargmax(drift))
        found = (
            f"document {at} scores {together[at]:.6g} among {len(case)} documents, and "
            f"{alone[at]:.6g} alone"
        )
        broken(found, case)


def orders(n: int) -> list[list[int]]:
    """Return some orders of *n* documents: backwards, and turned by one."""
    forward = list(range(n))
    return [forward[::-1], [*forward[1:], *forward[:1]]]
