"""Faults: whatever happens to the file, scores are right and the user is told."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import resift
from resift_cache.store import Entry, Store

DOCUMENTS = ["a blue whale", "the quick red fox", "a red car"]
SCORES = [12.0, 17.0, 9.0]
NOBODY = 65534
PROGRAM = """
import sys
from collections.abc import Sequence
import resift

class Length:
    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]):
        return [float(len(document)) for document in documents]

reranker = resift.load(
    "cache", config=None, reranker=Length(), version="1", directory=sys.argv[1]
)
"""


class Length:
    """Scores by length."""

    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        return [float(len(document)) for document in documents]


def cached(directory: Path) -> resift.Reranker:
    return resift.load(
        "cache", config=None, reranker=Length(), version="1", directory=directory
    )


def run(program: str, directory: Path) -> list[str]:
    done = subprocess.run(  # our own program
        [sys.executable, "-c", PROGRAM + program, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


needs_users = pytest.mark.skipif(
    not hasattr(os, "setuid"), reason="this system has no users to change to"
)


def as_nobody(folder: Path) -> list[list[object]]:
    """Score the documents as a user without rights: values, hits, notes."""
    cached(folder.parent / "elsewhere").score("fox", DOCUMENTS)  # imports everything
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        scores = cached(folder).score("fox", DOCUMENTS)
        hits = scores.columns["_cache_hit"].to_pylist()  # type: ignore[attr-defined]
        answer = json.dumps([scores.values.tolist(), hits, scores.notes])
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    found: list[list[object]] = json.loads(answer)
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """The reranker answers, and the note says which file and how to be rid of it."""
    file = tmp_path / "scores.sqlite3"
    file.write_bytes(b"this is no database at all " * 100)

    scores = cached(tmp_path).score("fox", DOCUMENTS)

    assert scores.values.tolist() == SCORES
    assert scores.notes == (
        f"cache: not used: {file} is damaged (file is not a database). Remove it with: "
        f"resift cache clear --directory {tmp_path}",
    )


@pytest.mark.slow
def test_a_damaged_file_gives_no_wrong_score(tmp_path: Path) -> None:
    """Bytes are overwritten at random: each score is right, or there is a note."""
    names = [f"document {i}" * (i % 7 + 1) for i in range(200)]
    wanted = [float(len(name)) for name in names]
    with cached(tmp_path / "good") as reranker:
        reranker.score("fox", names)
    whole = (tmp_path / "good" / "scores.sqlite3").read_bytes()
    chance = random.Random(7)  # noqa: S311  # the same damage in every run
    noted = 0

    for i in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 10, 300])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        folder = tmp_path / f"damaged-{i}"
        folder.mkdir()
        (folder / "scores.sqlite3").write_bytes(damaged)
        with cached(folder) as reranker:
            scores = reranker.score("fox", names)
        noted += bool(scores.notes)
        assert scores.values.tolist() == wanted

    assert 0 < noted < 60  # some damage shows, some is only a miss


def test_a_truncated_file_gives_no_wrong_score(tmp_path: Path) -> None:
    """The end is missing, as after a crash of the machine."""
    with cached(tmp_path) as reranker:
        reranker.score("fox", DOCUMENTS)
    file = tmp_path / "scores.sqlite3"
    file.write_bytes(file.read_bytes()[:5000])

    scores = cached(tmp_path).score("fox", DOCUMENTS)

    assert scores.values.tolist() == SCORES
    assert "is damaged" in scores.notes[0]


def test_a_row_that_was_tampered_with_is_a_miss(tmp_path: Path) -> None:
    """The checksum does not fit, so that the score is not believed."""
    store = Store(tmp_path)
    store.put({b"k": Entry(1.0)}, "mine")
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE scores SET score = 2.0")
    connection.close()

    assert store.get([b"k"]) == {}


def test_a_cache_where_a_folder_cannot_be(tmp_path: Path) -> None:
    """A file stands where the folder should: asked without it, and said."""
    (tmp_path / "file").write_text("")

    scores = cached(tmp_path / "file" / "cache").score("fox", DOCUMENTS)

    assert scores.values.tolist() == SCORES
    assert scores.notes[0].startswith("cache: not used: ")
    assert scores.notes[0].endswith(
        f"See to it that {tmp_path / 'file' / 'cache'} is a folder that can be written."
    )


@needs_users
def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    """Scores are right, and a note says that the folder must be writable."""
    folder = open_folder / "cache"
    folder.mkdir()
    folder.chmod(0o555)

    values, _, notes = as_nobody(folder)

    assert values == SCORES
    assert notes == [
        f"cache: not used: {folder / 'scores.sqlite3'} cannot be used (unable to open "
        f"database file). See to it that {folder} is a folder that can be written."
    ]


@needs_users
def test_a_file_that_may_only_be_read_is_read(open_folder: Path) -> None:
    """Scores made beforehand are found, new ones are not kept, and a note says so."""
    folder = open_folder / "cache"
    with cached(folder) as reranker:
        reranker.score("fox", DOCUMENTS[:2])
    folder.chmod(0o777)  # SQLite makes its -shm file beside it
    (folder / "scores.sqlite3").chmod(0o444)

    values, hits, notes = as_nobody(folder)

    assert values == SCORES
    assert hits == [True, True, False]
    assert notes == [
        f"cache: scores were not kept: {folder / 'scores.sqlite3'} cannot be used "
        "(attempt to write a readonly database). See to it that "
        f"{folder} is a folder that can be written."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk(tmp_path: Path) -> None:
    """No file may grow any more: the scores are right, those kept before are found."""
    with cached(tmp_path) as reranker:
        reranker.score("fox", DOCUMENTS)

    found, values, note = run(
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        f"print(reranker.score('fox', {DOCUMENTS!r}).values.tolist())\n"
        "many = ['x' * i for i in range(1, 3000)]\n"
        "scores = reranker.score('fox', many)\n"
        "print(scores.values.tolist() == [float(i) for i in range(1, 3000)])\n"
        "print(scores.notes[0])\n",
        tmp_path,
    )

    assert found == str(SCORES)
    assert values == "True"
    assert note.startswith("cache: scores were not kept: ")
    assert cached(tmp_path).score("fox", DOCUMENTS).notes == ()


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    """A writer that does not let go: known scores are found, new ones not kept."""
    reranker = cached(tmp_path)
    reranker.score("fox", DOCUMENTS[:2])
    holder = sqlite3.connect(tmp_path / "scores.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    scores = reranker.score("fox", DOCUMENTS)
    holder.execute("ROLLBACK")
    holder.close()

    assert scores.values.tolist() == SCORES
    assert scores.columns["_cache_hit"].to_pylist() == [True, True, False]  # type: ignore[attr-defined]
    assert scores.notes == (
        f"cache: scores were not kept: {tmp_path / 'scores.sqlite3'} cannot be used "
        "(database is locked). Another process is writing for long: try again.",
    )
    assert reranker.score("fox", DOCUMENTS).notes == ()


def test_a_process_killed_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """The file is whole, what was finished is there, and nothing is half there."""
    for delay in (0.0, 0.05, 0.1):
        with (
            subprocess.Popen(  # our own program
                [
                    sys.executable,
                    "-c",
                    PROGRAM + "number = 0\n"
                    "print('ready', flush=True)\n"
                    "while True:\n"
                    "    number += 1\n"
                    "    texts = ['x' * i for i in range(1, 500)]\n"
                    "    reranker.score(str(number), texts)\n",
                    str(tmp_path),
                ],
                stdout=subprocess.PIPE,
            ) as process
        ):
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)

    with cached(tmp_path) as reranker:
        for query in ("1", "2", "100000"):
            scores = reranker.score(query, ["x" * i for i in range(1, 500)])
            hits = set(scores.columns["_cache_hit"].to_pylist())  # type: ignore[attr-defined]
            assert scores.notes == ()
            assert len(hits) == 1  # all of a call, or nothing
            assert scores.values.tolist() == [float(i) for i in range(1, 500)]
    connection = sqlite3.connect(tmp_path / "scores.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
