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


class FillsTheGaps(_Around):
    """What the child left out scores 0.

    Args:
        reranker: Gives the scores.
    """

    breaks = "unscored_stays_unscored"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        inner = self.inner(query, documents, candidates, timeout)
        return inner.with_values(np.nan_to_num(inner.values))


class KeepsTheInstruction(_Around):
    """Names the instruction, and hands it to nobody.

    Args:
        reranker: Gives the scores.
    """

    breaks = "instruction_reaches_children"

    @hookimpl
    def score(self, query, documents, candidates, timeout, instruction):
        del instruction
        return self.inner(query, documents, candidates, timeout)


class RaisesForAll:
    """One query that fails is all that anybody hears of.

    Args:
        reranker: Gives the scores.
    """

    breaks = "each_query_has_its_own_error"
    options = {"reranker": "bm25"}

    def __init__(self, reranker: resift.Reranker) -> None:
        self.children = [reranker]

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        (child,) = self.children
        return child.score(query, documents, candidates, timeout=timeout)

    @hookimpl
    def score_many(self, queries, documents, timeout):
        (child,) = self.children
        answers = child.score_many(queries, documents, timeout=timeout)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


class ClosesItsChild(_Around):
    """Tidies up what it did not open.

    Args:
        reranker: Gives the scores.
    """

    breaks = "children_are_left_open"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        scores = self.inner(query, documents, candidates, timeout)
        self.reranker.plugins.hook.close()
        return scores


class CallsItAValueError(_Around):
    """A server that fails looks like a mistake of the caller.

    Args:
        reranker: Gives the scores.
    """

    breaks = "failing_children_are_told"

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        try:
            return self.inner(query, documents, candidates, timeout)
        except errors.BackendError as error:
            msg = "the child failed"
            raise ValueError(msg) from error


class AveragesWhatWorks:
    """A child that fails is left out of the mean, and nobody is told.

    Args:
        rerankers: Give the scores.
    """

    breaks = "failing_children_are_told"
    options = {"rerankers": ["bm25", "bm25"]}

    def __init__(self, rerankers: list[resift.Reranker]) -> None:
        self.children = rerankers

    @hookimpl
    def score(self, query, documents, candidates, timeout):
        given, failed = [], []
        for child in self.children:
            try:
                given.append(child.score(query, documents, candidates, timeout=timeout))
            except errors.BackendError as error:
                failed.append(error)
        if not given:
            raise failed[0]
        return np.mean([scores.values for scores in given], axis=0)


class _NamesAnother:
    @hookimpl(wrapper=True)
    def score(self):
        try:
            return (yield)
        except errors.BackendError as error:
            msg = "it failed"
            raise errors.ModelError(msg) from error


class WrapperThatNamesAnother:
    """A server that is out of order looks like a model that is wrong."""

    breaks = "wrapper_changes_no_answer"

    @staticmethod
    def target():
        return resift.load("bm25", config=None, wrappers=[_NamesAnother()])
