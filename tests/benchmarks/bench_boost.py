"""What does recency do? `boost` over an index that holds old versions of its pages.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_boost.py

Every abstract of SciFact is there twice: as it is, dated within the last month, and as
an old version, in which one word in ten is missing, one to three years old. BM25 finds
50 for each claim; only the present version of the right abstract is relevant. `boost`
moves the scores of BM25 by an exponential decay with a half-life of 180 days. Then the
same with dates that mean nothing, shuffled over all: what a boost costs where it is
wrong. And how long it takes for 100,000 rows.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from judged import bm25, collection, margin, ndcg, need

import resift

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEIGHTS = (0.25, 0.5, 1.0, 2.0)


def main() -> int:
    """Measure everything; return the exit code."""
    need("bench_boost", "scifact", packages=["bm25s", "snowballstemmer"])
    chance = np.random.default_rng(7)
    judged = collection("scifact")
    n = len(judged.texts)
    old = [
        " ".join(w for w in text.split() if chance.random() > 0.1)
        for text in judged.texts
    ]
    texts = [*judged.texts, *old]
    ages = np.concatenate([chance.uniform(0, 30, n), chance.uniform(365, 1095, n)])
    found = bm25(texts, judged.queries, 50)
    print(f"{len(judged.queries)} claims, {len(texts)} abstracts, half of them old")
    print(f"{'nDCG@10':<16}{'dates':>8}{'old first':>11}{'shuffled dates':>16}")
    base = None
    for weight in (0.0, *WEIGHTS):
        values, olds = rank(judged, found, ages, weight)
        noise, _ = rank(judged, found, chance.permutation(ages), weight)
        base = base or values
        print(
            f"{f'weight {weight}' if weight else 'no boost':<16}{np.mean(values):8.3f}"
            f"{olds:11.0%}{np.mean(noise):16.3f}"
        )
        if weight == 1:
            low, gain, high = margin(np.subtract(values, base).tolist())
    print(f"weight 1 against none: +{gain:.3f} (95% from {low:.3f} to {high:.3f})")
    speed()
    return 0


def rank(
    judged: object, found: list, ages: np.ndarray, weight: float
) -> tuple[list[float], float]:
    """Return nDCG@10 of each claim, and how often an old version stands first."""
    dates = np.datetime64(NOW.replace(tzinfo=None), "s") - (ages * 86400).astype(
        "m8[s]"
    )
    reranker = resift.load(
        "boost",
        config=None,
        merge="relative",
        boosts=[
            {
                "column": "published",
                "decay": "exp",
                "half_life": "180d",
                "origin": NOW,
                "weight": weight,
            }
        ],
    )
    values, first = [], []
    for query, relevant, (rows, scores) in zip(
        judged.queries, judged.relevant, found, strict=True
    ):
        results = pa.table(
            {"row": rows, "_score": scores, "published": pa.array(dates[rows])}
        )
        ranked = reranker.rerank(query, results, id="row")["row"].to_pylist()
        values.append(ndcg(ranked, relevant))
        first.append(ranked[0] >= len(judged.texts))
    return values, float(np.mean(first))


def speed() -> None:
    """Time the three kinds of boost over 100,000 rows."""
    n = 100_000
    table = pa.table(
        {
            "_score": np.random.default_rng(7).random(n),
            "published": np.datetime64("2026-01-01", "us") - np.arange(n),
            "stars": np.arange(n),
            "source": np.array(["docs", "forum", "mail"])[np.arange(n) % 3],
        }
    )
    boosts = [
        {"column": "published", "decay": "exp", "half_life": "14d"},
        {"column": "stars", "curve": "log1p", "weight": 0.2},
        {"column": "source", "values": {"docs": 1.0, "forum": 0.3}},
    ]
    reranker = resift.load("boost", config=None, merge="relative", boosts=boosts)
    plain = resift.Reranker(resift.load("relative", config=None).plugin)
    for name, each in (("merged only", plain), ("three boosts", reranker)):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            each.rerank("q", table, id=None)
            times.append(time.perf_counter() - start)
        print(f"{n} rows, {name}: {np.median(times) * 1e3:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
