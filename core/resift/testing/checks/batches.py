"""Checks of many documents at once, and of documents that are alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import GRADED, MANY, Case, alike, ramp, shuffled
from resift.testing.checks.scores import not_pointwise, order_counts, orders
from resift.testing.contract import broken, check, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resift.testing.subject import Subject

SIZES = (9, 10, 11, 31, 33, len(MANY), 257, 600, 1025)
"""Numbers of documents just below and beyond usual batches; the greater ones only
where they cost little."""


@check(
    "Any number of documents is scored: one in, one out, whatever the batches.",
    usually="only the first batch is scored, and the rest is filled up; scores are "
    "normalised, sorted or padded per batch; or a server leaves out what is beyond its "
    "limit. Ask in several calls, or raise.",
    of="scorer",
    after=("scores_follow_documents",),
    essential=True,
)
def many_documents_are_scored(subject: Subject) -> None:
    """Score more and more documents, each time from first to last and turned."""
    leaves_out = np.isnan(subject.scores(GRADED)).any()  # as a cascade does

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        if np.isnan(scores).any() and not leaves_out:
            return f"{np.isnan(scores).sum()} of {len(case)} documents are not scored"
        if order_counts(subject):
            return None
        n = len(case)
        for how, order in (
            ("from last to first", list(range(n))[::-1]),
            ("turned by one", [*range(1, n), 0]),
        ):
            again = np.empty(n)
            again[order] = subject.scores(case.at(order))
            if (at := subject.differing(again, scores)) is not None:
                return (
                    f"of {n} documents {how}, document {at} scores {again[at]:.6g} "
                    f"instead of {scores[at]:.6g}"
                )
        return None

    for n in affordable(subject, SIZES):
        require(problem, MANY if n == len(MANY) else ramp(n))


@check(
    "Texts that are alike are scored apart: each score is that of its own document.",
    usually="answers are looked up by a key made of the text (its beginning, length, "
    "hash, lower case or normal form), texts are joined by line breaks and split "
    "again, or odd texts are left out and the gap is not filled at its place. Work "
    "with indices.",
    of="scorer",
    after=("scores_follow_documents",),
    unless=(order_counts,),
    essential=True,
)
def alike_texts_are_told_apart(subject: Subject) -> None:
    """Score a bag of alike and odd texts in several orders, and each alone."""
    leaves_out = np.isnan(subject.scores(GRADED)).any()  # as a cascade does

    def problem(case: Case) -> str | None:
        scores = subject.scores(case)
        n = len(case)
        for order in (*orders(n), shuffled(n)):
            moved = np.empty(n)
            moved[order] = subject.scores(case.at(order))
            if leaves_out:  # which, may depend on the order where scores tie
                moved[np.isnan(scores)] = np.nan
                moved = np.where(np.isnan(moved), scores, moved)
            if (at := subject.differing(moved, scores)) is not None:
                return (
                    f"in another order document {at} scores {moved[at]:.6g} instead "
                    f"of {scores[at]:.6g}"
                )
        if not_pointwise(subject) or n > len(bag):
            return None
        for i in range(n):
            alone = subject.scores(case.at([i]))
            if subject.differing(alone, scores[[i]]) is not None:
                return (
                    f"document {i} scores {scores[i]:.6g} among all, and "
                    f"{alone[0]:.6g} alone"
                )
        return None

    bag = alike()
    sizes = affordable(subject, (23, 61, len(bag)))
    require(problem, *(bag.at(range(n)) for n in sizes))


@check(
    "The cost of a pointwise reranker grows with the number of documents, not faster.",
    usually="'list.index' or 'in' runs inside a loop over the documents, or each is "
    "compared with every other.",
    of="scorer",
    after=("many_documents_are_scored", "pointwise_scores_stand_alone"),
    unless=(not_pointwise,),
)
def cost_grows_with_documents(subject: Subject) -> None:
    """Compare the time of eight times as many documents."""
    few, many = ramp(1000), ramp(8000)
    if 8000 not in affordable(subject, (8000,), seconds=1.5):
        return
    for _ in range(3):  # a machine may be busy, but not three times
        short = min(_seconds(subject, few) for _ in range(2))
        long = _seconds(subject, many)
        if long < max(20 * short, 0.2):
            return
    broken(
        f"{len(many)} documents take {long / short:.0f} times as long as {len(few)}",
        f"{len(many)} documents",
    )


def affordable(
    subject: Subject, sizes: Sequence[int], seconds: float = 0.4
) -> list[int]:
    """Return those of *sizes* that can be scored in time, the least at any rate."""
    if subject.settings.slow:
        seconds *= 100
    case = ramp(9)
    each = min(_seconds(subject, case, time.perf_counter) for _ in range(2)) / len(case)
    least = min(sizes) if max(sizes) < 1000 or len(sizes) > 1 else 0
    return [n for n in sizes if n <= max(least, 100) or n * each < seconds]


def _seconds(
    subject: Subject, case: Case, clock: Callable[[], float] = time.process_time
) -> float:
    start = clock()
    subject.scores(case)
    return clock() - start
