"""`resift batch` against a loop over `Reranker.rank`, in one run.

Usage: python tests/benchmarks/bench_batch.py [QUERIES] [CANDIDATES] [WORKERS]

Both rank the same Parquet file with `bm25` and write Parquet. Wall time and CPU time of
all processes, and the peak of their resident memory together, are printed as they are
and as ratios; the answers are compared. One query has 100,000 candidates.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import resift

LARGE = 100_000


def make(path: Path, n_queries: int, n_candidates: int) -> None:
    """Write queries with candidates out of 50,000 texts of 40 words."""
    chance = random.Random(1)  # noqa: S311  # texts
    words = [f"w{i}" for i in range(20_000)]
    weights = [*accumulate(1 / (i + 1) for i in range(len(words)))]
    texts = [
        " ".join(chance.choices(words, cum_weights=weights, k=40))
        for _ in range(50_000)
    ]
    candidate = pa.struct([("id", pa.string()), ("text", pa.string())])
    schema = pa.schema(
        [
            ("qid", pa.string()),
            ("query", pa.string()),
            ("candidates", pa.list_(candidate)),
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_queries, 500):
            rows = []
            for i in range(start, min(start + 500, n_queries)):
                n = LARGE if i == n_queries // 2 else n_candidates
                chosen = (chance.randrange(len(texts)) for _ in range(n))
                query = " ".join(chance.choices(words, cum_weights=weights, k=6))
                documents = [{"id": f"d{d}", "text": texts[d]} for d in chosen]
                rows.append({"qid": f"q{i}", "query": query, "candidates": documents})
            writer.write_table(pa.Table.from_pylist(rows, schema))


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


def main() -> None:
    """Measure, compare, print."""
    given = [int(number) for number in sys.argv[1:]]
    n_queries, n_candidates, workers = (*given, *(20_000, 100, 2)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="resift-batch-") as name:
        folder = Path(name)
        source = folder / "queries.parquet"
        make(source, n_queries, n_candidates)
        loop = [sys.executable, __file__, "naive", str(source), str(folder / "naive")]
        batch = [
            *(
                sys.executable,
                "-m",
                "resift",
                "batch",
                str(source),
                str(folder / "out"),
            ),
            *("-r", "bm25", "--workers", str(workers)),
        ]
        found = {"loop": measured(loop), "batch": measured(batch)}
        for what, (wall, cpu, peak) in found.items():
            print(
                f"{what:6} wall {wall:7.1f} s  CPU {cpu:7.1f} s  peak {peak:6.0f} MiB"
            )
        pairs = zip(found["batch"], found["loop"], strict=True)
        wall, cpu, peak = (mine / theirs for mine, theirs in pairs)
        print(f"ratio  wall {wall:.2f}, CPU {cpu:.2f}, peak {peak:.2f}")
        print(f"{workers} workers, load {os.getloadavg()[0]:.1f}")
        names = ["qid", "id", "rank", "score"]
        answers = pq.read_table(folder / "out" / "parts", columns=names)
        expected = pq.read_table(folder / "naive")
        same = answers.cast(expected.schema).equals(expected)
        print(f"answers {'equal' if same else 'DIFFER'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["naive"]:
        naive(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
