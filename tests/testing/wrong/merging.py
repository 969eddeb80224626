"""Wrong in what they make of ranked lists."""

from __future__ import annotations

import numpy as np

from resift import hookimpl


def fused(rankings, n, contribution):
    """Add up what each list gives its documents."""
    scores = np.zeros(n)
    for ranking in rankings:
        scores[ranking.documents] += ranking.weight * contribution(ranking)
    return scores


def reciprocal(ranking):
    """Give what reciprocal rank fusion gives."""
    return 1 / (60 + np.arange(1, len(ranking) + 1))


def values(ranking):
    """Give scores, made up where there is an order only."""
    if ranking.scores is None:
        return -np.arange(1.0, len(ranking) + 1)
    return ranking.scores


class RanksTheConcatenation:
    """Ranks run through the lists laid end to end: the first list always wins."""

    breaks = "list_order_does_not_matter"

    @hookimpl
    def merge(self, rankings, n_documents):
        scores = np.zeros(n_documents)
        rank = 60
        for ranking in rankings:
            ranks = np.arange(rank + 1, rank + len(ranking) + 1)
            scores[ranking.documents] += ranking.weight / ranks
            rank += len(ranking)
        return scores


class KeepsTheFirstWord:
    """A document keeps what the first list says of it."""

    breaks = "list_order_does_not_matter"

    @hookimpl
    def merge(self, rankings, n_documents):
        scores = np.zeros(n_documents)
        for ranking in rankings:
            new = scores[ranking.documents] == 0
            given = ranking.weight * reciprocal(ranking)
            scores[ranking.documents[new]] = given[new]
        return scores


class IsAsLongAsTheLongest:
    """One score per row of the longest list, not per document of the union."""

    breaks = "one_score_per_union_document"

    @hookimpl
    def merge(self, rankings, n_documents):
        return fused(rankings, n_documents, reciprocal)[: max(map(len, rankings))]


class DividesByTheSpread:
    """A list of one score has no spread."""

    breaks = "one_score_per_union_document"

    @hookimpl
    def merge(self, rankings, n_documents):
        def stretched(ranking):
            scores = values(ranking)
            low, high = min(scores, default=0), max(scores, default=1)
            with np.errstate(invalid="ignore"):
                return (scores - low) / np.float64(high - low)

        return fused(rankings, n_documents, stretched)


class MinMaxOfOneRow:
    """A single hit counts as no hit."""

    breaks = "constant_list_counts"

    @hookimpl
    def merge(self, rankings, n_documents):
        def stretched(ranking):
            scores = values(ranking)
            spread = max(scores, default=0) / 2 - min(scores, default=0) / 2
            return (scores / 2 - min(scores, default=0) / 2) / (spread or 1.0)

        return fused(rankings, n_documents, stretched)


class SquaresScores:
    """Squares of huge scores are infinite."""

    breaks = "extreme_scores_stay_finite"

    @hookimpl
    def merge(self, rankings, n_documents):
        def steep(ranking):
            scores = values(ranking)
            with np.errstate(over="ignore"):
                length = np.sqrt((scores**2).sum())
            return reciprocal(ranking) + 0 * length

        return fused(rankings, n_documents, steep)


class WorksInPlace:
    """The host's own scores are halved."""

    breaks = "lists_are_not_changed"

    @hookimpl
    def merge(self, rankings, n_documents):
        for ranking in rankings:
            scores = values(ranking)
            scores *= 0.5
        return fused(rankings, n_documents, reciprocal)


class TakesScoresForDistances:
    """The worst of a list comes first."""

    breaks = "single_list_keeps_its_order"

    @hookimpl
    def merge(self, rankings, n_documents):
        return fused(rankings, n_documents, lambda r: np.arange(1.0, len(r) + 1))


class PunishesTheFound:
    """A negative score counts for less than no score at all."""

    breaks = "found_beats_missing"

    @hookimpl
    def merge(self, rankings, n_documents):
        return fused(rankings, n_documents, lambda r: np.tanh(values(r) / 1e9))


class NeverWeighs:
    """Weights are not read."""

    breaks = "weights_count"

    @hookimpl
    def merge(self, rankings, n_documents):
        scores = np.zeros(n_documents)
        for ranking in rankings:
            scores[ranking.documents] += reciprocal(ranking)
        return scores


class AddsRawScores:
    """A score of 9 outweighs one of 0.9, whatever their scales are."""

    breaks = "shift_and_scale_change_nothing"
    affine_invariant = True

    @hookimpl
    def merge(self, rankings, n_documents):
        def lifted(ranking):
            scores = values(ranking) / 4
            return scores - min(scores, default=0) + 1e-3

        return fused(rankings, n_documents, lifted)


class LooksUpInALoop:
    """Each document is looked for from the start of its list."""

    breaks = "deep_lists_are_merged"

    @hookimpl
    def merge(self, rankings, n_documents):
        scores = np.zeros(n_documents)
        for ranking in rankings:
            documents = ranking.documents.tolist()
            for document in documents:
                rank = 61 + documents.index(document)
                scores[document] += ranking.weight / rank
        return scores


class NeedsARow:
    """The least score of a list that lost all its rows."""

    breaks = "dirty_lists_are_merged"

    @hookimpl
    def merge(self, rankings, n_documents):
        for ranking in rankings:
            if ranking.scores is not None:
                ranking.scores.min()
        return fused(rankings, n_documents, reciprocal)


class JoinsAllLists:
    """Of three lists and more, only what all of them found counts."""

    breaks = "every_list_counts"

    @hookimpl
    def merge(self, rankings, n_documents):
        made, held = np.zeros(n_documents), np.zeros(n_documents)
        for r in rankings:
            made[r.documents] += r.weight / (60 + np.arange(len(r)))
            held[r.documents] += 1
        return made if len(rankings) < 3 else np.where(held == len(rankings), made, 0)


class RemembersTheRange:
    """Scores are stretched by the greatest that was ever seen."""

    breaks = "merges_stand_alone"

    def __init__(self) -> None:
        self._greatest = 100.0

    @hookimpl
    def merge(self, rankings, n_documents):
        made = np.zeros(n_documents)
        for r in rankings:
            if r.scores is not None and len(r):
                top = float(np.clip(r.scores.max(), -1e9, 1e9))
                self._greatest = max(self._greatest, top)
            made[r.documents] += r.weight / (60 + np.arange(len(r)))
        return made * self._greatest


class CountsTheWords:
    """Weighs by the words of the query."""

    breaks = "query_may_be_missing"

    @hookimpl
    def merge(self, rankings, n_documents, query):
        made = np.zeros(n_documents)
        for r in rankings:
            made[r.documents] += r.weight / (60 + np.arange(len(r)))
        return made / len(query.split())


class DividesByTheWeights:
    """A weighted mean, also of nothing."""

    breaks = "weights_may_be_zero"

    @hookimpl
    def merge(self, rankings, n_documents):
        made = np.zeros(n_documents)
        for r in rankings:
            made[r.documents] += r.weight / (60 + np.arange(len(r)))
        with np.errstate(invalid="ignore"):
            return made / sum(r.weight for r in rankings)


class BreaksTiesByNumber:
    """Equal scores rank by their position in the union, not in their list."""

    breaks = "drawn_lists_merge_alike"

    @hookimpl
    def merge(self, rankings, n_documents):
        merged = np.zeros(n_documents)
        for ranking in rankings:
            order = np.arange(len(ranking))
            if ranking.scores is not None:
                order = np.lexsort((ranking.documents, -ranking.scores))
            places = 61 + np.arange(len(ranking))
            merged[ranking.documents[order]] += ranking.weight / places
        return merged
