"""Many queries at once: what a pair costs as objects, as a table, and in a stream.

    python tests/benchmarks/bench_many.py [--queries N]

Prints microseconds of CPU time per pair of query and document: `rank_many` and
`rank_stream`, with the object of each document; `rank_many` with its arrays only; and
`rerank_many`, a table in and a table out. Of a scorer that costs nothing, and of
`bm25`. The answers are compared first.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

import resift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DEPTH = 100
WORDS = [f"word{i}" for i in range(2_000)]


class Free:
    """Scores at no cost: what is left is that of the host."""

    @resift.hookimpl
    def score_many(self, documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """Give falling scores."""
        return [-np.arange(float(len(texts))) for texts in documents]


def main() -> None:
    """Print a line for each reranker, with all documents and with the best ten."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=500)
    n = parser.parse_args().queries
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS, 30)) for _ in range(1_000)]
    picks = rng.integers(0, len(texts), (n, DEPTH))
    documents = [[texts[i] for i in row] for row in picks]
    queries = [" ".join(rng.choice(WORDS, 3)) for _ in range(n)]
    table = pa.table({"query": queries, "documents": documents})
    print(f"us of CPU per pair, {n} queries of {DEPTH} documents, best of 5")
    names = ("rank_many", "rank_stream", "arrays", "rerank_many")
    print(f"{'':24s}", *(f"{name:>12}" for name in names))
    for name, reranker in (
        ("free", resift.Reranker(Free())),
        ("bm25", resift.load("bm25", config=None)),
    ):
        for top_k in (None, 10):
            line(
                f"{name}, {f'best {top_k}' if top_k else 'all'}",
                n * DEPTH,
                lambda r=reranker, k=top_k: made(r.rank_many(queries, documents, k)),
                lambda r=reranker, k=top_k: made(
                    r.rank_stream(zip(queries, documents, strict=True), top_k=k)
                ),
                lambda r=reranker, k=top_k: r.rank_many(queries, documents, k),
                lambda r=reranker, k=top_k: r.rerank_many(table, top_k=k),
            )


def made(rankings: Iterable[resift.RankedDocuments]) -> list[resift.RankedDocuments]:
    """Make the object of each document, which is done at first use."""
    found = list(rankings)
    for ranking in found:
        _ = ranking.documents
    return found


def line(name: str, pairs: int, *functions: Callable[[], object]) -> None:
    """Print what each function costs per pair."""
    many, stream, arrays, rows = (function() for function in functions)
    assert many == stream == arrays
    assert [d.index for ranking in many for d in ranking] == rows["index"].to_pylist()
    spent = []
    for function in functions:
        best = min(taken(function) for _ in range(5))
        spent.append(best / pairs * 1e6)
    print(f"{name:24s}", *(f"{one:12.2f}" for one in spent), flush=True)


def taken(function: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
