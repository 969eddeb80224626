"""`batch`: calls that come together go together."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import resift
from resift.testing import CompositeSuite
from resift_serve.batch import Batch

DOCUMENTS = ["a", "bbb", "cc"]


class Device:
    """Takes one call at a time, and remembers how many it got."""

    pointwise = True

    def __init__(self, seconds=0.0, broken=()):
        self.seconds, self.broken = seconds, broken
        self.calls = []
        self._one = threading.Lock()

    @resift.hookimpl
    def score_many(self, queries, documents, instruction):
        with self._one:
            self.calls.append((list(queries), instruction))
            time.sleep(self.seconds)
            if set(queries) & set(self.broken):
                raise RuntimeError("broken")
            return [[float(len(d)) for d in texts] for texts in documents]


def together(reranker, n, ask=None):
    """Ask *n* times at once; return the answers."""
    gate = threading.Barrier(n)

    def one(i):
        gate.wait()
        try:
            return (ask or reranker.rank)(f"q{i}", DOCUMENTS)
        except Exception as error:  # noqa: BLE001  # compared by the test
            return error

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


def test_thirty_two_callers_of_a_cascade_are_a_few_calls():
    """A device that takes one call at a time gets at most a third of the calls."""
    device = Device(seconds=0.02)
    batch = resift.Reranker(Batch(resift.Reranker(device)))
    cascade = resift.load("cascade", stages=["bm25", batch], keep=[3], config=None)

    answers = together(cascade, 32)

    expected = cascade.rank("q0", DOCUMENTS)
    assert [[d.index for d in answer] for answer in answers] == [
        [d.index for d in expected]
    ] * 32
    assert len(device.calls) - 1 <= 32 / 3


def test_how_many_went_together_is_explained():
    """Each answer says how many calls its pack had, one for a caller alone."""
    device = Device(seconds=0.02)
    batch = resift.Reranker(Batch(resift.Reranker(device)))

    answers = together(batch, 8)

    packs = sorted(len(queries) for queries, _ in device.calls)
    told = sorted(int(answer[0].columns["_batch_calls"]) for answer in answers)
    assert told == [n for n in packs for _ in range(n)]
    assert batch.score("q", ["a"]).columns["_batch_calls"].to_pylist() == [1]


def test_a_single_caller_waits_for_nobody():
    """One request is one call, with its own documents."""
    device = Device()
    reranker = resift.Reranker(Batch(resift.Reranker(device)))

    ranked = reranker.rank("q", DOCUMENTS)

    assert [d.index for d in ranked] == [1, 2, 0]
    assert device.calls == [(["q"], None)]


def test_one_broken_query_costs_itself_alone():
    """The others of its pack are asked again, each by itself."""
    device = Device(seconds=0.02, broken=["q3"])
    reranker = resift.Reranker(Batch(resift.Reranker(device)))

    answers = together(reranker, 8)

    failed = [i for i, a in enumerate(answers) if isinstance(a, Exception)]
    assert failed == [3]
    assert str(answers[3]) == "broken"


def test_a_pack_has_at_most_so_many_documents():
    """What is more waits for the next."""
    device = Device(seconds=0.02)
    reranker = resift.Reranker(Batch(resift.Reranker(device), max_documents=6))

    together(reranker, 9)

    assert max(len(queries) for queries, _ in device.calls) <= 2


def test_other_instructions_go_in_another_pack():
    """Nobody's instruction reaches another's documents."""
    device = Device(seconds=0.02)
    reranker = resift.Reranker(Batch(resift.Reranker(device)))

    def ask(query, documents):
        return reranker.rank(query, documents, instruction=f"i{int(query[1:]) % 2}")

    together(reranker, 8, ask)

    for queries, instruction in device.calls:
        assert {f"i{int(q[1:]) % 2}" for q in queries} == {instruction}


def test_a_call_waits_no_longer_than_it_has_time():
    """It is taken out of the queue, and never computed."""
    device = Device(seconds=0.3)
    reranker = resift.Reranker(Batch(resift.Reranker(device)))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reranker.rank, "first", DOCUMENTS)
        while not device.calls:
            time.sleep(0.005)
        with pytest.raises(resift.BackendTimeoutError):
            reranker.rank("late", DOCUMENTS, timeout=0.05)
        first.result()

    assert [queries for queries, _ in device.calls] == [["first"]]


def test_a_reranker_of_columns_is_refused():
    """Candidates of several queries cannot be packed."""
    with pytest.raises(resift.OptionsError, match="must read nothing but text"):
        resift.load("batch", reranker={"use": "mmr"}, config=None)


class TestBatch(CompositeSuite):
    """The contract of a reranker around another."""

    name = "batch"
    options = {"reranker": "bm25"}
