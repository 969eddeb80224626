"""How many candidates are worth scoring? nDCG@10 by depth, from one scoring.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_depth.py

BM25 finds 100 for each query; all-MiniLM-L6-v2 (its stored vectors) rescores them by
cosine. The table, the knee and the advice are those of `resift eval --depths`, with
95 % intervals.
"""

from __future__ import annotations

import sys

import ir_measures
import numpy as np
from judged import bm25, collection, need

from resift_eval.collection import Collection
from resift_eval.depth import Curve, curve_of
from resift_eval.journal import Answer
from resift_eval.report.document import as_text

DEPTH = 100
NAMES = ("scifact", "xquad_r_en", "noveleval")
NAME = "bi-encoder"


def main() -> int:
    """Print the curve of every collection; return the exit code."""
    need("bench_depth", *NAMES, packages=["bm25s", "snowballstemmer"])
    for name in NAMES:
        print(f"{name}: BM25's best {DEPTH}")
        print(as_text(NAME, measured(name)))
    return 0


def measured(name: str) -> Curve:
    """Score all candidates of a collection once; return the curve by depth."""
    judged = collection(name)
    answers = {}
    first = bm25(judged.texts, judged.queries, DEPTH)
    for i, ((rows, _), asked) in enumerate(zip(first, judged.asked, strict=True)):
        order = np.argsort(-(judged.vectors[rows] @ asked), kind="stable")
        answers[str(i)] = Answer(
            str(i),
            NAME,
            [judged.ids[row] for row in rows[order]],
            merged=(order + 1).tolist(),
            scored=len(rows),
        )
    qrels = {
        str(i): {judged.ids[row]: int(gain) for row, gain in relevant.items()}
        for i, relevant in enumerate(judged.relevant)
    }
    queries = {str(i): query for i, query in enumerate(judged.queries)}
    return curve_of(
        answers,
        Collection.of(name, queries, qrels),
        ir_measures.nDCG @ 10,
        DEPTH,
        seconds=None,
        pointwise=True,
    )


if __name__ == "__main__":
    sys.exit(main())
