"""What are static embeddings worth, alone and merged with BM25? nDCG@10.

    pip install bm25s snowballstemmer
    RESIFT_DATA=../shared/data python tests/benchmarks/bench_static.py

Reads collections in BEIR's layout. Both lists are cut at 100 documents. BM25 is bm25s
(lucene, k1 1.2, b 0.75) over words without stop words, stemmed. The vectors are
wordllama's, by resift-static, every document encoded once.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from bench_fusion_quality import (
    COLLECTIONS,
    DATA,
    best,
    evaluate,
    evaluate_list,
    judgements,
    read,
    show,
    stems,
)
from judged import need

import resift
from resift_static import StaticEmbeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_fusion_quality import Query

MERGERS = ("rrf", "dbsf", "relative", "convex")


def main() -> int:
    """Print one line per method and one column per collection."""
    need("bench_static", *COLLECTIONS, packages=("bm25s", "snowballstemmer"))
    runs = [queries(name) for name in COLLECTIONS]
    print(f"{'nDCG@10':<30}" + "".join(f"{name:>12}" for name in COLLECTIONS))
    for place, name in enumerate(("static", "BM25")):
        show(name, [evaluate_list(run, place) for run in runs])
    for name in MERGERS:
        merger = resift.load(name, config=None)
        show(name, [evaluate(run, merger, known=False) for run in runs])
    return 0


def queries(name: str) -> list[Query]:
    """Return both lists of each judged query, and its judgements."""
    import bm25s

    corpus = read(DATA / name / "corpus.jsonl")
    texts = [f"{row.get('title', '')} {row['text']}" for row in corpus]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index([stems(text) for text in texts], show_progress=False)
    place = {row["_id"]: i for i, row in enumerate(corpus)}
    judged = judgements(DATA / name / "qrels.tsv", place)
    static = StaticEmbeddings()
    vectors = timed(static, name, texts)
    found = []
    for row in read(DATA / name / "queries.jsonl"):
        if relevant := judged.get(row["_id"]):
            known = [w for w in stems(row["text"]) if w in index.vocab_dict]
            lexical = index.get_scores(known) if known else np.zeros(len(corpus))
            cosines = vectors @ static.encode([row["text"]])[0]
            found.append(([best(cosines, -1.0), best(lexical, 0.0)], relevant))
    return found


def timed(static: StaticEmbeddings, name: str, texts: Sequence[str]) -> np.ndarray:
    """Return the vectors of *texts*, and print how fast they came."""
    static.encode(["a"])  # loads the model
    started = time.perf_counter()
    vectors = static.encode(texts)
    seconds = time.perf_counter() - started
    print(f"{name}: {len(texts)} documents encoded at {len(texts) / seconds:,.0f}/s")
    return vectors


if __name__ == "__main__":
    sys.exit(main())
