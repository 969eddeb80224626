"""Do calibrated scores mean what they say? On queries that nothing was fitted on.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_calibrate.py

BM25 finds 100 for each query, and all-MiniLM-L6-v2 (its stored vectors) scores them by
cosine. Five folds of queries: each is calibrated by what was fitted on the other four.
The expected calibration error is in 15 bins of equal width; *before*, the cosine itself
is taken for a probability. As most of the 100 are not relevant, the same is shown for
the best ten of each query, too. Then, over 20 halves of the queries, the `min_score`
that should keep 80, 90 and 95 % of the relevant documents, found on one half by Platt's
curve, and what it keeps of the other.
"""

from __future__ import annotations

import sys

import numpy as np
from judged import bm25, collection, need

from resift_calibrate import calibration_error, fit, held_out, threshold

DEPTH = 100
METHODS = ("platt", "isotonic")
SHARES = (0.8, 0.9, 0.95)


def main() -> int:
    """Measure everything; return the exit code."""
    names = ("xquad_r_en", "scifact")
    need("bench_calibrate", *names, packages=["bm25s", "snowballstemmer"])
    for name in names:
        scores, relevant, query, best = pairs(name)
        print(f"{name}: {len(np.unique(query))} queries, {len(scores)} documents")
        print(f"{'ECE':<14}{'all':>8}{'best 10':>9}")
        show("before", np.clip(scores, 0, 1), relevant, best)
        for method in METHODS:
            found = held_out(scores, relevant, query, method, "similarity")
            show(method, found, relevant, best)
        coverage(scores, relevant, query)
    return 0


def show(
    name: str, chances: np.ndarray, relevant: np.ndarray, best: np.ndarray
) -> None:
    """Print the calibration error of all documents, and of the best of each query."""
    every = calibration_error(chances, relevant)
    few = calibration_error(chances[best], relevant[best])
    print(f"{name:<14}{every:8.3f}{few:9.3f}")


def coverage(scores: np.ndarray, relevant: np.ndarray, query: np.ndarray) -> None:
    """Print what thresholds keep of the relevant documents of other queries."""
    print(f"{'to keep':<14}{'kept':>8}{'shown of 100':>14}")
    queries = np.unique(query)
    for share in SHARES:
        kept, shown = [], []
        for seed in range(20):
            half = np.random.default_rng(seed).permutation(queries)[: len(queries) // 2]
            known = np.isin(query, half)
            curve = fit(scores[known], relevant[known], "platt", "similarity")
            chances = curve.of(scores, "similarity")
            least = threshold(chances[known & relevant], share)
            kept.append((chances[~known & relevant] >= least).mean())
            shown.append((chances[~known] >= least).mean() * DEPTH)
        print(f"{share:<14.0%}{np.mean(kept):8.1%}{np.mean(shown):14.1f}")


def pairs(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each document's score, whether relevant, query, whether in the best 10."""
    judged = collection(name)
    found = bm25(judged.texts, judged.queries, DEPTH)
    scores, relevant, query, best = [], [], [], []
    for i, (rows, _) in enumerate(found):
        cosines = (judged.vectors[rows] @ judged.asked[i]).astype(np.float64)
        scores.append(cosines)
        relevant.append([row in judged.relevant[i] for row in rows.tolist()])
        query.append(np.full(len(rows), i))
        best.append(np.argsort(np.argsort(-cosines)) < 10)
    return tuple(map(np.concatenate, (scores, relevant, query, best)))


if __name__ == "__main__":
    sys.exit(main())
