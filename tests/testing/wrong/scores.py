"""Wrong in the scores they return: how many, whose, and what they mean.

`breaks` is the one check of the contract that is meant to catch it. The numbers of
peers are those of the defects found in other libraries, of which these are twins.
"""

from __future__ import annotations

import numpy as np

from resift import Scores, hookimpl
from resift.testing import word_overlap


def overlaps(query, documents):
    """Score right: what every class below gets wrong in a way of its own."""
    return [word_overlap(query, text) - len(text) / 1e6 for text in documents]


class SortsItsScores:
    """Peer 4: sorted scores, zipped with documents in the order they came."""

    breaks = "scores_follow_documents"

    @hookimpl
    def score(self, query, documents):
        return sorted(overlaps(query, documents), reverse=True)


class SortsItsInput:
    """The longest text goes first into the batch, and its score out first."""

    breaks = "scores_follow_documents"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, sorted(documents, key=len, reverse=True))


class ScoresNothing:
    """Peer 2: the model is shown no document, and the incoming order comes back."""

    breaks = "scores_follow_documents"

    @hookimpl
    def score(self, query, documents):
        return [1 / rank for rank in range(1, len(documents) + 1)]


class ReturnsNone:
    """Peer 1: a missing dependency is printed elsewhere, and None returned."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return None


class ScoresPairsAsTwo:
    """Peer 8: the pair of query and document is read as two texts."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, [text for d in documents for text in (query, d)])


class ReturnsHalfPrecision:
    """Peer 8: a tensor of a type that numpy does not know."""

    breaks = "one_score_per_document"

    class Tensor:
        """What a model in half precision returns."""

        def __array__(self, dtype=None, copy=None):
            msg = "Got unsupported ScalarType BFloat16"
            raise TypeError(msg)

    @hookimpl
    def score(self, query, documents):
        return self.Tensor()


class SqueezesOne:
    """Peer 9: a batch of one loses its only dimension."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return np.squeeze(np.array(overlaps(query, documents)))


class LeavesOutTheWorst:
    """Peer 20: what is not relevant enough is not returned."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return [score for score in overlaps(query, documents) if score > 0]


class ReadsIds:
    """Peer 5: ids are read from candidates that plain strings do not have."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents, candidates):
        return [float(i) for i in candidates["id"].to_pylist()]


class GivesNotANumber:
    """NaN stands for a document that shares no word."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return [score if score > 0 else np.nan for score in overlaps(query, documents)]


class ScoresOneBatch:
    """What does not fit into the first batch is filled up with zeros."""

    breaks = "many_documents_are_scored"

    @hookimpl
    def score(self, query, documents):
        scores = overlaps(query, documents[:64])
        return scores + [0.0] * (len(documents) - len(scores))


class StopsAtTheLimit:
    """The server's limit is taken for the number of documents."""

    breaks = "many_documents_are_scored"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents[:100])


class ScoresSomeOnly:
    """A mapping without what the backend left out, though nobody asked for few."""

    breaks = "many_documents_are_scored"

    @hookimpl
    def score(self, query, documents):
        return dict(enumerate(overlaps(query, documents[:100])))


class RollsDice:
    """Dropout is left on."""

    breaks = "same_call_same_scores"

    @hookimpl
    def score(self, query, documents):
        dice = np.random.default_rng().random(len(documents))
        return overlaps(query, documents) + dice / 10


class PadsWrongly:
    """Peer 7: an average over padding depends on the longest of the batch."""

    breaks = "pointwise_scores_stand_alone"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        width = max(map(len, documents))
        return [score / width for score in overlaps(query, documents)]


class MinMaxOfOne:
    """A single good document becomes 0."""

    breaks = "single_document_keeps_its_score"
    score_kind = "similarity"

    @hookimpl
    def score(self, query, documents):
        scores = np.array(overlaps(query, documents))
        return (scores - scores.min()) / max(float(np.ptp(scores)), 1e-9)


class LogitsAsProbabilities:
    """The sigmoid is forgotten."""

    breaks = "probabilities_are_in_range"
    score_kind = "probability"

    @hookimpl
    def score(self, query, documents):
        return [10 * score - 3 for score in overlaps(query, documents)]


class ReturnsDistances:
    """Less is better, and nobody negates it."""

    breaks = "obvious_document_wins"

    @hookimpl
    def score(self, query, documents):
        return [1 - score for score in overlaps(query, documents)]


class SaysTooMuch:
    """One note too short: a column of extra output has one value for all."""

    breaks = "one_score_per_document"

    @hookimpl
    def score(self, query, documents):
        return Scores(np.array(overlaps(query, documents)), {"reason": ["good"]})


class StandardisesAndSquashes:
    """A sigmoid of how far a text lies above the mean, sold as a probability."""

    breaks = "single_document_keeps_its_score"
    score_kind = "probability"

    @hookimpl
    def score(self, query, documents):
        scores = np.array([word_overlap(query, text) for text in documents])
        return 1 / (1 + np.exp((scores.mean() - scores) / (scores.std() + 1e-9)))


class LeavesItsRange:
    """A dot product of vectors that are not of unit length."""

    breaks = "probabilities_are_in_range"
    score_kind = "similarity"
    score_range = (-1.0, 1.0)
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        return [3 * word_overlap(query, t) - len(t) / 1e6 for t in documents]
