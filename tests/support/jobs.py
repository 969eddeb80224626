"""Jobs of `resift batch` for tests: rows to rank, what a folder holds, processes."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resift_batch.engine import attempt


class Here:
    """Does parts in this process, one after the other: an engine like any other."""

    def map(self, out, tasks):
        for task in tasks:
            yield attempt(out, task)


def lists(n, m=10, **changes):
    """Return *n* queries with *m* candidates each; *changes* by row number."""
    chance = random.Random(1)  # noqa: S311  # texts
    words = [f"word{i}" for i in range(200)]
    rows = [
        {
            "qid": f"q{i}",
            "query": " ".join(chance.sample(words, 3)),
            "candidates": [
                {"id": f"d{chance.randrange(10**6)}", "text": " ".join(text)}
                for text in (chance.choices(words, k=12) for _ in range(m))
            ],
        }
        for i in range(n)
    ]
    for row, change in changes.items():
        rows[int(row[1:])].update(change)
    return rows


def command(*arguments):
    """Return the command line of ``resift batch``."""
    return [sys.executable, "-m", "resift", "batch", *map(str, arguments)]


def contents(out):
    """Return what a folder holds, byte by byte, locks left out."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(Path(out).rglob("*"))
        if path.is_file() and path.name not in (".lock", ".workers")
    }


def answers(out):
    """Return the rows that a job has written."""
    files = sorted((Path(out) / "parts").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]).to_pylist()


def children(pid):
    """Return the processes that *pid* has started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]


def workers(pid):
    """Return the children that do parts: not Python's own resource tracker."""
    found = []
    for child in children(pid):
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if b"spawn_main" in line:
            found.append(child)
    return found


def is_alive(pid):
    """Return whether a process is there, and has not ended already."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid, number=signal.SIGKILL):
    """Kill one process, if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
