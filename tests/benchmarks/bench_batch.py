"""`resift batch` against a loop over `Reranker.rank`, in one run.

    python tests/benchmarks/bench_batch.py [QUERIES ...] [--candidates N] [--workers N]
                                           [--alone QUERIES ...]

Both rank the same Parquet file with `bm25` and write Parquet, by default one of 20,000
queries. Wall time and CPU time of all processes, and the peak of their resident memory
together, are printed as they are and as ratios; the answers are compared. One query has
100,000 candidates. Sizes after `--alone` are ranked by the job only, to see whether its
memory grows: the loop holds all of its input.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import resift

LARGE = 100_000


def make(path: Path, n_queries: int, n_candidates: int) -> None:
    """Write queries with candidates out of 50,000 texts of 40 words."""
    chance = np.random.default_rng(1)
    words = np.array([f"w{i}" for i in range(20_000)])
    share = 1 / np.arange(1, len(words) + 1)
    share /= share.sum()
    texts = pa.array(
        [" ".join(row) for row in chance.choice(words, (50_000, 40), p=share)]
    )
    ids = pa.array([f"d{i}" for i in range(len(texts))])
    writer = None
    for start in range(0, n_queries, 500):
        numbers = np.arange(start, min(start + 500, n_queries))
        counts = np.where(numbers == n_queries // 2, LARGE, n_candidates)
        chosen = pa.array(chance.integers(len(texts), size=counts.sum()))
        candidates = pa.StructArray.from_arrays(
            [ids.take(chosen), texts.take(chosen)], ["id", "text"]
        )
        queries = chance.choice(words, (len(numbers), 6), p=share)
        columns = {
            "qid": [f"q{i}" for i in numbers],
            "query": [" ".join(row) for row in queries],
            "candidates": pa.ListArray.from_arrays(
                np.concatenate([[0], counts.cumsum()]).astype(np.int32), candidates
            ),
        }
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def naive(source: Path, out: Path) -> None:
    """Read the table, loop over `rank`, write the answers."""
    reranker = resift.load("bm25", config=None)
    columns: dict[str, list[object]] = {"qid": [], "id": [], "rank": [], "score": []}
    for row in pq.read_table(source).to_pylist():
        candidates = row["candidates"]
        for found in reranker.rank(row["query"], [c["text"] for c in candidates]):
            columns["qid"].append(row["qid"])
            columns["id"].append(candidates[found.index]["id"])
            columns["rank"].append(found.rank)
            columns["score"].append(found.score)
    pq.write_table(pa.table(columns), out)


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its children."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * resource.getpagesize() + sum(map(resident, map(int, text.split())))


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return wall seconds, CPU seconds and the peak in MiB."""
    before = os.times()
    start = time.monotonic()
    process = subprocess.Popen(command)  # our own
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    watcher.join()
    if process.returncode:
        sys.exit(f"{command} failed")
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return time.monotonic() - start, cpu, peak / 2**20


def job(source: Path, out: Path, workers: int) -> list[str]:
    """Return the command of a job."""
    program = [sys.executable, "-m", "resift", "batch", str(source), str(out)]
    return [*program, "-r", "bm25", "--workers", str(workers)]


def shown(what: str, figures: tuple[float, float, float]) -> None:
    """Print what a command took."""
    wall, cpu, peak = figures
    print(
        f"{what:6} wall {wall:7.1f} s  CPU {cpu:7.1f} s  peak {peak:6.0f} MiB",
        flush=True,
    )


def compared(folder: Path, source: Path, workers: int) -> None:
    """Run the loop and the job; print both, their ratios, and whether they agree."""
    loop = [sys.executable, __file__, "naive", str(source), str(folder / "naive")]
    found = {"loop": measured(loop)}
    shown("loop", found["loop"])
    found["batch"] = measured(job(source, folder / "out", workers))
    shown("batch", found["batch"])
    pairs = zip(found["batch"], found["loop"], strict=True)
    wall, cpu, peak = (mine / theirs for mine, theirs in pairs)
    print(f"ratio  wall {wall:.2f}, CPU {cpu:.2f}, peak {peak:.2f}")
    names = ["qid", "id", "rank", "score"]
    answers = pq.read_table(folder / "out" / "parts", columns=names)
    expected = pq.read_table(folder / "naive")
    same = answers.cast(expected.schema).equals(expected)
    print(f"answers {'equal' if same else 'DIFFER'}")


def main() -> None:
    """Measure, compare, print."""
    given = argparse.ArgumentParser()
    given.add_argument("queries", type=int, nargs="*")
    given.add_argument("--alone", type=int, nargs="*", default=[])
    given.add_argument("--candidates", type=int, default=100)
    given.add_argument("--workers", type=int, default=2)
    asked = given.parse_args()
    both = asked.queries or ([] if asked.alone else [20_000])
    for n_queries in (*both, *asked.alone):
        with tempfile.TemporaryDirectory(prefix="resift-batch-") as name:
            source = Path(name) / "queries.parquet"
            make(source, n_queries, asked.candidates)
            print(
                f"{n_queries:,} queries x {asked.candidates}, one x {LARGE:,}; "
                f"{asked.workers} workers, load {os.getloadavg()[0]:.1f}"
            )
            if n_queries in both:
                compared(Path(name), source, asked.workers)
            else:
                out = Path(name) / "out"
                shown("batch", measured(job(source, out, asked.workers)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["naive"]:
        naive(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
