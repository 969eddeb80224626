"""Jobs that are killed: nothing is lost, nothing is double, nobody stays behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import command, contents, is_alive, kill, lists, workers

pytestmark = pytest.mark.slow  # each job is a process of its own, and its workers

OPTIONS = (
    *("-r", "digest", "-o", "seconds=0.02"),
    *("--pairs-per-part", "40", "--workers", "2"),
)


@dataclass
class Undisturbed:
    """A job that nobody killed."""

    source: Path
    contents: dict[str, bytes]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, digest):
    """Run the job of this module to its end, once."""
    folder = tmp_path_factory.mktemp("undisturbed")
    path = folder / "queries.parquet"
    pq.write_table(pa.Table.from_pylist(lists(300, 10)), path)
    environment = {**os.environ, "PYTHONPATH": str(digest)}
    line = command(path, folder / "out", *OPTIONS)
    subprocess.run(line, env=environment, check=True, capture_output=True, timeout=300)
    return Undisturbed(path, contents(folder / "out"))


@pytest.fixture
def job(fakes, undisturbed):
    """Return arguments of a job of 3 s, and what its folder holds in the end."""
    return (undisturbed.source, *OPTIONS), undisturbed.contents


def finish(program, out, arguments):
    """Run the job to its end and return what its folder holds."""
    done = program(arguments[0], out, *arguments[1:])
    assert done.returncode == 0, done.stderr
    return contents(out)


def murdered_parent(start, out, arguments, times):
    """Kill the parent *times* times, at random moments; return its workers, too."""
    chance = random.Random(7)  # noqa: S311  # moments
    seen = set()
    for _ in range(times):
        process = start(arguments[0], out, *arguments[1:])
        end = time.monotonic() + chance.uniform(0.2, 6.0)
        while time.monotonic() < end and process.poll() is None:
            seen |= set(workers(process.pid))
            time.sleep(0.02)
        kill(process.pid)
        process.wait(10)
    return seen


def await_end(pids, seconds=10):
    """Return the processes that are still there after some seconds."""
    end = time.monotonic() + seconds
    while (left := [p for p in pids if is_alive(p)]) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def test_a_killed_parent_loses_nothing(job, start, program, tmp_path):
    """Killed with -9 fifty times, a job ends as if nothing had happened."""
    arguments, undisturbed = job
    seen = murdered_parent(start, tmp_path / "out", arguments, times=50)

    assert await_end(seen) == []
    assert finish(program, tmp_path / "out", arguments) == undisturbed


def test_killed_workers_lose_nothing(job, start, tmp_path):
    """Workers killed with -9, twenty of them, are replaced, and their parts redone."""
    (path, *options), undisturbed = job
    out = tmp_path / "out"
    killed, times = 0, 20
    chance = random.Random(3)  # noqa: S311  # moments
    while killed < times:  # a job may end before it has lost enough of them
        process = start(path, out, *options)
        while killed < times and process.poll() is None:
            before = len(list(out.glob("parts/*.parquet")))
            time.sleep(chance.uniform(0.05, 0.5))
            victims = workers(process.pid)
            if victims and len(list(out.glob("parts/*.parquet"))) > before:
                killed += kill(chance.choice(victims))
        _, stderr = process.communicate(timeout=300)

        assert process.returncode == 0, stderr
        assert contents(out) == undisturbed
        if killed < times:
            for file in chance.sample(sorted(out.glob("parts/*.parquet")), 30):
                file.unlink()


def test_ctrl_c_ends_at_once_and_resumes(job, start, program, tmp_path):
    """Ctrl-C, which reaches the whole group, ends all; the same command goes on."""
    arguments, undisturbed = job
    process = start(arguments[0], tmp_path / "out", *arguments[1:])
    while len(list(tmp_path.glob("out/parts/*.parquet"))) < 2:
        time.sleep(0.02)
    seen = workers(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=10)

    assert process.returncode == 130
    assert stderr == "note: Interrupted. The same command goes on from here.\n\n"
    assert await_end(seen, seconds=1) == []
    assert not list(tmp_path.glob("out/**/*.tmp"))
    assert finish(program, tmp_path / "out", arguments) == undisturbed
