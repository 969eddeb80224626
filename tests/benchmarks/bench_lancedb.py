"""Search SciFact in an embedded LanceDB: quality, paging, and the bytes moved.

    python tests/benchmarks/bench_lancedb.py [--data DIR]

Needs the SciFact collection with MiniLM vectors: DIR, $RESIFT_DATA or ../shared/data
beside the checkout. Prints nDCG@10 of each merger through `resift.lancedb.search`,
whether pages tile, and how many bytes and how much time the legs take against
LanceDB's own ``.limit(100)`` with all columns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS

import resift.lancedb

ROOT = Path(__file__).resolve().parents[2]
QUERIES = 300
MERGERS = ("rrf", "dbsf", "relative", "convex")


def main() -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("RESIFT_DATA") or ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(default))
    folder = parser.parse_args().data / "scifact"
    if not (folder / "minilm.npz").is_file():
        print(f"SciFact with vectors is not at {folder}: nothing to measure.")
        return 1
    corpus = read(folder / "corpus.jsonl")
    arrays = np.load(folder / "minilm.npz")
    vectors = arrays["queries"].astype(np.float32)
    queries = list(zip(read(folder / "queries.jsonl"), vectors, strict=True))
    with tempfile.TemporaryDirectory() as path:
        table = build(path, corpus, arrays["docs"].astype(np.float32))
        quality(table, queries, qrels(folder / "qrels.tsv"))
        pages(table, queries)
        moved(table, queries)
    return 0


def read(path: Path) -> list[dict[str, str]]:
    """Return the lines of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return the judgements: query id -> document id -> relevance."""
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text().splitlines()[1:]:
        query, document, relevance = line.split("\t")
        judged.setdefault(query, {})[document] = int(relevance)
    return judged


def build(path: str, corpus: list[dict[str, str]], vectors: np.ndarray) -> object:
    """Return the table: id, text, vector, with a full-text index."""
    width = vectors.shape[1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width)
    texts = [f"{row['title']} {row['text']}" for row in corpus]
    rows = {"id": [row["_id"] for row in corpus], "text": texts, "vector": column}
    table = lancedb.connect(path).create_table("scifact", pa.table(rows))
    table.create_index("text", config=FTS())
    return table


def ndcg(ranked: list[str], judged: dict[str, int], k: int = 10) -> float:
    """Return nDCG@k with linear gain and a log2 discount."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gains = np.array([judged.get(i, 0) for i in ranked[:k]])
    best = np.array(sorted(judged.values(), reverse=True)[:k])
    ideal = (best * discounts[: len(best)]).sum()
    return float((gains * discounts[: len(gains)]).sum() / ideal)


def quality(table: object, queries: list, judged: dict) -> None:
    """Print nDCG@10 over all judged queries."""
    print(f"nDCG@10 on SciFact, {QUERIES} queries, window 100")
    settings = {name: {"reranker": name} for name in MERGERS}
    settings["full text only"] = {"reranker": "rrf", "vectors": False}
    settings["vectors only"] = {"reranker": "rrf", "fts": False}
    for name, options in settings.items():
        scores = []
        for query, vector in queries[:QUERIES]:
            given = {"vectors": {"vector": vector}, **options}
            page = resift.lancedb.search(table, query["text"], select=["id"], **given)
            scores.append(ndcg(page["id"].to_pylist(), judged[query["_id"]]))
        print(f"  {name:16s} {statistics.mean(scores):.4f}")


def pages(table: object, queries: list) -> None:
    """Print whether five pages of 10 are exactly the top 50."""
    same = 0
    for query, vector in queries[:50]:

        def page(limit: int, offset: int, text=query["text"], v=vector) -> pa.Table:
            return resift.lancedb.search(
                table, text, vectors={"vector": v}, limit=limit, offset=offset
            )

        tiled = pa.concat_tables([page(10, offset) for offset in range(0, 50, 10)])
        same += tiled.equals(page(50, 0))
    print(f"pages of 10 equal the top 50: {same} of 50 queries")


def moved(table: object, queries: list) -> None:
    """Print bytes and time of the legs, against both legs with all columns."""
    ours, theirs = [], []
    for query, vector in queries[:50]:
        start = time.perf_counter()
        resift.lancedb.search(table, query["text"], vectors={"vector": vector})
        middle = time.perf_counter()
        legs = [
            table.search(vector).limit(100).with_row_id(True).to_arrow(),
            table.search(query["text"], query_type="fts")
            .limit(100)
            .with_row_id(True)
            .to_arrow(),
        ]
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
    all_columns = sum(leg.nbytes for leg in legs)
    without = sum(leg.drop_columns(["vector"]).nbytes for leg in legs)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"bytes fetched by two legs of 100: {without:,} without the 384-wide vectors, "
        f"{all_columns:,} with ({all_columns / without:.1f}x)"
    )
    print(
        f"time of search, reranked, against two .limit(100) with all columns: "
        f"{ratio:.2f}x"
    )


if __name__ == "__main__":
    sys.exit(main())
