"""Worker threads: bounded, used again, given up, and never in the way of the exit."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import threading
import time

import pytest

from resift import threads
from resift.threads import AllHangError, NoWorkerError, OverdueError, Workers


@pytest.fixture
def release() -> threading.Event:
    """Set to let calls go that wait for it."""
    return threading.Event()


def alive(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def until(condition: object, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.005)
    return bool(condition())  # type: ignore[operator]


def test_a_result_comes_back() -> None:
    """The caller gets what the function returns."""
    assert Workers(2, "result").run(lambda: 7, 1) == 7


def test_an_error_comes_back() -> None:
    """The caller gets what the function raises, a TimeoutError of its own included."""

    def fail() -> None:
        msg = "no answer"
        raise TimeoutError(msg)

    with pytest.raises(TimeoutError, match="no answer"):
        Workers(2, "error").run(fail, 1)


def test_context_variables_are_the_callers() -> None:
    """What tracing keeps in the context is seen in the thread."""
    variable = contextvars.ContextVar("variable", default="none")
    token = variable.set("mine")

    assert Workers(1, "context").run(variable.get, 1) == "mine"
    variable.reset(token)


def test_one_thread_serves_one_caller_for_ever() -> None:
    """Calls one after the other start one thread, not one each."""
    pool = Workers(8, "serial")

    names = {pool.run(threading.get_ident, 1) for _ in range(200)}

    assert len(names) == 1
    assert alive("serial") == 1


def test_an_overdue_call_is_left_to_its_thread(release: threading.Event) -> None:
    """The caller goes on in time, and the thread is used again once it is free."""
    pool = Workers(1, "overdue")
    start = time.monotonic()

    with pytest.raises(OverdueError):
        pool.run(release.wait, 0.05)
    assert time.monotonic() - start < 0.5

    release.set()
    assert until(lambda: pool._hanging == 0)
    assert pool.run(lambda: 7, 1) == 7
    assert alive("overdue") == 1


def test_a_call_is_refused_when_all_threads_hang(release: threading.Event) -> None:
    """Nobody waits for a thread that cannot be expected to become free."""
    pool = Workers(2, "hang")
    for _ in range(2):
        with pytest.raises(OverdueError):
            pool.run(release.wait, 0.02)
    start = time.monotonic()

    with pytest.raises(AllHangError):
        pool.run(lambda: 7, 5)

    assert time.monotonic() - start < 1
    assert alive("hang") == 2
    release.set()


def test_a_call_that_gets_no_thread_never_runs(release: threading.Event) -> None:
    """One that waited in vain is not run later, when nobody wants it any more."""
    pool = Workers(1, "queue")
    first = threading.Thread(target=pool.run, args=(release.wait, 5))
    first.start()
    ran = []

    with pytest.raises(NoWorkerError):
        pool.run(lambda: ran.append(1), 0.05)

    release.set()
    first.join()
    assert pool.run(lambda: 7, 1) == 7
    assert ran == []


def test_callers_at_once_share_the_threads() -> None:
    """Forty callers of four threads all get their answer, four at a time."""
    pool = Workers(4, "share")
    lock = threading.Lock()
    now, most, answers = 0, 0, []

    def work() -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return 7

    callers = [
        threading.Thread(target=lambda: answers.append(pool.run(work, 5)))
        for _ in range(40)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert answers == [7] * 40
    assert most <= 4
    assert alive("share") <= 4


def test_a_second_call_does_not_wait_for_a_first_that_hangs(
    release: threading.Event,
) -> None:
    """A thread that is about to be busy does not count as free."""
    pool = Workers(8, "eager")
    for _ in range(50):
        with pytest.raises((OverdueError, NoWorkerError)):  # or not even begun
            pool.run(release.wait, 0.001)
        assert pool.run(lambda: 7, 5) == 7
        if pool._hanging == 7:
            release.set()
            assert until(lambda: pool._hanging == 0)
            release.clear()
    release.set()


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that nobody needs go away without being told."""
    monkeypatch.setattr(threads, "_IDLE", 0.05)
    pool = Workers(4, "idle")
    pool.run(lambda: 7, 1)

    assert until(lambda: alive("idle") == 0)
    assert pool.run(lambda: 7, 1) == 7


def test_close_ends_the_threads() -> None:
    """No thread is left a moment after close, and close may be called twice."""
    pool = Workers(4, "close")
    pool.run(lambda: 7, 1)

    pool.close()
    pool.close()

    assert until(lambda: alive("close") == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_process_starts_its_own_threads() -> None:
    """Threads do not survive a fork; calls in the child still run."""
    pool = Workers(1, "fork")
    pool.run(lambda: 7, 1)

    child = os.fork()
    if child == 0:
        os._exit(pool.run(lambda: 42, 5))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 42


def test_the_process_exits_although_a_call_hangs() -> None:
    """Threads are daemons: a call that never returns does not hold the exit."""
    program = (
        "import threading\n"
        "from resift.threads import OverdueError, Workers\n"
        "try:\n"
        "    Workers(1, 'hang').run(threading.Event().wait, 0.01)\n"
        "except OverdueError:\n"
        "    print('overdue')\n"
    )
    start = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert done.stdout == "overdue\n"
    assert done.stderr == ""
    assert time.monotonic() - start < 10


@pytest.mark.slow
def test_a_call_inside_torch_does_not_take_the_process_down() -> None:
    """C++ that comes back while the interpreter ends would abort it: exit code 134."""
    pytest.importorskip("torch", reason="no library that aborts")
    program = (
        "import torch\n"
        "from resift.threads import OverdueError, Workers\n"
        "def compute():\n"
        "    values = torch.randn(400, 400)\n"
        "    while True:\n"
        "        values = torch.nn.functional.gelu(values @ values / 20)\n"
        "try:\n"
        "    Workers(1, 'torch').run(compute, 0.1)\n"
        "except OverdueError:\n"
        "    print('overdue')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "overdue\n", "")
