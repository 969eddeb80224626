"""`arank` and `arerank`: off the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import resift
from resift import Reranker
from samples import Fixed, Lengths, ids, table


def test_arank_and_arerank_return_what_rank_and_rerank_do():
    """The same arguments give the same result."""
    reranker = Reranker(Lengths())
    result = table("a", "ccc", "bb")

    async def main():
        return (
            await reranker.arank("q", ["a", "bb"], 1),
            await reranker.arerank("q", result, result, window=2, explain=True),
        )

    ranked, reranked = asyncio.run(main())

    assert ranked == reranker.rank("q", ["a", "bb"], 1)
    assert reranked.equals(reranker.rerank("q", result, result, window=2, explain=True))


def test_arank_many_returns_what_rank_many_does():
    """A list for lists; for an iterator, rankings to await, block by block."""
    reranker = Reranker(Lengths())
    documents = [["a", "bb"]] * 1_700
    read = []

    def queries():
        for n in range(1_700):
            read.append(threading.current_thread())
            yield f"q{n}"

    async def main():
        whole = await reranker.arank_many(["q"], [["a", "bb"]])
        stream = await reranker.arank_many(queries(), documents)
        first = await anext(stream)
        before = len(read)
        return whole, first, before, [first, *[ranking async for ranking in stream]]

    whole, first, before, rankings = asyncio.run(main())

    assert whole == reranker.rank_many(["q"], [["a", "bb"]]) == [first]
    assert before == 1_601  # of two documents each, and the next one
    assert rankings == whole * 1_700
    assert threading.main_thread() not in read


def test_the_event_loop_is_never_blocked():
    """While a plugin works, the loop goes on."""

    def slow(query, documents):
        time.sleep(0.3)
        return [1.0] * len(documents)

    async def main() -> int:
        work = asyncio.create_task(Reranker(slow).arank("q", ["a"]))
        beats = 0
        while not work.done():
            await asyncio.sleep(0.01)
            beats += 1
        return beats

    assert asyncio.run(main()) >= 5


@pytest.mark.parametrize("method", ["arank", "arerank"])
def test_an_executor_may_be_given(method):
    """The work runs on the caller's threads, if the caller has some."""
    names: list[str] = []

    def score(query, documents):
        names.append(threading.current_thread().name)
        return [1.0] * len(documents)

    argument = ["a"] if method == "arank" else table("a")

    async def main(executor) -> None:
        await getattr(Reranker(score), method)("q", argument, executor=executor)

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        asyncio.run(main(executor))

    assert names == ["mine_0"]


def test_context_variables_reach_the_plugin():
    """A request id set by the caller is seen in the worker thread."""
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    def score(query, documents):
        seen.append(request.get())
        return [1.0] * len(documents)

    async def main() -> None:
        request.set("r1")
        await Reranker(score).arank("q", ["a"])

    asyncio.run(main())

    assert seen == ["r1"]


def test_errors_reach_the_caller():
    """What fails in the thread is raised where it is awaited."""
    with pytest.raises(resift.ScoreError, match="got None"):
        asyncio.run(Reranker(Fixed(None)).arank("q", ["a"]))
    with pytest.raises(TypeError, match="unexpected keyword argument 'wndow'"):
        asyncio.run(Reranker(Fixed(None)).arerank("q", table("a"), wndow=1))


def test_cancelling_stops_the_waiting():
    """A timeout returns at once, though the thread works on."""
    done = threading.Event()

    def slow(query, documents):
        time.sleep(0.5)
        done.set()
        return [1.0] * len(documents)

    async def main() -> float:
        start = time.perf_counter()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Reranker(slow).arank("q", ["a"])
        return time.perf_counter() - start

    assert asyncio.run(main()) < 0.4
    assert done.wait(5)


def test_many_at_once():
    """Concurrent calls do not mix their results."""
    reranker = Reranker(Lengths())

    async def main():
        calls = [reranker.arerank("q", table("a" * i, "b" * 50)) for i in range(1, 40)]
        return await asyncio.gather(*calls)

    results = asyncio.run(main())

    assert [ids(result) for result in results] == [[2, 1]] * 39
    assert [result["text"][1].as_py() for result in results] == [
        "a" * i for i in range(1, 40)
    ]
