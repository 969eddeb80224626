"""What goes wrong in a job: bad rows, poison, servers, disks, other runs."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import subprocess
import time

import pyarrow as pa
import pytest

from jobs import answers, contents, lists
from resift_remote.testing import RerankServer

BM25 = ("-r", "bm25", "--workers", "1")


def rejects(out):
    """Return the rejects of a job: row, query id and code, with the reasons apart."""
    files = sorted((out / "rejects").glob("*.jsonl"))
    lines = [json.loads(line) for f in files for line in f.read_text().splitlines()]
    rows = [(line["row"], line["qid"], line["code"]) for line in lines]
    return rows, [line["reason"] for line in lines]


def summary(out):
    """Return the counts of a finished job."""
    return json.loads((out / "_SUCCESS").read_text())


# Rows --------------------------------------------------------------------------------


def test_bad_rows_are_set_aside_and_nothing_else_is_lost(fakes, source, run, tmp_path):
    """Every bad row has a code and a reason; all others are answered."""
    rows = lists(
        14,
        3,
        r1={"query": None},
        r2={"query": " \t"},
        r3={"candidates": None},
        r4={"candidates": []},
        r5={"candidates": [{"id": None, "text": "a"}]},
        r6={"candidates": [{"id": "a", "text": "b" * 200}]},
        r7={"qid": "q0"},
        r8={"qid": None},
        r9={"candidates": [{"id": str(i), "text": "a"} for i in range(11)]},
        r10={"query": "wrong"},
        r11={"query": "short"},
        r12={"candidates": [{"id": "n", "text": None}, {"id": "m", "text": "a"}]},
    )
    path, out = source(rows), tmp_path / "out"
    limits = ("--max-text", 199, "--max-candidates", 10, "--workers", 1)
    done = run(path, out, "-r", "digest", *limits)

    assert done.returncode == 0, done.stderr
    codes, reasons = rejects(out)
    assert codes == [
        (1, "q1", "no-query"),
        (2, "q2", "no-query"),
        (3, "q3", "no-candidates"),
        (4, "q4", "no-candidates"),
        (5, "q5", "no-id"),
        (6, "q6", "text-too-large"),
        (7, "q0", "duplicate-query-id"),
        (8, None, "no-query-id"),
        (9, "q9", "too-many-candidates"),
        (10, "q10", "failed"),
        (11, "q11", "failed"),
    ]
    assert reasons[5] == "A text of 200 bytes; --max-text allows 199."
    assert reasons[9] == "TypeError"  # its message is the query
    assert {row["row"] for row in answers(out)} == {0, 12, 13}
    assert [r["score"] is None for r in answers(out) if r["row"] == 12] == [False, True]
    assert summary(out) == {
        "queries": 14,
        "answered": 3,
        "rejected": 11,
        "parts": 1,
        "pairs": 8,
        "usage": {},
    }


@pytest.mark.parametrize("broken", ["qid", "query", "id", "text"])
def test_invalid_utf8_is_a_bad_row(source, run, tmp_path, broken):
    """Bytes that are no text cost their query, not the part."""

    def texts(name, *values):
        if name == broken:
            values = (values[0], b"\xff", *values[2:])
        return pa.array(values, pa.binary()).view(pa.string())

    table = pa.table(
        {
            "qid": texts("qid", b"a", b"b", b"c"),
            "query": texts("query", b"red", b"green", b"blue"),
            "candidates": pa.ListArray.from_arrays(
                [0, 1, 2, 3],
                pa.StructArray.from_arrays(
                    [texts("id", b"1", b"2", b"3"), texts("text", b"x", b"y", b"z")],
                    ["id", "text"],
                ),
            ),
        }
    )
    done = run(source(table), tmp_path / "out", *BM25)

    assert done.returncode == 0, done.stderr
    codes, _ = rejects(tmp_path / "out")
    assert codes == [(1, None if broken == "qid" else "b", "invalid-utf8")]
    assert [row["qid"] for row in answers(tmp_path / "out")] == ["a", "c"]


def test_a_job_may_stop_at_the_first_bad_row(source, run, tmp_path):
    """With `--on-bad-row stop` it says which row, and why."""
    rows = lists(3, 2, r1={"query": ""})
    done = run(source(rows), tmp_path / "out", *BM25, "--on-bad-row", "stop")

    assert done.returncode == 1
    assert done.stderr == (
        "Error: part 0: InputError: row 1 cannot be ranked (no-query): The query is "
        "null or blank. Mend it, or set such rows aside: --on-bad-row reject. 0 of 1 "
        "parts are done; the same command goes on from there.\n"
    )


def test_rows_of_a_query_must_stand_together(source, run, tmp_path):
    """A query that comes back in a table of pairs is refused before any work."""
    rows = [{"qid": q, "query": "a", "docno": q, "text": "b"} for q in "aaba"]
    path = source(rows)
    done = run(path, tmp_path / "out", *BM25)

    assert done.stderr == (
        f"Error: {path}: the query of row 3 has rows further up, too. Sort the rows by "
        "query, so that those of one stand together.\n"
    )


def test_triples_are_no_candidates(source, run, tmp_path):
    """Training data is refused in words."""
    path = source([{"query": "a", "positive": "b", "negative": "c"}])
    done = run(path, tmp_path / "out", *BM25)

    assert done.stderr == (
        f"Error: {path} has 'negative' and 'positive' for each query: examples to "
        "train with. Give candidates in one column: a list of them, or a row each.\n"
    )


# Processes ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_block_at_which_processes_die_is_set_aside(fakes, source, program, tmp_path):
    """Its queries are rejects; all others are answered, those of its part, too."""
    rows = lists(12, 1000, r5={"query": "poison"})
    options = ("-r", "digest", "-o", "weapon=kill", "--pairs-per-part", 8000)
    path = source(rows)
    done = program(path, tmp_path / "out", *options, "--workers", 2)
    healthy = program(path, tmp_path / "healthy", "-r", "digest", *options[4:])

    assert done.returncode == 0, done.stderr
    assert healthy.returncode == 0, healthy.stderr
    codes, reasons = rejects(tmp_path / "out")
    assert codes == [(row, f"q{row}", "worker-died") for row in (4, 5, 6, 7)]
    assert set(reasons) == {"The process that ranked its block died, three times."}
    kept = [a for a in answers(tmp_path / "healthy") if a["row"] not in (4, 5, 6, 7)]
    assert answers(tmp_path / "out") == kept


# Servers -----------------------------------------------------------------------------


def test_a_dead_server_stops_the_job_after_pauses(source, run, tmp_path):
    """What is done stays, and the same command goes on when the server is back."""
    path, out = source(lists(20, 3)), tmp_path / "out"
    with RerankServer("jina") as server:
        options = ("-r", "http", "-o", f"base_url={server.url}", "-o", "model=m")
        more = ("-o", "max_retries=0", "--workers", 1, "--pairs-per-part", 15)
        server.fail(503, times=10_000)
        failed = run(path, out, *options, *more, "--patience", 3)
        asked = len(server.requests)
        server.behave()
        again = run(path, out, *options, *more)

    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: part 0: ServerError: ")
    assert failed.stderr.endswith(
        "0 of 4 parts are done; the same command goes on from there.\n"
    )
    assert 3 <= asked <= 3 * 5  # at once, after 1 and after 2 more seconds
    assert again.returncode == 0, again.stderr
    assert summary(out)["answered"] == 20


def test_a_refused_key_stops_the_job_at_once(source, run, tmp_path, monkeypatch):
    """One block is asked, not thousands of queries; the key is in no file."""
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    path, out = source(lists(200, 3)), tmp_path / "out"
    key = 'api_key={"env": "MY_KEY"}'
    with RerankServer("jina", api_key="another") as server:
        done = run(
            *(path, out, "-r", "jina", "-o", f"base_url={server.url}", "-o", key),
            *("--workers", 1, "--pairs-per-part", 15),
        )
        asked = len(server.requests)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: part 0: AuthenticationError: ")
    assert asked <= 5
    assert not any(b"sk-very-secret" in data for data in contents(out).values())
    assert json.loads((out / "manifest.json").read_text())["reranker"]["options"][
        "api_key"
    ] == {"env": "MY_KEY"}


def test_a_reranker_that_fails_at_everything_stops_the_job(
    fakes, source, run, tmp_path
):
    """After 32 queries without one answer, it is not the queries' fault."""
    rows = lists(100, 3, **{f"r{i}": {"query": "wrong"} for i in range(100)})
    done = run(source(rows), tmp_path / "out", "-r", "digest", "--workers", 1)

    assert done.returncode == 1
    assert done.stderr == (
        "Error: part 0: BackendError: The first 32 queries of a part failed, the last "
        "one: TypeError. 0 of 1 parts are done; the same command goes on from there.\n"
    )


# Disks and folders -------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_disk_stops_the_job_and_space_resumes_it(source, program, tmp_path):
    """No torn file stays; with space again the result is as if nothing had been."""
    path, out = source(lists(60, 20)), tmp_path / "out"
    options = (*BM25, "--pairs-per-part", 200)

    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))

    full = program(path, out, *options, preexec_fn=little)
    left = [name for name in contents(out) if name.endswith(".tmp")]
    again = program(path, out, *options)
    undisturbed = program(path, tmp_path / "undisturbed", *options)

    assert full.returncode == 1
    assert f": cannot be written: {os.strerror(errno.EFBIG)}. " in full.stderr
    assert full.stderr.endswith(
        "parts are done; the same command goes on from there.\n"
    )
    assert left == []
    assert (again.returncode, undisturbed.returncode) == (0, 0)
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_a_full_file_system_stops_the_job(source, run, tmp_path):
    """The same on a small file system of its own."""
    out = tmp_path / "small"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", out]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    path = source(lists(60, 50))
    options = (*BM25, "--pairs-per-part", 200)
    try:
        full = run(path, out, *options)
        left = [name for name in contents(out) if name.endswith(".tmp")]
        more = ["mount", "-o", "remount,size=1m", out]
        subprocess.run(more, check=True, capture_output=True)
        again = run(path, out, *options)
        found = contents(out)
    finally:
        subprocess.run(["umount", out], check=True)  # noqa: S607
    run(path, tmp_path / "undisturbed", *options)

    assert full.returncode == 1
    assert "No space left on device" in full.stderr
    assert left == []
    assert again.returncode == 0, again.stderr
    assert found == contents(tmp_path / "undisturbed")


def test_a_folder_that_cannot_be_written_is_refused(source, run, tmp_path):
    """Before anything is read."""
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    done = run(source(lists(2, 2)), out, *BM25)

    assert done.stderr == (
        f"Error: {out} must be a folder that can be written: Not a directory.\n"
    )


def test_a_read_only_file_system_is_refused(source, run, tmp_path):
    """As a disk is that the kernel has remounted."""
    out = tmp_path / "read-only"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", out]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        done = run(source(lists(2, 2)), out, *BM25)
    finally:
        subprocess.run(["umount", out], check=True)  # noqa: S607

    assert done.stderr == (
        f"Error: {out} must be a folder that can be written: Read-only file system.\n"
    )


def test_a_second_run_on_a_folder_is_refused(source, run, tmp_path):
    """While one runs, another one ends at once."""
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(source(lists(2, 2)), out, *BM25)

    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {out} is in use by another run. Wait for it, or choose another "
        "folder.\n"
    )


def test_another_job_in_the_folder_is_refused(source, run, tmp_path):
    """What differs is named; `--overwrite` starts again."""
    rows, out = lists(4, 3), tmp_path / "out"
    path = source(rows)
    first = run(path, out, *BM25)
    time.sleep(0.01)
    source(rows)  # the same, at another time
    same = run(path, out, *BM25)
    options = run(path, out, *BM25, "--top-k", 2)
    source(lists(5, 3))
    changed = run(path, out, *BM25)
    new = run(path, out, *BM25, "--overwrite")

    assert (first.returncode, same.returncode, new.returncode) == (0, 0, 0)
    remedy = "Choose another folder, or --overwrite."
    message = f"Error: {out} holds a job that differs in: "
    assert options.stderr == f"{message}reranker. {remedy}\n"
    assert changed.stderr == f"{message}input. {remedy}\n"
    assert summary(out)["queries"] == 5


@pytest.mark.slow
def test_input_that_changes_under_a_job_stops_it(
    fakes, source, start, program, tmp_path
):
    """No part is made of other rows than were planned."""
    path, out = source(lists(100, 3)), tmp_path / "out"
    options = ("-r", "digest", "-o", "seconds=0.05", "--pairs-per-part", 15)
    process = start(path, out, *options, "--workers", 1)
    while not list(out.glob("parts/*.parquet")):
        time.sleep(0.02)
    source(lists(101, 3))
    _, stderr = process.communicate(timeout=60)
    again = program(path, out, *options, "--workers", 1)

    assert process.returncode == 1
    assert f"InputError: {path} changed while it was read." in stderr
    assert "differs in: input" in again.stderr
