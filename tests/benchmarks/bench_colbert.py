"""How fast is late interaction? Beside sentence-transformers and maxsim-cpu.

    python tests/benchmarks/bench_colbert.py

MaxSim: one query of 32 tokens against 1 000 documents of 30 to 300 tokens, 128 wide.
Rerank: 100 texts of 60 to 180 words by a model of the size of ColBERT v2 (110 million
random weights: they take the time of trained ones), encoded at the call, and from a
column of stored token embeddings. Everything runs on the CPU.

Each is measured in turns, after a call that is not counted, and the medians are
compared. Results are compared before they are timed. Exits with 1 if a target is
missed. maxsim-cpu is left out where it is not installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pyarrow as pa
import torch
from sentence_transformers.util import maxsim as padded_maxsim

import resift
from resift_colbert import ColBERT
from resift_colbert.deadline import Deadline
from resift_colbert.maxsim import maxsim

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(7)
QUERY_TOKENS, DOCUMENTS, DIM = 32, 1_000, 128
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]


@dataclass(frozen=True)
class Row:
    """One line of the result: seconds, and the ratio that is promised."""

    case: str
    seconds: float
    ratio: float | None = None
    target: float | None = None

    @property
    def missed(self) -> bool:
        return self.target is not None and (self.ratio or 0) < self.target

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}x"
        line = f"{self.case:<52} {_duration(self.seconds):>10} {ratio:>8}"
        if self.target is None:
            return line
        return f"{line}  >= {self.target:g}x  {'MISSED' if self.missed else 'met'}"


def main() -> int:
    """Measure everything; return the exit code."""
    print(f"{torch.get_num_threads()} threads, {os.cpu_count()} processors")
    print(f"{'case':<52} {'time':>10} {'ratio':>8}  target")
    rows = []
    for measure in (maxsim_alone, rerank):
        for row in measure():
            print(row, flush=True)
            rows.append(row)
    return int(any(row.missed for row in rows))


def maxsim_alone() -> list[Row]:
    """MaxSim of token embeddings that are there already."""
    lengths = RNG.integers(30, 301, DOCUMENTS)
    query, tokens = _unit(QUERY_TOKENS), _unit(int(lengths.sum()))
    half = tokens.astype(np.float16)
    parts = np.split(tokens, np.cumsum(lengths)[:-1])
    tensors = [torch.from_numpy(part) for part in parts]
    asked = [torch.from_numpy(query)]
    calls: dict[str, Callable[[], object]] = {
        "resift": lambda: maxsim(query, tokens, lengths),
        "resift16": lambda: maxsim(query, half, lengths),
        "padded": lambda: padded_maxsim(asked, tensors).numpy()[0],
    }
    if importlib.util.find_spec("maxsim_cpu"):
        import maxsim_cpu

        calls["maxsim-cpu"] = lambda: maxsim_cpu.maxsim_scores_variable(query, parts)
    _require_equal(calls)
    took = in_turns(calls, rounds=15)
    ours, ours16 = took["resift"], took["resift16"]
    padded = took["padded"]
    rows = [
        Row("MaxSim: resift, float32", ours),
        Row("MaxSim: resift, float16 stored", ours16),
        Row(
            "  sentence-transformers, padded, against float32", padded, padded / ours, 4
        ),
    ]
    if other := took.get("maxsim-cpu"):
        rows.append(Row("  maxsim-cpu, against float32", other, other / ours, 1))
        rows.append(Row("  maxsim-cpu, against float16", other, other / ours16))
    return rows


def rerank() -> list[Row]:
    """A whole `Reranker.rerank` of 100 rows, from texts and from a column."""
    with tempfile.TemporaryDirectory() as folder:
        model = _write_model(Path(folder, "colbert"))
        texts = [" ".join(RNG.choice(WORDS, RNG.integers(60, 181))) for _ in range(100)]
        query = " ".join(texts[3].split()[:12])
        options = {"model": model, "device": "cpu", "document_length": 300}
        table = _with_embeddings(texts, ColBERT(**options))
        encoding = resift.load("colbert", config=None, **options)
        stored = resift.load("colbert", config=None, embeddings="tokens", **options)
        calls = {
            "encoded": lambda: encoding.rerank(query, table, id=None),
            "stored": lambda: stored.rerank(query, table, id=None),
        }
        encoded, read = (call() for call in calls.values())
        far = np.abs(
            encoded["_relevance_score"].to_numpy() - read["_relevance_score"].to_numpy()
        ).max()
        took = in_turns(calls, rounds=2, warm=False)
    tokens = len(table["tokens"].combine_chunks().flatten())
    return [
        Row(f"rerank 100 texts of {tokens} tokens: encoded", took["encoded"]),
        Row(
            f"  stored as float16 (scores differ by {far:.4f})",
            took["stored"],
            took["encoded"] / took["stored"],
            20,
        ),
    ]


def in_turns(
    calls: dict[str, Callable[[], object]], *, rounds: int, warm: bool = True
) -> dict[str, float]:
    """Time the calls one after another, round by round; return medians in seconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            if warm:
                call()
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def _require_equal(calls: dict[str, Callable[[], object]]) -> None:
    reference = np.asarray(calls["padded"]())
    for name, call in calls.items():
        far = np.abs(np.asarray(call()) - reference).max()
        allowed = 1e-2 if name == "resift16" else 1e-4  # stored in half precision
        if far > allowed:
            sys.exit(f"{name} differs from sentence-transformers by {far:.1e}")
        print(f"  {name} differs from sentence-transformers by {far:.1e}")


def _unit(n: int) -> np.ndarray:
    vectors = RNG.standard_normal((n, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _with_embeddings(texts: list[str], colbert: ColBERT) -> pa.Table:
    """Return the texts with their token embeddings in float16, as LanceDB has them."""
    values = [np.empty((0, DIM))] * len(texts)
    for batch in colbert.encoder().documents(texts, Deadline()):
        stops = np.cumsum(batch.tokens.lengths)[:-1]
        for row, part in zip(
            batch.rows, np.split(batch.tokens.values, stops), strict=True
        ):
            values[row] = part
    flat = pa.array(np.concatenate(values).astype(np.float16).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(flat, DIM)
    offsets = pa.array(np.cumsum([0, *map(len, values)]), pa.int32())
    return pa.table(
        {"text": texts, "tokens": pa.ListArray.from_arrays(offsets, vectors)}
    )


def _write_model(folder: Path) -> str:
    """Save a Stanford ColBERT checkpoint of the size of ColBERT v2, untrained."""
    from safetensors.torch import load_file, save_file
    from transformers import BertConfig, BertModel, BertTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
    vocabulary = [*special, *".,;:!?", *WORDS]
    BertTokenizer(
        vocab={token: i for i, token in enumerate(vocabulary)}, model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig()).save_pretrained(folder)  # the defaults are BERT base
    weights = load_file(folder / "model.safetensors")
    weights = {f"bert.{name}": value for name, value in weights.items()}
    weights["linear.weight"] = torch.randn(DIM, 768) * 0.02
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["HF_ColBERT"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "artifact.metadata").write_text(
        json.dumps({"query_maxlen": QUERY_TOKENS, "doc_maxlen": 180})
    )
    return str(folder)


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
