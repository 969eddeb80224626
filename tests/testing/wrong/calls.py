"""Wrong in how they take part in a program: calls, threads, failures, life."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time

from resift import hookimpl
from resift.errors import ServerError
from resift.testing import word_overlap


def overlaps(query, documents):
    """Score right: what every class below gets wrong in a way of its own."""
    return [word_overlap(query, text) - len(text) / 1e6 for text in documents]


class AnswersByRank:
    """The best few come back, numbered by rank instead of by document."""

    breaks = "top_k_is_a_hint"

    @hookimpl
    def score(self, query, documents, top_k):
        scores = overlaps(query, documents)
        best = sorted(scores, reverse=True)[:top_k]
        return dict(enumerate(best)) if top_k else scores


class ReturnsTheBestOnly:
    """A list as short as the backend's answer."""

    breaks = "top_k_is_a_hint"

    @hookimpl
    def score(self, query, documents, top_k):
        return overlaps(query, documents)[:top_k]


class KeepsTheWrongFew:
    """The first few are scored, not the best few."""

    breaks = "top_k_is_a_hint"

    @hookimpl
    def score(self, query, documents, top_k):
        scores = dict(enumerate(overlaps(query, documents)))
        return {i: scores[i] for i in list(scores)[:top_k]}


class KeepsOneLess:
    """One less than was asked for."""

    breaks = "top_k_is_a_hint"

    @hookimpl
    def score(self, query, documents, top_k):
        scores = dict(enumerate(overlaps(query, documents)))
        best = sorted(scores, key=scores.get, reverse=True)
        return {i: scores[i] for i in best[: top_k and max(top_k - 1, 1)]}


class KeepsTheFew:
    """What was left out for 'top_k' is left out for good."""

    breaks = "top_k_is_a_hint"

    def __init__(self) -> None:
        self.kept = {}

    @hookimpl
    def score(self, query, documents, top_k):
        key = (query, tuple(documents))
        if key not in self.kept:
            scores = dict(enumerate(overlaps(query, documents)))
            best = sorted(scores, key=scores.get, reverse=True)[:top_k]
            self.kept[key] = {i: scores[i] for i in best}
        return self.kept[key]


class AnswersOneQuery:
    """All pairs in one list, as if they were one query's."""

    breaks = "score_many_agrees_with_score"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents)

    @hookimpl
    def score_many(self, queries, documents):
        return [
            s for q, d in zip(queries, documents, strict=True) for s in overlaps(q, d)
        ]


class CachesByTextAlone:
    """One table of scores for the texts of all queries."""

    breaks = "score_many_agrees_with_score"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents)

    @hookimpl
    def score_many(self, queries, documents):
        known = {}
        for query, texts in zip(queries, documents, strict=True):
            known.update(zip(texts, overlaps(query, texts), strict=True))
        return [[known[text] for text in texts] for texts in documents]


class CutsPairsEvenly:
    """The flat list of pairs is cut into equal parts, whatever the queries hold."""

    breaks = "score_many_agrees_with_score"

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents)

    @hookimpl
    def score_many(self, queries, documents):
        flat = [
            s for q, d in zip(queries, documents, strict=True) for s in overlaps(q, d)
        ]
        size = -(-len(flat) // len(queries))
        return [flat[i : i + size] for i in range(0, len(flat), size)]


class Prints:
    """Peers 18 and 20: what the model said goes to the screen."""

    breaks = "scoring_is_silent"

    @hookimpl
    def score(self, query, documents):
        sys.stdout.write("scoring ...\n")
        return overlaps(query, documents)


class LogsTheRequest:
    """The request is logged whole, documents and all."""

    breaks = "scoring_is_silent"

    @hookimpl
    def score(self, query, documents):
        logging.getLogger("wrong").debug("POST /rerank %s", documents)
        return overlaps(query, documents)


class KeepsTheQuery:
    """The query of one thread is read by another."""

    breaks = "threads_do_not_mix"

    @hookimpl
    def score(self, query, documents):
        self.query = query
        time.sleep(0.002)
        return overlaps(self.query, documents)


class KeepsAConnection:
    """A connection that only the thread which opened it may use."""

    breaks = "threads_do_not_mix"

    def __init__(self) -> None:
        self.thread: int | None = None

    @hookimpl
    def score(self, query, documents):
        self.thread = self.thread or threading.get_ident()
        if self.thread != threading.get_ident():
            msg = "objects created in a thread can only be used in that same thread"
            raise RuntimeError(msg)
        time.sleep(0.002)
        return overlaps(query, documents)


class ForwardsAttributes:
    """Peer 16: unpickling asks for an attribute before there is one to ask."""

    breaks = "pickles_or_refuses"

    def __init__(self) -> None:
        self.model = overlaps

    def __getattr__(self, name):
        return getattr(self.model, name)

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents)


class ForgetsItsWeights:
    """What is loaded at first use is dropped when pickled, and never loaded again."""

    breaks = "pickles_or_refuses"

    def __init__(self) -> None:
        self.weights = [1.0]

    def __getstate__(self):
        return {"weights": []}

    @hookimpl
    def score(self, query, documents):
        return [score * sum(self.weights) for score in overlaps(query, documents)]


class WarmsUpToOtherScores:
    """The weights that `warmup` loads are not those that the first score loads."""

    breaks = "warms_up_and_closes"

    def __init__(self) -> None:
        self.weight = 1.0

    @hookimpl
    def warmup(self):
        self.weight = 0.5

    @hookimpl
    def score(self, query, documents):
        return [score * self.weight for score in overlaps(query, documents)]


class ClosesTwice:
    """The client is gone the second time."""

    breaks = "warms_up_and_closes"

    def __init__(self) -> None:
        self.client = object()

    @hookimpl
    def score(self, query, documents):
        return overlaps(query, documents)

    @hookimpl
    def close(self):
        del self.client


class _Remote:
    def __init__(self, base_url: str | None = None) -> None:
        """Take the address.

        Args:
            base_url: Where the server is.
        """
        self.base_url = base_url

    def ask(self):
        if self.base_url is not None:
            host, port = self.base_url.removeprefix("http://").split(":")
            socket.create_connection((host, int(port)), timeout=1).close()


class ReturnsNoneOnFailure(_Remote):
    """Peer 12: nothing is raised for a failed request."""

    breaks = "failure_is_a_backend_error"

    @hookimpl
    def score(self, query, documents):
        try:
            self.ask()
        except OSError:
            return None
        return overlaps(query, documents)


class ReturnsZerosOnFailure(_Remote):
    """A failure looks like documents that are all irrelevant."""

    breaks = "failure_is_a_backend_error"

    @hookimpl
    def score(self, query, documents):
        try:
            self.ask()
        except OSError:
            return [0.0] * len(documents)
        return overlaps(query, documents)


class LetsErrorsThrough(_Remote):
    """Peers 12 and 15: the library's own error comes through."""

    breaks = "failure_is_a_backend_error"

    @hookimpl
    def score(self, query, documents):
        try:
            self.ask()
        except OSError:
            {}["results"]
        return overlaps(query, documents)


class RaisesOnFailure(_Remote):
    """Right: a typed error. It breaks nothing."""

    breaks = None

    @hookimpl
    def score(self, query, documents):
        try:
            self.ask()
        except OSError as error:
            raise ServerError(str(error)) from error
        return overlaps(query, documents)


class ReadsTheDistance:
    """A full-text search has no distance."""

    breaks = "lancedb_searches_are_reranked"

    @hookimpl
    def score(self, query, documents, candidates):
        scores = overlaps(query, documents)
        if candidates is None:
            return scores
        near = candidates["_distance"].to_pylist()
        return [score + 0 * (d or 0) for score, d in zip(scores, near, strict=True)]


class CrashesOnMetadata:
    """Peer 11: a misspelt attribute, met only where documents have other columns."""

    breaks = "lancedb_searches_are_reranked"

    @hookimpl
    def score(self, query, documents, candidates):
        if candidates is not None:
            candidates.meatadata.get("id")
        return overlaps(query, documents)
