"""Wrong in what they remember, change around them, and leave open."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import tempfile
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np

from resift import hookimpl
from resift.testing import word_overlap


def overlaps(query, documents):
    """Score right: what every class below gets wrong in a way of its own."""
    return [
        word_overlap(query, text) - min(len(text), 9000) / 1e6 for text in documents
    ]


class KeepsByFirstDocument:
    """Answers are kept by the query, the first document and their number."""

    breaks = "calls_stand_alone"

    def __init__(self) -> None:
        self._kept = {}

    @hookimpl
    def score(self, query, documents):
        key = (query, documents[0], len(documents), len(documents[-1]))
        return self._kept.setdefault(key, overlaps(query, documents))


class ReusesItsArray:
    """One array per size, written anew by each call."""

    breaks = "answers_are_not_reused"

    def __init__(self) -> None:
        self._local = threading.local()

    def __getstate__(self):
        return {}

    def __setstate__(self, state) -> None:
        self.__init__()

    @hookimpl
    def score(self, query, documents):
        kept = self._local.__dict__
        made = kept.setdefault(str(len(documents)), np.empty(len(documents)))
        made[:] = overlaps(query, documents)
        return made

    @hookimpl
    def score_many(self, queries, documents):
        return [overlaps(*pair) for pair in zip(queries, documents, strict=True)]


class StaysBroken:
    """One failure, and it gives up for good."""

    breaks = "failure_is_followed_by_success"

    def __init__(self) -> None:
        self._broken = False

    @hookimpl
    def score(self, query, documents):
        if self._broken:
            return [0.0] * len(documents)
        try:
            return overlaps(query, documents)
        except Exception:
            self._broken = True
            raise


class SharesItsCache:
    """The cache stands in the class, and knows no options.

    Args:
        sign: 1, or -1 for the other way round.
    """

    breaks = "instances_are_apart"
    pointwise = True
    _kept = {}

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    @hookimpl
    def score(self, query, documents):
        for text, score in zip(documents, overlaps(query, documents), strict=True):
            self._kept.setdefault((query, text), self.sign * score)
        return [self._kept[query, text] for text in documents]


class RunsALoop:
    """A client that knows only asyncio, run to its end."""

    breaks = "event_loop_is_no_obstacle"

    @hookimpl
    def score(self, query, documents):
        async def ask():
            return overlaps(query, documents)

        return asyncio.run(ask())


class SeedsTheWorld:
    """The seed is set for the whole process."""

    breaks = "process_is_left_as_it_was"

    @hookimpl
    def score(self, query, documents):
        random.seed(0)
        return overlaps(query, documents)


class NeedsAScoreFirst:
    """What the first score makes is all that is pickled."""

    breaks = "pickles_before_the_first_score"

    def __init__(self) -> None:
        self._bonus = None

    def __getstate__(self):
        return {"_bonus": 1.0 if self._bonus is None else 0.0}

    @hookimpl
    def score(self, query, documents):
        if self._bonus is None:
            self._bonus = 0.0
        made = overlaps(query, documents)
        return [
            self._bonus * len(text) + s for text, s in zip(documents, made, strict=True)
        ]


class SharesAPool:
    """One pool for all instances: in a forked process its thread is gone."""

    breaks = "forked_process_scores"
    _pool = ThreadPoolExecutor(1)

    @hookimpl
    def score(self, query, documents):
        return self._pool.submit(overlaps, query, documents).result()


class OpensEachTime:
    """A file is opened in each call, and never closed."""

    breaks = "calls_leave_nothing_open"
    _held = []

    @hookimpl
    def score(self, query, documents):
        self._held.append(os.open(os.devnull, os.O_RDONLY))
        return overlaps(query, documents)


class ForgetsToClose:
    """A file for life, which 'close' forgets."""

    breaks = "closing_leaves_nothing_open"
    _held = []

    def __init__(self) -> None:
        self._file = None

    @hookimpl
    def score(self, query, documents):
        if self._file is None:
            self._file = os.open(os.devnull, os.O_RDONLY)
            self._held.append(self._file)
        return overlaps(query, documents)


class LeavesItsLog:
    """A file of counts is left where temporary files go."""

    breaks = "calls_leave_no_files"

    def __init__(self) -> None:
        self._folder = tempfile.gettempdir()

    @hookimpl
    def score(self, query, documents):
        path = Path(self._folder, f"wrong-{id(query)}-{len(documents)}")
        path.write_text(str(len(documents)))
        return overlaps(query, documents)


class WritesBelowPython:
    """A library in C that prints."""

    breaks = "scoring_is_silent"

    @hookimpl
    def score(self, query, documents):
        os.write(1, b"loading\n")
        return overlaps(query, documents)


class LooksUpByBeginning:
    """Answers come back under the first 80 characters and the length."""

    breaks = "alike_texts_are_told_apart"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        keys = [(text[:80], len(text)) for text in documents]
        found = dict(zip(keys, overlaps(query, documents), strict=True))
        return [found[key] for key in keys]


class ComparesEachWithEach:
    """Pointwise scores, at a cost that grows with the square."""

    breaks = "cost_grows_with_documents"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        copies = [re.sub("x", "x", text) for text in documents]
        return [
            overlaps(query, [documents[copies.index(text)]])[0] for text in documents
        ]


class NormalisesKeys:
    """Answers are looked up by another form than they were kept under."""

    breaks = "answer_wins_anywhere"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        found = dict(zip(documents, overlaps(query, documents), strict=True))
        return [
            found.get(unicodedata.normalize("NFKC", text), -9.0) for text in documents
        ]


class CutsTheQuery:
    """The query is cut to forty characters."""

    breaks = "answer_wins_at_any_length"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        return overlaps(query[:40], documents)


class RoundsItsScores:
    """A share of words, clipped to what a test set once needed."""

    breaks = "more_of_it_scores_higher"
    pointwise = True

    @hookimpl
    def score(self, query, documents):
        return [min(word_overlap(query, text), 0.6) for text in documents]


class ReadsTheFirstOnly:
    """With 'top_k', only the first thirty are read."""

    breaks = "answer_wins_with_top_k"
    pointwise = True

    @hookimpl
    def score(self, query, documents, top_k):
        read = len(documents) if top_k is None else max(30, 4 * top_k)
        return dict(enumerate(overlaps(query, documents[:read])))


class RulesThemAll:
    """The options of the last instance count for all.

    Args:
        sign: 1, or -1 to turn the order round.
    """

    breaks = "instances_are_apart"
    given: ClassVar[dict[str, float]] = {}

    def __init__(self, sign: float = 1.0) -> None:
        self.given["sign"] = sign

    @hookimpl
    def score(self, query, documents):
        return [self.given["sign"] * s for s in overlaps(query, documents)]


class SetsWhatIsSet:
    """A variable that all later programs of this process see, set in each call."""

    breaks = "process_is_left_as_it_was"

    @hookimpl
    def score(self, query, documents):
        os.environ["RESIFT_CONTRACT_THREADS"] = "1"
        return overlaps(query, documents)


class TakesTheSignal:
    """Ctrl-C is ignored for good, wherever signals can be handled."""

    breaks = "process_is_left_as_it_was"

    @hookimpl
    def score(self, query, documents):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return overlaps(query, documents)
