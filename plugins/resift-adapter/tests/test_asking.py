"""Retrievers side by side: a failure costs one list, and time is kept."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time

import pytest

import resift
from resift_adapter import aask, ask

PRIVATE = "a text that must not leave"


def fails():
    raise RuntimeError(PRIVATE)


async def afails():
    fails()


def in_both_ways(calls, **options):
    """Return what `ask` and `aask` say of the same functions."""

    def later(call):
        async def called():
            return call()

        return called

    asked = ask(calls, "Who", **options)
    return asked, asyncio.run(
        aask({name: later(call) for name, call in calls.items()}, "Who", **options)
    )


def test_all_run_at_the_same_time():
    """Each waits for the others, which would be forever one after another."""
    barrier = threading.Barrier(4)

    answers, notes = ask(dict.fromkeys("abcd", lambda: barrier.wait(20) >= 0), "Who")

    assert answers == dict.fromkeys("abcd", True)
    assert notes == ()


def test_tasks_run_at_the_same_time():
    """On the event loop, too."""

    async def main():
        barrier = asyncio.Barrier(4)

        async def call():
            return await barrier.wait() >= 0

        return await aask(dict.fromkeys("abcd", call), "Who", timeout=20)

    assert asyncio.run(main()) == (dict.fromkeys("abcd", True), ())


def test_no_more_run_at_once_than_allowed():
    """The limit is that of the caller's framework."""
    running, most = [], []

    def call():
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()

    ask(dict.fromkeys("abcdef", call), "Who", limit=2)

    assert max(most) <= 2


def test_tasks_are_limited_too():
    """By turns, on the event loop."""
    running, most = [], []

    async def call():
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0.01)
        running.pop()

    asyncio.run(aask(dict.fromkeys("abcdef", call), "Who", limit=2))

    assert max(most) == 2


def test_one_failure_costs_one_list(caplog):
    """A note and a warning name it and the kind of error, never its words."""
    note = "Who: 'b' failed (RuntimeError), so its list is missing"

    with caplog.at_level(logging.WARNING, "resift"):
        both = in_both_ways({"a": lambda: [1], "b": fails, "c": list})

    for answers, notes in both:
        assert answers == {"a": [1], "b": None, "c": []}
        assert notes == (note,)
        assert notes[0].code == "list-missing"
    assert caplog.messages == [note, note]


@pytest.mark.parametrize("names", ["a", "ab"])
def test_where_all_fail_an_error_names_them(names):
    """The errors themselves are its cause."""
    message = ", ".join(f"{name!r} (RuntimeError)" for name in names)

    for call in (
        lambda: ask(dict.fromkeys(names, fails), "Who"),
        lambda: asyncio.run(aask(dict.fromkeys(names, afails), "Who")),
    ):
        with pytest.raises(resift.BackendError) as caught:
            call()
        assert str(caught.value) == f"Who: no retriever answered: {message}."
        cause = caught.value.__cause__
        errors = getattr(cause, "exceptions", (cause,))
        assert [type(error) for error in errors] == [RuntimeError] * len(names)


def test_who_takes_too_long_is_not_waited_for():
    """In a thread it goes on alone."""
    release = threading.Event()

    start = time.monotonic()
    answers, notes = ask(
        {"slow": lambda: release.wait(60), "quick": lambda: 1}, "Who", timeout=0.1
    )
    took = time.monotonic() - start
    release.set()

    assert answers == {"slow": None, "quick": 1}
    assert notes == (
        "Who: 'slow' failed (no answer within 0.1 s), so its list is missing",
    )
    assert took < 60


def test_a_single_one_has_its_time_too():
    """Where it is late, there is no answer."""
    release = threading.Event()

    with pytest.raises(resift.BackendError) as caught:
        ask({"slow": lambda: release.wait(60)}, "Who", timeout=0.05)
    release.set()

    assert str(caught.value) == (
        "Who: no retriever answered: 'slow' (no answer within 0.05 s)."
    )


def test_a_late_task_is_cancelled():
    """On the event loop nothing goes on."""
    heard = []

    async def slow():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async def quick():
        return 1

    answers, notes = asyncio.run(
        aask({"slow": slow, "quick": quick}, "Who", timeout=0.1)
    )

    assert answers == {"slow": None, "quick": 1}
    assert len(notes) == 1
    assert heard == ["cancelled"]


def test_cancelling_the_caller_cancels_all():
    """No task is left behind."""
    heard = []

    async def slow():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async def main():
        task = asyncio.ensure_future(aask({"a": slow, "b": slow}, "Who"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(main())

    assert heard == ["cancelled"] * 2


def test_the_context_of_the_caller_reaches_the_threads():
    """Traces and configurations stand in context variables."""
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)

    answers, _ = ask({"a": variable.get, "b": variable.get}, "Who")

    assert answers == {"a": 7, "b": 7}
