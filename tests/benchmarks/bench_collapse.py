"""What is on a page of ten? Sentences of few paragraphs, and `collapse` by paragraph.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_collapse.py

The sentences of XQuAD-R are chunks of 240 paragraphs; their ids end with the number of
the sentence. BM25 finds 100 for each question, a bi-encoder (the stored vectors of
all-MiniLM-L6-v2) reranks them. Counted on the first page of ten: how many paragraphs it
shows, and how often the paragraph that holds the answer is among them. And how long it
takes for 100,000 rows.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow as pa
from judged import bm25, collection, margin, need

import resift

DEPTH = 100


def main() -> int:
    """Measure everything; return the exit code."""
    need("bench_collapse", "xquad_r_en", packages=["bm25s", "snowballstemmer"])
    judged = collection("xquad_r_en")
    found = bm25(judged.texts, judged.queries, DEPTH)
    print(f"{len(judged.queries)} questions, {len(judged.texts)} sentences")
    print(f"{'the first ten':<14}{'paragraphs':>12}{'with the answer':>17}")
    hits: dict[str, list[float]] = {}
    for name, n in (("as they come", None), ("n = 3", 3), ("n = 2", 2), ("n = 1", 1)):
        shown, hits[name] = pages(judged, found, n)
        print(f"{name:<14}{shown:12.1f}{np.mean(hits[name]):17.3f}")
    low, gain, high = margin(np.subtract(hits["n = 1"], hits["as they come"]).tolist())
    print(f"n = 1 against none: +{gain:.3f} (95% from {low:.3f} to {high:.3f})")
    speed()
    return 0


def pages(judged: object, found: list, n: int | None) -> tuple[float, list[float]]:
    """Return how many paragraphs pages show, and which hold the answer's."""
    options = {"by": "id", "separator": "-", "n": n or DEPTH}
    reranker = resift.load("collapse", config=None, merge="relative", **options)
    counts, hits = [], []
    for query, vector, relevant, (rows, _) in zip(
        judged.queries, judged.asked, judged.relevant, found, strict=True
    ):
        cosines = (judged.vectors[rows] @ vector).astype(np.float64)
        ids = [judged.ids[row] for row in rows]
        results = pa.table({"id": ids, "_score": cosines}).sort_by(
            [("_score", "descending")]
        )
        page = reranker.rerank(query, results, id="id", top_k=10)["id"].to_pylist()
        paragraphs = {row.rpartition("-")[0] for row in page}
        wanted = {judged.ids[row].rpartition("-")[0] for row in relevant}
        counts.append(len(paragraphs))
        hits.append(float(bool(paragraphs & wanted)))
    return float(np.mean(counts)), hits


def speed() -> None:
    """Time 100,000 rows in 20,000 groups."""
    n = 100_000
    ids = [f"{row % 20_000}-{row}" for row in range(n)]
    table = pa.table({"id": ids, "_score": np.random.default_rng(7).random(n)})
    reranker = resift.load("collapse", config=None, by="id", separator="-")
    plain = resift.load("rrf", config=None)
    for name, each in (("merged only", plain), ("collapsed", reranker)):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            each.rerank("q", table, id=None)
            times.append(time.perf_counter() - start)
        print(f"{n} rows, {name}: {np.median(times) * 1e3:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
