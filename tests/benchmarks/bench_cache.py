"""What does `cache` save, and what does it cost? Beside a cross-encoder on a CPU.

    python tests/benchmarks/bench_cache.py

The cross-encoder has the shape of MiniLM-L6 (22 million parameters, 384 wide) and
random weights: its scores mean nothing, its time does. 100 documents a call: abstracts
of SciFact from RESIFT_DATA or ../shared/data, or else docstrings of this Python. Cold
and plain calls are measured in turns. Exits with 1 if a target is missed. diskcache is
left out where it is not installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

import resift
from resift_cache import Store
from resift_cache.store import Entry

SIZE = 100
ROUNDS = 5


class Nothing:
    """A reranker that takes no time: what is left is the cache's own.

    It says as much about each document as a cross-encoder that cuts some of them.
    """

    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> resift.Scores:
        n = len(documents)
        cut = {"tokens_cut": np.arange(n, dtype=np.int32)}
        return resift.Scores(np.arange(float(n)), cut, ["nothing: some were cut"])


def main() -> int:
    """Measure everything; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        met = [*beside_a_model(Path(folder)), *beside_diskcache(Path(folder))]
    return int(not all(met))


def beside_a_model(folder: Path) -> Iterator[bool]:
    """Compare cold and cached calls with the model alone."""
    texts = documents()
    model = {"use": "cross-encoder", "options": {"model": minilm(folder / "model")}}
    plain = resift.load("cross-encoder", config=None, **model["options"]).warmup()
    cached = resift.load(
        "cache", config=None, reranker=model, directory=folder / "scores"
    ).warmup()
    alone, cold, warm = [], [], []
    for i in range(ROUNDS):
        query = f"{i} does this hold in mice?"
        alone.append(seconds(lambda q=query: plain.score(q, texts)))
        cold.append(seconds(lambda q=query: cached.score(q, texts)))
        warm.append(seconds(lambda q=query: cached.score(q, texts), 20))
    scores = cached.score("0 does this hold in mice?", texts)
    same = np.allclose(scores.values, plain.score("0 does this hold in mice?", texts))
    model_time = statistics.median(alone)
    saved = model_time / statistics.median(warm)
    line("cross-encoder alone, 100 documents", model_time)
    line("cold cache around it", statistics.median(cold))
    met = f"{saved:.0f}x, target >= 50x: {_met(saved >= 50 and same)}"
    line("all found", statistics.median(warm), met)
    yield saved >= 50 and same

    nothing = resift.load(
        "cache", config=None, reranker=Nothing(), directory=folder / "own", version="1"
    )
    nothing.score("first", texts)
    bare = resift.Reranker(Nothing())
    own = statistics.median(
        seconds(lambda q=str(i): nothing.score(q, texts))
        - seconds(lambda q=str(i): bare.score(q, texts))
        for i in range(40)
    )
    share = own / model_time
    met = f"{share:.2%} of the model's, target <= 5%: {_met(share <= 0.05)}"
    line("the cache's own time when cold", own, met)
    yield share <= 0.05


def beside_diskcache(folder: Path) -> Iterator[bool]:
    """Compare the store with the library that was tried first."""
    store = Store(folder / "store")
    batches = [[os.urandom(16) for _ in range(SIZE)] for _ in range(40)]
    entries = [dict.fromkeys(keys, Entry(0.5)) for keys in batches]
    ours = [
        statistics.median(seconds(lambda e=e: store.put(e, "mine")) for e in entries),
        statistics.median(seconds(lambda k=k: store.get(k)) for k in batches),
    ]
    print(f"store, {SIZE} keys: put {ours[0] * 1e3:.2f} ms, get {ours[1] * 1e3:.2f} ms")
    if importlib.util.find_spec("diskcache") is None:
        print("diskcache is not installed")
        return
    import diskcache

    cache = diskcache.Cache(str(folder / "diskcache"))

    def put(keys: list[bytes]) -> None:
        with cache.transact():
            for key in keys:
                cache.set(key, 0.5)

    theirs = [
        statistics.median(seconds(lambda k=k: put(k)) for k in batches),
        statistics.median(
            seconds(lambda k=k: [cache.get(key) for key in k]) for k in batches
        ),
    ]
    print(
        f"diskcache:      put {theirs[0] * 1e3:.2f} ms ({theirs[0] / ours[0]:.1f}x), "
        f"get {theirs[1] * 1e3:.2f} ms ({theirs[1] / ours[1]:.1f}x)"
    )
    cache.close()
    yield True


def line(what: str, took: float, met: str = "") -> None:
    """Print one line of the result."""
    print(f"{what:<36} {took * 1e3:9.2f} ms   {met}")


def seconds(function: Callable[[], object], times: int = 1) -> float:
    """Return how long one call takes, the mean of some."""
    start = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - start) / times


def documents() -> list[str]:
    """Return distinct texts of some hundred words."""
    root = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("RESIFT_DATA", root.parent / "shared" / "data"))
    corpus = data / "scifact" / "corpus.jsonl"
    if corpus.exists():
        with corpus.open(encoding="utf-8") as lines:
            return [json.loads(next(lines))["text"] for _ in range(SIZE)]
    names = ("argparse", "logging", "threading", "email.message", "tarfile", "typing")
    modules = [importlib.import_module(name) for name in names]
    texts = {
        getattr(value, "__doc__", None) or ""
        for module in modules
        for value in vars(module).values()
    }
    return sorted(texts, key=len)[-SIZE:]


def minilm(folder: Path) -> str:
    """Save a cross-encoder of MiniLM's shape with random weights; return its folder."""
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertTokenizer,
    )

    torch.manual_seed(7)
    words = sorted({word for text in documents() for word in text.lower().split()})
    letters = [chr(c) for c in range(33, 127)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    BertTokenizer(vocab=vocabulary, model_max_length=512).save_pretrained(folder)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


def _met(met: object) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
