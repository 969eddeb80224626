"""Wrong in what they make of their children."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import resift
from resift import errors, hookimpl
from resift.testing import word_overlap


class _Share:
    """Right: a probability."""

    pointwise = True
    score_kind = "probability"

    @hookimpl
    def score(self, query, documents):
        return [word_overlap(query, text) for text in documents]


class _Around:
    """Right: what every class below gets wrong in a way of its own.

    Args:
        reranker: Gives the scores.
    """

    options = {"reranker": "bm25"}

    def __init__(self, reranker: resift.Reranker) -> None:
        self.reranker = reranker
        self.columns = reranker.columns or ()

    @hookimpl
    def warmup(self):
        self.reranker.warmup()

    def inner(self, query, documents, candidates, timeout):
        return self.reranker.score(query, documents, candidates, timeout=timeout)


class HandsEverythingOn(_Around):
    """Right. It breaks nothing.

    Args:
        reranker: Gives the scores.
    """

    breaks = None

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        return self.reranker.score(query, documents, candidates, top_k, timeout)


class SwallowsErrors(_Around):
    """Zeros stand for a failure.

    Args:
        reranker: Gives the scores.
    """

    breaks = "failing_children_are_told"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        try:
            return self.inner(query, documents, candidates, timeout)
        except errors.BackendError:
            return [0.0] * len(documents)


class HidesColumns(_Around):
    """Declares no columns, and hands none on.

    Args:
        reranker: Gives the scores.
    """

    breaks = "columns_reach_children"

    @hookimpl
    def score(self, query, documents, timeout):
        return self.inner(query, documents, None, timeout)


class ForgetsTheOrder(_Around):
    """Makes Scores anew, without the order.

    Args:
        reranker: Gives the scores.
    """

    breaks = "childs_order_is_kept"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        inner = self.inner(query, documents, candidates, timeout)
        return replace(inner, order=None)


class TakesTheValuesOnly(_Around):
    """Drops what the child says beside values.

    Args:
        reranker: Gives the scores.
    """

    breaks = "what_children_say_is_passed_on"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        inner = self.inner(query, documents, candidates, timeout)
        return resift.Scores(inner.values, order=inner.order)


class AddsAfterTopK(_Around):
    """Adds a bonus to the few that the child answered for.

    Args:
        reranker: Gives the scores.
    """

    breaks = "top_k_is_not_handed_on"

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        inner = self.reranker.score(query, documents, candidates, top_k, timeout)
        if inner.order is not None:
            return inner
        bonus = np.array([0.9 * ("And" in text or "no " in text) for text in documents])
        return replace(inner, values=inner.values + bonus)


class KeepsTheTimeout(_Around):
    """Does not hand the seconds on.

    Args:
        reranker: Gives the scores.
    """

    breaks = "timeout_reaches_children"

    @hookimpl
    def score(self, query, documents, candidates):
        return self.inner(query, documents, candidates, None)


class NeverWarms(_Around):
    """A warmup that forgets the child.

    Args:
        reranker: Gives the scores.
    """

    breaks = "warmup_reaches_children"

    @hookimpl
    def warmup(self):
        pass

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        return self.inner(query, documents, candidates, timeout)


class CallsItProbability(_Around):
    """Declares what its child is not.

    Args:
        reranker: Gives the scores.
    """

    breaks = "childs_kind_is_kept"
    score_kind = "probability"
    options = {"reranker": _Share()}

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        return self.reranker.score(query, documents, candidates, top_k, timeout)
