"""Jobs as users run them, on files: in this process, or as programs."""

from __future__ import annotations

import signal
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from jobs import Here, command
from resift.testing.distributions import install

RERANKERS = '''
from __future__ import annotations

import hashlib
import os
import time

import resift


def _number(query, text):
    return hashlib.blake2b(f"{query}|{text}".encode(), digest_size=4).digest()


class Plugin:
    """Score by a digest, slowly; die at the word "poison"."""

    def __init__(self, seconds: float = 0.0, weapon: str = "") -> None:
        self.seconds = seconds
        self.weapon = weapon

    @resift.hookimpl
    def score(self, query, documents):
        time.sleep(self.seconds)
        if self.weapon and "poison" in query:
            os.kill(os.getpid(), 9)
        if "wrong" in query:
            raise TypeError(query)
        if "short" in query:
            return [1.0]
        return [int.from_bytes(_number(query, text)) / 2**32 for text in documents]
'''


@pytest.fixture(scope="session")
def digest(tmp_path_factory):
    """Install the reranker `digest` in a folder, and return that."""
    folder = tmp_path_factory.mktemp("site-packages")
    install(
        folder,
        "resift-digest",
        modules={"resift_digest": RERANKERS},
        rerankers={"digest": "resift_digest:Plugin"},
    )
    return folder


@pytest.fixture
def fakes(digest, monkeypatch):
    """Put the reranker `digest` on the path, here and in processes that are started."""
    monkeypatch.setenv("PYTHONPATH", str(digest))
    monkeypatch.syspath_prepend(digest)


@pytest.fixture
def source(tmp_path):
    """Return a function that writes rows to a Parquet file."""

    def write(rows, name="queries.parquet", **options):
        path = tmp_path / name
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
        pq.write_table(table, path, **options)
        return path

    return write


def hears_interrupts():
    """Let Ctrl-C reach a program although the shell that runs the tests ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path):
    """Return a function that starts ``resift batch``; all is ended after the test."""
    started = []

    def begin(*arguments, **options):
        usual = {"stdout": subprocess.PIPE, "preexec_fn": hears_interrupts}
        options = {"cwd": tmp_path, **usual, **options}
        process = subprocess.Popen(
            command(*arguments),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def program(start):
    """Return a function that runs ``resift batch`` to its end as a program."""

    def invoke(*arguments, **options):
        process = start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(
            process.args, process.returncode, stdout, stderr
        )

    return invoke


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs ``resift batch`` in this process, and its parts."""
    from resift_cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resift_batch.command._engine", lambda *given: Here())

    def invoke(*arguments):
        done = CliRunner().invoke(main, ["batch", *map(str, arguments)])
        return subprocess.CompletedProcess(
            arguments, done.exit_code, done.stdout_bytes, done.stderr
        )

    return invoke
