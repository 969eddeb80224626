"""Sliding windows over a ranked list, from its end to its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Swept", "completed", "sweep", "windows"]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep brought.

    Args:
        order: Every document, best first.
        seen: How many passages were shown, all windows together.
        left_out: How many of those were not ranked.
    """

    order: list[int]
    seen: int
    left_out: int


def windows(n_documents: int, size: int, step: int) -> list[range]:
    """Return the windows in the order they are ranked: from the end to the head.

    The last one ends at the head, and may be smaller. (The published code stops before
    a window that would reach beyond the head, which leaves up to ``step - 1`` documents
    there unread.) One document needs no window.

    >>> windows(45, 20, 10)
    [range(25, 45), range(15, 35), range(5, 25), range(0, 15)]
    >>> windows(20, 20, 10)
    [range(0, 20)]
    """
    found: list[range] = []
    stop = n_documents if n_documents > 1 else 0
    while stop > 0:
        found.append(range(max(0, stop - size), stop))
        stop = stop - step if found[-1].start else 0
    return found


def completed(ranked: Sequence[int], n_passages: int) -> list[int]:
    """Return a permutation: what was ranked, then the rest in the order it came.

    >>> completed([2, 0], 4)
    [2, 0, 1, 3]
    """
    rest = sorted(set(range(n_passages)).difference(ranked))
    return [*ranked, *rest]


def sweep(
    rank: Callable[[list[int]], Sequence[int]], n_documents: int, size: int, step: int
) -> Swept:
    """Rank the list once from its end to its head, each window after the one below.

    What a window ranks high is in the next one, too, so that the best ``size - step``
    documents come to the head from wherever they were.

    Args:
        rank: Takes the documents of a window, and returns positions in it, best first,
            none twice; some may be missing.
        n_documents: How many documents there are.
        size: Documents of a window.
        step: By how many documents it moves.

    References:
        Sun et al., "Is ChatGPT Good at Search? Investigating Large Language Models as
        Re-Ranking Agents", EMNLP 2023, section 3.2. https://arxiv.org/abs/2304.09542
    """
    order = list(range(n_documents))
    seen = left_out = 0
    for window in windows(n_documents, size, step):
        part = order[window.start : window.stop]
        ranked = rank(part)
        order[window.start : window.stop] = [
            part[i] for i in completed(ranked, len(part))
        ]
        seen += len(part)
        left_out += len(part) - len(ranked)
    return Swept(order, seen, left_out)
