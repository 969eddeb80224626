"""Searches against the clock: what hangs is left behind, and the rest answers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import lancedb
import numpy as np
import pytest
from lancedb.index import FTS

import resift
import resift.lancedb
from embedding import embed_by
from resift.errors import BackendTimeoutError
from resift.lancedb import running
from resift.notes import notes_of
from resift.threads import NoWorkerError, OverdueError

VECTOR = [1.0, 0.0]


@pytest.fixture
def hanging(embedding_table, monkeypatch):
    """Return a table whose embedding function hangs until the test is over."""
    embedding_table.create_index("text", config=FTS())
    released = threading.Event()

    def hang(self, query, *args, **kwargs):
        released.wait(20)
        return [np.array([1.0, 0.0])]

    embed_by(monkeypatch, hang)
    yield embedding_table
    released.set()


def test_a_hanging_leg_times_out(embedding_table, monkeypatch):
    """A leg that does not answer in time is left out of the answer."""
    embedding_table.create_index("text", config=FTS())
    released = threading.Event()

    def hang(self, query, *args, **kwargs):
        released.wait(5)
        return [np.array([1.0, 0.0])]

    embed_by(monkeypatch, hang)
    started = time.monotonic()

    page = resift.lancedb.search(embedding_table, "apple", timeout=0.5)

    released.set()
    assert time.monotonic() - started < 3
    assert page["id"].to_pylist() == [1, 7]
    assert notes_of(page) == [
        "search: leg 'vector' timed out (TimeoutError: no answer in time); the "
        "answer is partial"
    ]


class Slow:
    """Honours its timeout, as a network plugin does, or not."""

    def __init__(self, *, honours: bool) -> None:
        self.given: list[float] = []
        self.honours = honours

    @resift.hookimpl
    def score(self, query, documents, timeout):
        self.given.append(timeout)
        time.sleep(timeout if self.honours else 3)
        msg = "slow: no answer in time"
        raise BackendTimeoutError(msg)


def test_a_hanging_leg_leaves_time_to_score(hanging):
    """The legs never get all the time where scoring follows."""
    quick = Slow(honours=True)
    quick.score = lambda: None  # it is asked for its time only

    class Asked:
        @resift.hookimpl
        def score(self, documents, timeout):
            quick.given.append(timeout)
            return [float(len(text)) for text in documents]

    page = resift.lancedb.search(
        hanging, "apple", reranker=resift.Reranker(Asked()), timeout=0.6
    )

    assert 0.05 < quick.given[0] < 0.3
    assert page["id"].to_pylist() == [1, 7]
    assert page["_relevance_score"].null_count == 0


@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_rows_are_not_lost_where_scoring_takes_too_long(table, honours, is_async):
    """They come in merged order, unscored, and the notes say why."""
    reranker = resift.Reranker(Slow(honours=honours), name="slow", merge="dbsf")
    started = time.monotonic()
    options = {"reranker": reranker, "vectors": VECTOR, "timeout": 0.4, "limit": 3}
    options["min_score"] = 0.5  # nothing is scored, so nothing is cut

    if is_async:
        page = asyncio.run(resift.lancedb.asearch(table, "apple", **options))
    else:
        page = resift.lancedb.search(table, "apple", **options)

    assert time.monotonic() - started < 2
    merged = resift.lancedb.search(
        table, "apple", reranker="dbsf", vectors=VECTOR, limit=3
    )
    assert page["id"].to_pylist() == merged["id"].to_pylist()
    assert page["_relevance_score"].null_count == 3
    note, _ = notes_of(page)
    assert note.startswith("search: slow had not scored in time (")
    assert note.endswith("); the rows are in merged order")


def test_a_timeout_of_the_backends_own_is_raised(table):
    """Nobody set a limit to the search, so nobody expects a partial answer."""

    class Down:
        @resift.hookimpl
        def score(self, documents):
            msg = "down: no answer"
            raise BackendTimeoutError(msg)

    with pytest.raises(BackendTimeoutError, match="down: no answer"):
        resift.lancedb.search(table, "apple", reranker=resift.Reranker(Down()))


@pytest.mark.parametrize("failure", ["raises", "hangs"])
@pytest.mark.parametrize("is_async", [True, False])
def test_the_page_is_not_lost_for_its_vectors(
    table, tmp_path, monkeypatch, failure, is_async
):
    """Vectors that cannot be read are null, with a note."""

    def take(self, ids):
        if failure == "raises":
            msg = "network"
            raise RuntimeError(msg)
        return Never()

    class Never:
        def with_row_id(self):
            return self

        def select(self, columns):
            return self

        def to_arrow(self):
            return asyncio.sleep(3) if is_async else time.sleep(3)

    options = {
        "vectors": VECTOR,
        "select": ["id", "vector"],
        "timeout": 0.5,
        "limit": 2,
    }

    if is_async:

        async def run():
            opened = await (await lancedb.connect_async(tmp_path)).open_table("rows")
            monkeypatch.setattr(type(opened), "take_row_ids", take)
            return await resift.lancedb.asearch(opened, "apple", **options)

        page = asyncio.run(run())
    else:
        monkeypatch.setattr(type(table), "take_row_ids", take)
        page = resift.lancedb.search(table, "apple", **options)

    assert page["id"].to_pylist() == [1, 7]
    assert page["vector"].null_count == 2
    (note,) = notes_of(page)
    why = {"raises": "RuntimeError: network", "hangs": "TimeoutError"}[failure]
    if failure == "hangs" and not is_async:
        why = "OverdueError"
    assert note == f"search: vector could not be read ({why}), and is null"


def test_hanging_embedders_do_not_hold_up_other_async_searches(hanging):
    """They have threads of their own, not those of the event loop."""

    async def many():
        started = time.monotonic()
        pages = await asyncio.gather(
            *(resift.lancedb.asearch(hanging, "apple", timeout=1.0) for _ in range(20))
        )
        return time.monotonic() - started, pages

    seconds, pages = asyncio.run(many())

    assert seconds < 4
    assert all(page["id"].to_pylist() == [1, 7] for page in pages)


@pytest.mark.slow
def test_a_hanging_leg_does_not_keep_the_process_alive(tmp_path, rows):
    """Its thread is a daemon, and the end of the process waits a second at most."""
    lancedb.connect(tmp_path).create_table("rows", rows).create_index(
        "text", config=FTS()
    )
    code = (
        "import sys, time, lancedb, resift.lancedb\n"
        "from resift.lancedb import legs, search as s\n"
        f"table = lancedb.connect({str(tmp_path)!r}).open_table('rows')\n"
        "s.embedded = lambda leg, query: time.sleep(60)\n"
        "resift.lancedb.search(table, 'apple', vectors=[1.0, 0.0], timeout=3)\n"
    )
    started = time.monotonic()

    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)

    assert time.monotonic() - started < 40


def test_a_missing_module_is_not_asked_for_again(embedding_table, monkeypatch):
    """LanceDB would wait minutes for a package that nobody installs meanwhile."""
    embedding_table.create_index("text", config=FTS())
    asked = []

    def fail(self, query, *args, **kwargs):
        asked.append(query)
        msg = "No module named 'openai'"
        raise ModuleNotFoundError(msg)

    embed_by(monkeypatch, fail)

    page = resift.lancedb.search(embedding_table, "apple")

    assert asked == ["apple"]
    assert notes_of(page) == [
        "search: leg 'vector' failed (ModuleNotFoundError: No module named 'openai'); "
        "the answer is partial"
    ]


def test_what_hangs_leaves_the_threads_of_others_free(table):
    """Each reranker has its own: one that never answers is nobody else's trouble."""
    released = threading.Event()

    def hang(query, documents):
        released.wait(20)
        return [0.0] * len(documents)

    hanging, healthy = resift.Reranker(hang), resift.load("bm25", config=None)
    try:
        pool, overdue = running.workers_of(hanging, "score"), 0
        while overdue < running._MOST:
            try:
                pool.run(lambda: hang("", ""), 0.001)
            except OverdueError:
                overdue += 1
            except NoWorkerError:  # not even started in time
                continue
        options = {"vectors": False, "timeout": 5}
        page = resift.lancedb.search(table, "apple", reranker=healthy, **options)
        refused = resift.lancedb.search(table, "apple", reranker=hanging, **options)
    finally:
        released.set()

    assert page["_relevance_score"].null_count == 0
    assert notes_of(page) == []
    assert "AllHangError" in notes_of(refused)[0]


def test_threads_go_with_their_owner():
    """A table that is opened for every request must not leave its threads behind."""

    class Owner: ...

    owner = Owner()
    key = id(owner), "leg"

    assert running.workers_of(owner, "leg") is running.workers_of(owner, "leg")
    assert key in running._pools
    del owner
    assert key not in running._pools


def test_an_owner_without_weak_references_has_threads_all_the_same():
    """A proxy with slots around a table, say."""

    class Slotted:
        __slots__ = ()

    assert running.workers_of(Slotted(), "leg").run(lambda: 7, 1) == 7


@pytest.mark.parametrize("is_scorer", [True, False])
def test_a_slow_merger_is_waited_for_once(table, is_scorer):
    """Behind a scorer rrf takes its place in the end; alone it is all there is."""
    calls = []

    class Slow:
        @resift.hookimpl
        def merge(self, rankings, n_documents):
            calls.append(n_documents)
            time.sleep(0.6)
            return np.zeros(n_documents)

    reranker = resift.Reranker(Slow())
    if is_scorer:
        reranker = resift.load("bm25", config=None, merge=Slow())
    started = time.monotonic()

    page = resift.lancedb.search(
        table, "apple", reranker=reranker, vectors=VECTOR, timeout=0.3
    )

    assert time.monotonic() - started < 1.1
    assert len(page) == 8
    assert page["_relevance_score"].null_count == (8 if is_scorer else 0)
    assert len(calls) == (2 if is_scorer else 1)


def test_a_table_that_does_not_tell_its_columns_is_not_waited_for(table, monkeypatch):
    """Nothing can be planned without them."""
    monkeypatch.setattr(type(table), "list_indices", lambda self: time.sleep(3))
    started = time.monotonic()

    with pytest.raises(BackendTimeoutError) as error:
        resift.lancedb.search(table, "apple", timeout=0.2)

    assert time.monotonic() - started < 2
    assert str(error.value) == "search: the table did not tell its columns in time."


def test_what_the_backend_says_of_its_timeout_is_noted(table):
    """By `search` and `asearch` in the same words."""

    class Down:
        @resift.hookimpl
        def score(self, documents):
            msg = "down: no answer in 1 s"
            raise BackendTimeoutError(msg)

    options = {
        "reranker": resift.Reranker(Down(), name="down"),
        "timeout": 5,
        "vectors": False,
    }
    note = (
        "search: down had not scored in time (down: no answer in 1 s); the rows are in "
        "merged order"
    )

    assert notes_of(resift.lancedb.search(table, "apple", **options)) == [note]
    page = asyncio.run(resift.lancedb.asearch(table, "apple", **options))
    assert notes_of(page) == [note]


@pytest.mark.slow
def test_a_cancelled_asearch_does_not_keep_the_process_alive(tmp_path, rows):
    """Without a limit, too, what still runs is a daemon."""
    lancedb.connect(tmp_path).create_table("rows", rows).create_index(
        "text", config=FTS()
    )
    code = (
        "import asyncio, time, lancedb, resift, resift.lancedb\n"
        "def hang(query, documents): time.sleep(60)\n"
        "async def main():\n"
        f"    db = await lancedb.connect_async({str(tmp_path)!r})\n"
        "    table = await db.open_table('rows')\n"
        "    task = asyncio.ensure_future(resift.lancedb.asearch(\n"
        "        table, 'apple', reranker=resift.Reranker(hang)))\n"
        "    await asyncio.sleep(1)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    started = time.monotonic()

    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)

    assert time.monotonic() - started < 40


def test_an_owner_may_end_while_the_threads_of_another_are_made(monkeypatch):
    """The garbage collector may end an owner inside `workers_of`: no deadlock."""

    class Owner:
        """What has threads of its own."""

    class Ending(running.Workers):
        """Threads whose making ends the last owner."""

        def __init__(self, limit, name):
            owners.clear()
            super().__init__(limit, name)

    owners = [Owner()]
    ended = id(owners[0]), "search"
    running.workers_of(owners[0], "search")
    monkeypatch.setattr(running, "Workers", Ending)
    other = Owner()

    asking = threading.Thread(
        target=running.workers_of, args=(other, "search"), daemon=True
    )
    asking.start()
    asking.join(10)

    assert not asking.is_alive()
    assert ended not in running._pools
