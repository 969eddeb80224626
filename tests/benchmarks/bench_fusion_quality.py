"""How well does each merger rank? nDCG@10 of BM25 and MiniLM, merged.

    pip install bm25s snowballstemmer
    RESIFT_DATA=../shared/data python tests/benchmarks/bench_fusion_quality.py

Reads collections in BEIR's layout with ready-made embeddings (`minilm.npz`: float16
arrays `docs` and `queries`, rows in file order). Both lists are cut at 100 documents.
`known`: the mergers are told the least possible scores, -1 for a cosine and 0 for BM25.
BM25 is bm25s (lucene, k1 1.2, b 0.75) over words without stop words, stemmed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import resift
from resift.rerankers.bm25 import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATA = Path(
    os.environ.get("RESIFT_DATA", Path(__file__).parents[3] / "shared" / "data")
)
COLLECTIONS = ("scifact", "xquad_r_en")
DEPTH = 100
MERGERS: list[tuple[str, dict[str, object]]] = [
    ("rrf", {"k": 1}),
    ("rrf", {"k": 20}),
    ("rrf", {}),
    ("rrf", {"k": 1000}),
    ("dbsf", {}),
    ("relative", {}),
    ("convex", {"alpha": 0.5}),
    ("convex", {}),
    ("convex", {"alpha": 0.8}),
    ("convex", {"known": True}),
    ("convex", {"alpha": 0.8, "known": True}),
    ("comb-mnz", {}),
    ("borda", {}),
    ("isr", {}),
]
Judgements = dict[int, float]
Query = tuple[list[resift.Ranking], Judgements]


def main() -> int:
    """Print one line per merger and one column per collection."""
    missing = [name for name in COLLECTIONS if not (DATA / name).is_dir()]
    libraries = [importlib.util.find_spec(n) for n in ("bm25s", "snowballstemmer")]
    if missing or not all(libraries):
        print(f"needs bm25s, snowballstemmer, and {', '.join(COLLECTIONS)} in {DATA}")
        return 1
    runs = {name: list(queries(DATA / name)) for name in COLLECTIONS}
    print(f"{'nDCG@10':<30}" + "".join(f"{name:>12}" for name in COLLECTIONS))
    for place, name in enumerate(("MiniLM", "BM25")):
        show(name, [evaluate_list(run, place) for run in runs.values()])
    for name, settings in MERGERS:
        options = {key: value for key, value in settings.items() if key != "known"}
        try:
            merger = resift.load(name, config=None, **options)
        except resift.UnknownRerankerError as error:
            print(error)
            continue
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        known = "known" in settings
        values = [evaluate(run, merger, known=known) for run in runs.values()]
        show(f"{name} {shown}", values)
    return 0


def show(name: str, values: list[float]) -> None:
    """Print one line."""
    print(f"{name:<30}" + "".join(f"{value:>12.4f}" for value in values), flush=True)


def queries(folder: Path) -> Iterator[Query]:
    """Yield both lists of each judged query, and its judgements by document."""
    import bm25s

    corpus = read(folder / "corpus.jsonl")
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(
        [stems(f"{row.get('title', '')} {row['text']}") for row in corpus],
        show_progress=False,
    )
    vectors = np.load(folder / "minilm.npz")
    documents, asked = (
        vectors[part].astype(np.float32) for part in ("docs", "queries")
    )
    judged = judgements(
        folder / "qrels.tsv", {r["_id"]: i for i, r in enumerate(corpus)}
    )
    for query, vector in zip(read(folder / "queries.jsonl"), asked, strict=True):
        if relevant := judged.get(query["_id"]):
            known = [w for w in stems(query["text"]) if w in index.vocab_dict]
            lexical = index.get_scores(known) if known else np.zeros(len(corpus))
            lists = [best(documents @ vector, -1.0), best(lexical, 0.0)]
            yield lists, relevant


def stems(text: str) -> list[str]:
    """Return the words that a full-text index keeps: stemmed, no stop words."""
    from bm25s.stopwords import STOPWORDS_EN

    stemmed = (stem(word) for word in words(text) if word not in STOPWORDS_EN)
    return list(stemmed)


@cache
def stem(word: str) -> str:
    """Stem one English word."""
    import snowballstemmer

    stemmed: str = snowballstemmer.stemmer("english").stemWord(word)
    return stemmed


def read(path: Path) -> list[dict[str, str]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def judgements(path: Path, place: Mapping[str, int]) -> dict[str, Judgements]:
    """Read qrels: query id -> document's place -> gain."""
    judged: dict[str, Judgements] = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, document, gain = line.split("\t")
        if float(gain) > 0:
            judged.setdefault(query, {})[place[document]] = float(gain)
    return judged


def best(scores: np.ndarray, lowest: float) -> resift.Ranking:
    """Return the best documents; those a word search does not find are left out."""
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    order = order[scores[order] > lowest]
    return resift.Ranking(order, scores[order].astype(np.float64), lowest=lowest)


def evaluate(run: list[Query], merger: resift.Reranker, *, known: bool) -> float:
    """Return the mean nDCG@10 of the merged lists."""
    values = []
    for lists, relevant in run:
        union, inverse = np.unique(
            np.concatenate([ranking.documents for ranking in lists]),
            return_inverse=True,
        )
        stops = np.cumsum([len(ranking) for ranking in lists])[:-1]
        encoded = [
            resift.Ranking(
                codes, ranking.scores, lowest=ranking.lowest if known else None
            )
            for codes, ranking in zip(np.split(inverse, stops), lists, strict=True)
        ]
        merged = merger.merge(encoded, len(union))
        order = np.argsort(-merged.astype(np.float32), kind="stable")
        values.append(ndcg(union[order].tolist(), relevant))
    return float(np.mean(values))


def evaluate_list(run: list[Query], place: int) -> float:
    """Return the mean nDCG@10 of one of the lists."""
    return float(
        np.mean([ndcg(lists[place].documents.tolist(), r) for lists, r in run])
    )


def ndcg(ranked: list[int], relevant: Judgements, depth: int = 10) -> float:
    """Return nDCG with linear gains, as trec_eval computes it."""
    discount = 1 / np.log2(np.arange(2, depth + 2))
    gains = np.array([relevant.get(document, 0.0) for document in ranked[:depth]])
    ideal = np.sort(list(relevant.values()))[::-1][:depth]
    return float(gains @ discount[: len(gains)] / (ideal @ discount[: len(ideal)]))


if __name__ == "__main__":
    sys.exit(main())
