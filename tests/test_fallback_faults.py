"""`fallback` under fault: hangs, failures in a row, too many callers, and the exit."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

import resift
from resift.errors import BadRequestError, ServerError

DOCUMENTS = ["a blue whale", "the quick red fox", "a red car"]
NOTHING = "fallback: nothing is scored, the documents keep their order"


class Backend:
    """A reranker that scores by length, and does as it is told.

    Args:
        behave: Called before each answer: it may raise, or take its time.
    """

    def __init__(self, behave: Callable[[], object] = int) -> None:
        self.behave = behave
        self.calls = 0
        self.timeouts: list[float | None] = []

    @resift.hookimpl
    def score(
        self, query: str, documents: Sequence[str], timeout: float | None
    ) -> list[float]:
        self.calls += 1
        self.timeouts.append(timeout)
        self.behave()
        return [float(len(document)) for document in documents]


def named(plugin: object, name: str) -> resift.Reranker:
    return resift.Reranker(plugin, name=name)


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def fallback(*rerankers: object, **options: object) -> resift.Reranker:
    return resift.load("fallback", config=None, rerankers=list(rerankers), **options)


@pytest.fixture
def hang() -> Iterator[Callable[[], object]]:
    """Hangs until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """Import what ranking needs, so that no test counts the seconds it takes."""
    fallback("bm25").rank("fox", DOCUMENTS)


def test_a_call_that_hangs_is_left_when_its_share_is_over(
    hang: Callable[[], object],
) -> None:
    """Of two rerankers the first has half of the deadline."""
    backend = Backend(hang)
    reranker = fallback(named(backend, "slow"), "bm25", deadline=1.0)
    start = time.monotonic()

    ranked = reranker.rank("fox", DOCUMENTS)

    assert 0.4 < time.monotonic() - start < 1.0
    assert backend.timeouts[0] == pytest.approx(0.5, abs=0.1)
    assert ranked.notes[0].startswith("fallback: slow timed out after 0.")
    assert ranked.notes[1] == "fallback: bm25 answered instead"


def test_each_reranker_may_have_its_own_time(hang: Callable[[], object]) -> None:
    """A timeout of its own replaces the share; "share" stands for the share."""
    middle = Backend(hang)
    reranker = fallback(
        named(Backend(hang), "first"),
        named(middle, "middle"),
        "bm25",
        deadline=0.45,
        timeouts=[0.05, "share", "share"],
    )

    notes = reranker.rank("fox", DOCUMENTS).notes

    assert notes[0] == "fallback: first timed out after 0.05 s"
    assert middle.timeouts[0] == pytest.approx(0.2, abs=0.1)


def test_the_timeout_of_a_call_shortens_the_deadline(
    hang: Callable[[], object],
) -> None:
    """Whoever calls with less time gets the answer in that time."""
    reranker = fallback(named(Backend(hang), "slow"), deadline=60)
    start = time.monotonic()

    scores = reranker.score("fox", DOCUMENTS, timeout=0.05)

    assert time.monotonic() - start < 1
    assert scores.notes == ("fallback: slow timed out after 0.05 s", NOTHING)


def test_no_time_left_means_not_asked(hang: Callable[[], object]) -> None:
    """A reranker whose turn comes too late is not bothered."""
    last = Backend()
    reranker = fallback(
        named(Backend(hang), "slow"),
        named(last, "last"),
        deadline=0.05,
        timeouts=[1, "share"],
    )

    notes = reranker.rank("fox", DOCUMENTS).notes

    assert notes == (
        "fallback: slow timed out after 0.05 s",
        "fallback: last was not asked: no time was left",
        NOTHING,
    )
    assert last.calls == 0


def test_a_reranker_that_keeps_failing_is_left_alone() -> None:
    """After three failures it is no longer asked, and the notes say so."""
    broken = Backend(failing(ServerError("Down.")))
    reranker = fallback(named(broken, "broken"), "bm25", failures=3, pause=60)

    notes = [reranker.rank("fox", DOCUMENTS).notes[0] for _ in range(5)]

    assert notes == [
        *["fallback: broken failed: Down."] * 3,
        *["fallback: broken is left alone after 3 failures in a row"] * 2,
    ]
    assert broken.calls == 3


def test_a_reranker_comes_back_by_itself() -> None:
    """Once the pause is over one call finds it well, and all calls use it again."""
    backend = Backend(failing(ServerError("Down.")))
    reranker = fallback(named(backend, "shaky"), "bm25", failures=2, pause=0.05)
    for _ in range(4):
        reranker.rank("fox", DOCUMENTS)
    assert backend.calls == 2

    backend.behave = int
    time.sleep(0.06)

    assert [reranker.rank("fox", DOCUMENTS).notes for _ in range(3)] == [(), (), ()]


def test_a_hanging_reranker_is_left_alone_too(hang: Callable[[], object]) -> None:
    """Running out of time is a failure: the later calls do not wait."""
    backend = Backend(hang)
    reranker = fallback(
        named(backend, "slow"), "bm25", timeouts=[0.05, "share"], failures=2
    )
    for _ in range(2):
        reranker.rank("fox", DOCUMENTS)

    ranked = reranker.rank("fox", DOCUMENTS)

    assert ranked.notes[0] == "fallback: slow is left alone after 2 failures in a row"
    assert backend.calls == 2


def test_calls_that_hang_never_hold_more_threads_than_allowed(
    hang: Callable[[], object],
) -> None:
    """With every thread taken the reranker is passed over at once."""
    backend = Backend(hang)
    reranker = fallback(
        named(backend, "stuck"),
        "bm25",
        timeouts=[0.05, "share"],
        failures=99,
        concurrency=2,
    )
    for _ in range(2):
        reranker.rank("fox", DOCUMENTS)

    notes = reranker.rank("fox", DOCUMENTS).notes

    assert notes[0] == (
        "fallback: stuck was not asked: earlier calls of it hang in all of its threads"
    )
    threads = [t for t in threading.enumerate() if t.name == "resift-fallback-stuck"]
    assert len(threads) == 2


def test_no_free_thread_is_said(hang: Callable[[], object]) -> None:
    """A call that waits in vain for a thread is passed on, and is no failure."""
    backend = Backend(hang)
    reranker = fallback(
        named(backend, "busy"), deadline=0.2, failures=1, concurrency=1, pause=60
    )
    first = threading.Thread(target=reranker.rank, args=("fox", DOCUMENTS))
    first.start()
    while not backend.calls:
        time.sleep(0.001)

    scores = reranker.score("fox", DOCUMENTS, timeout=0.05)
    first.join()

    assert scores.notes == (
        "fallback: busy was not asked: no thread was free for 0.05 s",
        NOTHING,
    )


def test_a_rejected_request_does_not_count_against_the_reranker() -> None:
    """One user's bad request must not take the reranker away from the others."""
    backend = Backend(failing(BadRequestError("The query is too long.")))
    reranker = fallback(named(backend, "strict"), "bm25", failures=1, pause=60)

    notes = [reranker.rank("fox", DOCUMENTS).notes[0] for _ in range(3)]

    assert notes == ["fallback: strict failed: The query is too long."] * 3
    assert backend.calls == 3


def test_the_process_exits_although_a_call_hangs() -> None:
    """A reranker that never returns does not hold the exit."""
    program = (
        "import threading, resift\n"
        "def stuck(query, documents):\n"
        "    threading.Event().wait()\n"
        "reranker = resift.load(\n"
        "    'fallback', config=None, rerankers=[stuck, 'bm25'], deadline=0.2)\n"
        "print(reranker.rank('fox', ['whale', 'fox'])[0].document)\n"
    )
    start = time.monotonic()

    done = subprocess.run(  # our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("fox\n", "")
    assert time.monotonic() - start < 20


def test_sixteen_callers_get_complete_answers_in_time(
    hang: Callable[[], object],
) -> None:
    """With one reranker hanging and one failing now and then, nobody waits longer."""
    turn = iter(range(10_000_000))

    def shaky() -> None:
        if next(turn) % 3 == 0:
            msg = "Down."
            raise ServerError(msg)

    reranker = fallback(
        named(Backend(hang), "stuck"),
        named(Backend(shaky), "shaky"),
        "bm25",
        deadline=0.4,
        pause=0.1,
    )
    seconds, wrong = [], []

    def caller() -> None:
        for _ in range(10):
            start = time.monotonic()
            ranked = reranker.rank("red fox", DOCUMENTS)
            seconds.append(time.monotonic() - start)
            if len(ranked) != 3 or (ranked[0].index != 1) or not ranked.notes:
                wrong.append(ranked)

    callers = [threading.Thread(target=caller) for _ in range(16)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()

    assert wrong == []
    assert max(seconds) < 10  # that it does not hang; how fast is for the benchmark
