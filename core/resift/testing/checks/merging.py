"""Checks of what a merger makes of ranked lists."""

from __future__ import annotations

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from resift.testing.cases import shuffled
from resift.testing.contract import broken, check, raised
from resift.testing.drawing import draw, lists_of
from resift.testing.lists import Lists, ranked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift.reranker import Reranker
    from resift.testing.drawing import Numbers
    from resift.testing.subject import Subject

FIRST = {0: 9.0, 1: 6.5, 2: 3.0, 3: 1.0}
SECOND = {4: 0.9, 2: 0.8, 0: 0.3}
DEEP = 20_000
MOST_SECONDS = 1.0
MOST_BYTES = 12 * 2**20
"""Three matrices of 2000 by 2000 bytes."""


def _asymmetric(subject: Subject) -> str | None:
    if not subject.declares("symmetric"):
        return "it declares that its lists are not alike"
    return None


def _not_affine(subject: Subject) -> str | None:
    if not subject.declares("affine_invariant"):
        return "it does not declare that it is affine invariant"
    return None


@check(
    "One finite score per document of the union, also for one that no list holds, and "
    "with lists that are empty, constant, or have an order only.",
    usually="the result is as long as the longest list, or a list of one score is "
    "divided by its spread, which is 0.",
    of="merger",
    after=("declarations_are_known",),
    essential=True,
)
def one_score_per_union_document(subject: Subject) -> None:
    """Merge lists from one empty one to two long ones, the smallest first."""
    cases = [
        ranked([], n=1),
        ranked({0: 0.5}, n=1),
        ranked([0], n=2),
        ranked({0: 0.0, 1: 0.0}, n=2),
        ranked({0: 1.0}, [], n=2),
        ranked({0: 1.0, 1: 1.0}, {2: -3.0}, n=4),
        ranked([0, 1], {1: 2.0, 2: 1.0}, n=3),
        ranked(FIRST, SECOND, n=5),
    ]
    for lists in cases:
        _merge(subject, lists)


@check(
    "Scores of any size merge to finite scores.",
    usually="the difference of two huge scores overflows, or squares do.",
    of="merger",
    after=("one_score_per_union_document",),
)
def extreme_scores_stay_finite(subject: Subject) -> None:
    """Merge scores near the limits of float64, large and small."""
    cases = [
        ranked({0: 1e-320, 1: 0.0}, {1: 1e-320}, n=2),
        ranked({0: -1e30, 1: -1e31}, {1: -5.0}, n=2),
        ranked({0: 1e300, 1: -1e300}, {1: 1.0}, n=2),
        ranked({0: 1.7e308, 1: -1.7e308}, {1: 1.0}, n=2),
    ]
    for lists in cases:
        _merge(subject, lists)


@check(
    "The lists that come in are left as they are.",
    usually="'scores -= scores.min()' works in place, on the host's own array.",
    of="merger",
    after=("one_score_per_union_document",),
    essential=True,
)
def lists_are_not_changed(subject: Subject) -> None:
    """Hand over arrays that can be written to, and compare them afterwards."""
    lists = ranked(FIRST, SECOND, n=5)
    arrays = [
        a for r in lists.rankings for a in (r.documents, r.scores) if a is not None
    ]
    before = [array.copy() for array in arrays]
    _merge(subject, lists)
    for array, was in zip(arrays, before, strict=True):
        if not np.array_equal(array, was):
            broken(
                f"{was.tolist()} is now {array.tolist()}", ranked(FIRST, SECOND, n=5)
            )


@check(
    "A single list keeps its order.",
    usually="the order of the union is taken for the order of the list, or scores are "
    "taken for distances.",
    of="merger",
    after=("one_score_per_union_document",),
    essential=True,
)
def single_list_keeps_its_order(subject: Subject) -> None:
    """Merge one list, with scores and without."""
    for lists in (
        ranked([1, 0], n=2),
        ranked({1: 2.0, 0: 1.0}, n=2),
        ranked([2, 0, 3, 1], n=4),
        ranked({2: 0.9, 0: 0.5, 3: -0.1, 1: -7.0}, n=4),
    ):
        along = _merge(subject, lists)[lists.rankings[0].documents]
        if (np.diff(along) > 0).any():
            broken(f"along the list the scores are {along.tolist()}", lists)


@check(
    "It does not matter which list comes first.",
    usually="ranks are counted through the lists laid end to end, or a document keeps "
    "what the first list says. Where one list is not like another, declare "
    "'symmetric = False'.",
    of="merger",
    after=("single_list_keeps_its_order",),
    unless=(_asymmetric,),
)
def list_order_does_not_matter(subject: Subject) -> None:
    """Merge the same lists in another order."""
    smaller = ranked({0: 2.0, 1: 1.0}, {1: 3.0, 0: 2.5}, n=2)
    apart = ranked({0: 2.0}, {1: 2.0}, n=2)
    for lists in (apart, smaller, ranked(FIRST, SECOND, n=5)):
        forward = _merge(subject, lists)
        turned = Lists(lists.rankings[::-1], lists.n_documents)
        backward = _merge(subject, turned)
        if (at := subject.differing(backward, forward)) is not None:
            found = (
                f"document {at} scores {forward[at]:.6g}, and {backward[at]:.6g} with "
                "the lists turned round"
            )
            broken(found, lists)


@check(
    "A document that was found never scores less than one that was not, in any list.",
    usually="what is missing gets a middle score, or the least score of a list is "
    "taken for 'missing' and counts against what was found.",
    of="merger",
    after=("single_list_keeps_its_order",),
    essential=True,
)
def found_beats_missing(subject: Subject) -> None:
    """Compare the last of each list with a document that no list holds."""
    negative = ranked({0: -1.0, 1: -2.0}, {1: -0.5, 0: -9.0}, n=3)
    outlier = ranked({0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0, 4: -999.0}, n=6)
    deep = ranked(list(range(300)), n=301)
    for lists in (ranked({0: 2.0, 1: 1.0}, n=3), negative, outlier, deep):
        scores = _merge(subject, lists)
        if scores[:-1].min() < scores[-1]:
            found = (
                f"document {int(scores[:-1].argmin())} scores {scores[:-1].min():.6g}, "
                f"the missing one {scores[-1]:.6g}"
            )
            broken(found, lists)


@check(
    "A list whose scores are all equal still counts: its documents beat missing ones.",
    usually="min-max turns a constant list, a single row say, into zeros, as if "
    "nothing had been found.",
    of="merger",
    after=("found_beats_missing",),
)
def constant_list_counts(subject: Subject) -> None:
    """Merge a list of one row, and one of equal rows."""
    for lists in (ranked({0: 0.7}, n=2), ranked({0: 0.7, 1: 0.7}, [], n=3)):
        scores = _merge(subject, lists)
        if scores[:-1].min() <= scores[-1]:
            broken(f"found and missing alike score {scores[-1]:.6g}", lists)


@check(
    "A list counts for more the greater its weight.",
    usually="'ranking.weight' is never read.",
    of="merger",
    after=("single_list_keeps_its_order",),
    essential=True,
)
def weights_count(subject: Subject) -> None:
    """Weigh one list nine times the other, both ways."""
    for weights, winner in (((1.0, 9.0), 1), ((9.0, 1.0), 0)):
        lists = ranked({0: 2.0, 2: 1.0}, {1: 2.0, 2: 1.0}, n=3, weights=weights)
        scores = _merge(subject, lists)
        if scores[winner] <= scores[1 - winner]:
            found = (
                f"with weights {weights}, the heavier list's first scores "
                f"{scores[winner]:.6g}, the other's {scores[1 - winner]:.6g}"
            )
            broken(found, lists)


@check(
    "Shifting or scaling all scores of a list changes no order, as it declares.",
    usually="scores are compared as they are, without being normalised first.",
    of="merger",
    after=("single_list_keeps_its_order",),
    unless=(_not_affine,),
)
def shift_and_scale_change_nothing(subject: Subject) -> None:
    """Shift and scale one list, then the other."""
    plain = _merge(subject, ranked(FIRST, SECOND, n=5))
    wanted = np.argsort(-plain, kind="stable")
    for scale, shift in ((1.0, 100.0), (0.001, 0.0), (50.0, -7.0)):
        moved = {d: s * scale + shift for d, s in FIRST.items()}
        other = {d: s * scale + shift for d, s in SECOND.items()}
        for lists in (ranked(moved, SECOND, n=5), ranked(FIRST, other, n=5)):
            order = np.argsort(-_merge(subject, lists), kind="stable")
            if not np.array_equal(order, wanted):
                found = f"the order is {order.tolist()} instead of {wanted.tolist()}"
                broken(found, lists)


@check(
    "Any number of lists is merged, and what any of them found first beats what none "
    "found.",
    usually="only what all lists found gets a score, only the first two lists are "
    "read, or a position in the list is taken for one in the union.",
    of="merger",
    after=("found_beats_missing",),
    essential=True,
)
def every_list_counts(subject: Subject) -> None:
    """Merge three and more lists, each of which finds something of its own."""
    long = list(range(299, -1, -1))
    for lists in (
        ranked([0], [1], [1], n=3),
        ranked([2], [1], [0], n=4),
        ranked({0: 2.0, 3: 1.0}, {1: 9.0, 3: 8.0}, {2: 0.3, 3: 0.1}, n=5),
        ranked([0, 9], [1, 9], [2, 9], [3, 9], [4, 9], n=11),
        ranked([40, 41], {30: 2.0, 31: 1.0}, [], [20], n=43),
        ranked(long, [301], [300], n=303),
        ranked(*([i, 12] for i in range(12)), n=14),
    ):
        most = subject.declares("most_lists")
        if isinstance(most, int) and len(lists.rankings) > most:
            continue
        scores = _merge(subject, lists)
        firsts = [int(r.documents[0]) for r in lists.rankings if len(r)]
        worst = min(firsts, key=lambda d: scores[d])
        told_apart = all(len(r) > 1 and r.scores is not None for r in lists.rankings)
        if scores[worst] < scores[-1] or (told_apart and scores[worst] == scores[-1]):
            found = (
                f"document {worst}, the first of a list, scores {scores[worst]:.6g}, "
                f"the missing one {scores[-1]:.6g}"
            )
            broken(found, lists)


@check(
    "Whatever the lists, numbers mean nothing: with the union numbered otherwise each "
    "document scores the same, and what a list found never scores less than what none "
    "found.",
    usually="a position in the union is used as a rank, a score stands for a document "
    "that has it, or an array is as long as one of the lists.",
    of="merger",
    after=("every_list_counts",),
)
def drawn_lists_merge_alike(subject: Subject) -> None:
    """Draw ranked lists, and merge each with other numbers for its documents."""
    most = subject.declares("most_lists")

    def problem(numbers: Numbers) -> None:
        given = lists_of(numbers, most if isinstance(most, int) else None)
        n = given.n_documents
        scores = _merge(subject, given)
        order = np.array(shuffled(n))
        moved = tuple(replace(r, documents=order[r.documents]) for r in given.rankings)
        again = _merge(subject, Lists(moved, n))[order]
        if (at := subject.differing(again, scores)) is not None:
            found = f"document {at} scores {scores[at]:.6g}, numbered {order[at]} it "
            broken(f"{found}scores {again[at]:.6g}", given)
        inside = np.isin(np.arange(n), [d for r in given.rankings for d in r.documents])
        if inside.all() or not inside.any():
            return
        worst = int(np.argmin(np.where(inside, scores, np.inf)))
        if scores[worst] < scores[~inside].max():
            found = f"document {worst}, which a list found, scores {scores[worst]:.6g},"
            none = f" one that none found {scores[~inside].max():.6g}"
            broken(found + none, given)

    draw(problem)


@check(
    "The same lists merge the same, whatever was merged before, and in every thread.",
    usually="the least and greatest score are kept on 'self', or the scores are "
    "written into an array that is kept and returned again.",
    of="merger",
    after=("one_score_per_union_document",),
)
def merges_stand_alone(subject: Subject) -> None:
    """Merge, merge others, merge again, and then in eight threads at once."""
    cases = [
        ranked(FIRST, SECOND, n=5),
        ranked({0: 1e6, 1: -1e6}, {1: 4.0}, n=2),
        ranked([3, 1], {0: 0.2, 3: 0.1}, n=5),
        ranked({0: 5.0}, [0], n=1),
        ranked(dict(zip(range(40), np.linspace(30, 1, 40), strict=True)), [3], n=41),
    ]
    first = []
    for lists in cases:
        fresh = subject.build() if subject.builds else None
        first.append(_merge(subject, lists, fresh))
    hook = subject.reranker.plugins.hook
    most = subject.declares("most_lists")
    given = cases[0].rankings[: most if isinstance(most, int) else None]
    kept = hook.merge(rankings=given, n_documents=5, query="foxes")
    before = np.array(kept, dtype=np.float64)
    for lists, wanted in [*zip(cases, first, strict=True)] * 2:
        got = _merge(subject, lists)
        if (at := subject.differing(got, wanted)) is not None:
            found = f"document {at} scores {wanted[at]:.6g}, and later {got[at]:.6g}"
            broken(found, lists)
    _merge(subject, ranked([4, 3], {2: 0.2, 3: 0.1}, n=5))
    if not np.array_equal(np.array(kept, dtype=np.float64), before):
        broken("what the first call returned has changed", cases[0])
    start = threading.Barrier(len(cases))

    def call(lists: Lists) -> NDArray[np.float64]:
        start.wait(timeout=30)
        for _ in range(5):
            merged = _merge(subject, lists)
        return merged

    with ThreadPoolExecutor(len(cases)) as pool:
        for lists, got, wanted in zip(cases, pool.map(call, cases), first, strict=True):
            if (at := subject.differing(got, wanted)) is not None:
                found = f"threads at once: document {at} scores {got[at]:.6g} instead "
                broken(f"{found}of {wanted[at]:.6g}", lists)


@check(
    "It merges without a query, and with any.",
    usually="the query is split or measured. A merger that needs none gets None, or a "
    "blank one.",
    of="merger",
    after=("one_score_per_union_document",),
    essential=True,
)
def query_may_be_missing(subject: Subject) -> None:
    """Merge with no query, a blank one, and an odd one."""
    lists = ranked(FIRST, SECOND, n=5)
    most = subject.declares("most_lists")
    rankings = lists.rankings[: most if isinstance(most, int) else None]
    for query in (None, "", "  ", "?", "\u72d0", "foxes"):
        try:
            subject.merged(rankings, 5, query)
        except Exception as error:  # noqa: BLE001  # whatever a merger may raise
            broken(raised(error), f"the query {query!r}; {lists}", error)


@check(
    "A weight may be 0, also of all lists, or a fraction: scores stay finite, and what "
    "counts for nothing does not win.",
    usually="scores are divided by the sum of the weights, or a weight of 0 is taken "
    "for none given.",
    of="merger",
    after=("weights_count",),
)
def weights_may_be_zero(subject: Subject) -> None:
    """Merge with weights of 0, of a fraction, and all of them 0."""
    for weights in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (0.001, 1e-9), (1e6, 1.0)):
        lists = ranked({0: 2.0, 2: 1.0}, {1: 2.0, 3: 1.0}, n=4, weights=weights)
        scores = _merge(subject, lists)
        if not any(weights):
            continue
        winner = int(np.argmax(weights))
        if scores[winner] <= scores[1 - winner]:
            found = (
                f"with weights {weights}, the heavier list's first scores "
                f"{scores[winner]:.6g}, the other's {scores[1 - winner]:.6g}"
            )
            broken(found, lists)


@check(
    f"Two lists of {DEEP} documents merge within {MOST_SECONDS:.0f} s of CPU.",
    usually="'list.index' or 'in' inside a loop makes the cost grow with the square.",
    of="merger",
    after=("one_score_per_union_document",),
)
def deep_lists_are_merged(subject: Subject) -> None:
    """Merge two deep lists that overlap by half."""
    stop = DEEP + DEEP // 2
    first = dict(zip(range(DEEP), np.linspace(9, 1, DEEP), strict=True))
    second = dict(zip(range(stop - DEEP, stop), np.linspace(1, 0, DEEP), strict=True))
    lists = ranked(first, second, n=stop)
    if (taken := _memory(subject, 2000)) > MOST_BYTES:
        found = (
            f"2000 documents take {taken / 2**20:.0f} MiB of memory, ten times as many "
            "a hundred times that"
        )
        broken(
            found,
            lists,
            usually="every document is compared with every other in one matrix. Count "
            "by sorting, or in blocks.",
        )
    start = time.thread_time()
    _merge(subject, lists)
    seconds = time.thread_time() - start
    if seconds > MOST_SECONDS:
        broken(f"it took {seconds:.1f} s", lists)


def _memory(subject: Subject, n: int) -> int:
    """Return the bytes that two lists over *n* documents take at most."""
    every = dict(zip(range(n), np.linspace(9, 1, n), strict=True))
    lists = ranked(every, every, n=n)
    if tracemalloc.is_tracing():
        return 0
    tracemalloc.start()
    try:
        _merge(subject, lists)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _merge(
    subject: Subject, lists: Lists, reranker: Reranker | None = None
) -> NDArray[np.float64]:
    """Merge, unless there are more lists than the merger takes; name the case."""
    most = subject.declares("most_lists")
    rankings = lists.rankings[: most if isinstance(most, int) else None]
    try:
        return subject.merged(rankings, lists.n_documents, reranker=reranker)
    except Exception as error:  # noqa: BLE001  # whatever a merger may raise
        broken(raised(error), lists, error)
