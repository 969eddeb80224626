"""Run the local models on one NVIDIA GPU, and print what was seen as Markdown.

Nothing is downloaded: the models have random weights and real sizes, and the texts are
made, or the lines of the file that ``RESIFT_TEXTS`` names. Without a GPU it says so and
ends; ``--tiny`` runs every step on the CPU with tiny models, so that it stays sound.

    python tests/gpu/check.py
    python tests/gpu/check.py --tiny
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import resift
from resift_bi_encoder import BiEncoder
from resift_colbert import ColBERT
from resift_cross_encoder import CrossEncoder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
WORDS = [f"w{i}" for i in range(4000)]
BATCHES = (8, 32, 64, 128, 256)  # 32 is the default of `CrossEncoder.predict`
LANGUAGE_MODEL = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}[CLS] {{ m.content[0].text }} "
    "{% elif m.role == 'query' %}w1 {{ m.content[0].text }} "
    "{% elif m.role == 'document' %}w2 {{ m.content[0].text }} {% endif %}"
    "{% endfor %}[SEP] yes no"
)


@dataclass(frozen=True)
class Size:
    """The shape of a model with random weights."""

    name: str
    width: int
    layers: int
    heads: int
    inner: int


REAL = (
    Size("MiniLM-L6", 384, 6, 12, 1536),
    Size("bge-reranker-base", 768, 12, 12, 3072),
)
LARGE = Size("0.6B yes/no", 1024, 28, 16, 3072)
TINY = Size("tiny", 32, 2, 2, 64)


def write_classifier(folder: Path, size: Size, *, head: bool = True) -> Path:
    """Save a BERT with a head that scores pairs, or without one."""
    import torch
    import transformers

    tokens = [*SPECIAL, *WORDS]
    transformers.BertTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(tokens),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.inner,
        max_position_embeddings=512,
        num_labels=1,
        initializer_range=0.1,
    )
    kind = "BertForSequenceClassification" if head else "BertModel"
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


def write_language_model(folder: Path, size: Size) -> Path:
    """Save a causal model that answers yes or no."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokens = [*SPECIAL, "yes", "no", *WORDS]
    backend = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        chat_template=LANGUAGE_MODEL,
        pad_token="[PAD]",  # noqa: S106  # no password
        unk_token="[UNK]",  # noqa: S106  # no password
        eos_token="[SEP]",  # noqa: S106  # no password
        model_max_length=1024,
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = transformers.GraniteConfig(
        vocab_size=len(tokens),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads // 2,
        intermediate_size=size.inner,
        max_position_embeddings=1024,
        pad_token_id=0,
    )
    transformers.GraniteForCausalLM(config).save_pretrained(folder)
    return folder


def write_colbert(folder: Path, size: Size) -> Path:
    """Save what Stanford's ColBERT saves."""
    import torch
    from safetensors.torch import load_file, save_file

    write_classifier(folder, size, head=False)
    file = folder / "model.safetensors"
    weights = {f"bert.{name}": value for name, value in load_file(file).items()}
    weights["linear.weight"] = torch.randn(16, size.width) * 0.2
    save_file(weights, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["HF_ColBERT"]
    (folder / "config.json").write_text(json.dumps(config))
    told = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]"}
    told |= {"doc_maxlen": 180, "query_maxlen": 32, "mask_punctuation": True}
    (folder / "artifact.metadata").write_text(json.dumps(told))
    return folder


def made_texts(n: int) -> list[str]:
    """Return texts of 20 to 400 words, or the lines of the file in RESIFT_TEXTS."""
    if given := os.environ.get("RESIFT_TEXTS"):
        lines = Path(given).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.strip()][:n]
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(4.6, 0.8, n), 20, 400).astype(int)
    return [" ".join(draw.choice(WORDS, length)) for length in lengths]


def seconds(work: Callable[[], object], device: str) -> float:
    """Return how long *work* takes on a device that is warm."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def agreement(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def paired(
    folder: Path, name: str, dtype: str, texts: Sequence[str], device: str
) -> tuple[str, float]:
    """Return a row, and its agreement with float32; `predict` runs beside it, warm."""
    import sentence_transformers
    import torch

    query = " ".join(WORDS[:8])
    pairs = [(query, text) for text in texts]
    ours = CrossEncoder(model=folder, device=device, dtype=dtype, backend="torch")
    exact = CrossEncoder(model=folder, device=device, dtype="float32", backend="torch")
    theirs = sentence_transformers.CrossEncoder(
        str(folder), device=device, model_kwargs={"dtype": dtype}
    )
    ours.score(query, texts[:8])
    theirs.predict(pairs[:8])
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    mine = seconds(lambda: ours.score(query, texts), device)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0
    times = {
        size: seconds(
            lambda size=size: theirs.predict(
                pairs, batch_size=size, show_progress_bar=False
            ),
            device,
        )
        for size in BATCHES
    }
    best = min(times, key=times.__getitem__)
    engine = ours._engine.loaded  # what it did is the point
    encoded = engine.tokenizer.encode([query], [list(texts)])
    rows = engine.plan(encoded, ours)
    read = int(encoded.lengths.sum())
    padded = sum(
        len(row) * engine.runtime.width(encoded.lengths[row].max()) for row in rows
    )
    rho = agreement(ours.score(query, texts).values, exact.score(query, texts).values)
    row = (
        f"| {name} | {dtype} | {len(pairs) / mine:.0f} | {times[32] / mine:.2f} "
        f"| {times[best] / mine:.2f} ({best}) | {rho:.4f} | {1 - read / padded:.1%} "
        f"| {peak:.1f} GiB |"
    )
    return row, rho


def survives(folder: Path, texts: Sequence[str]) -> str:
    """Return what is logged where a batch is far too large for the memory."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("resift_cross_encoder")
    ear = Ear()
    logger.addHandler(ear)
    try:
        reranker = CrossEncoder(model=folder, token_budget=10**9, backend="torch")
        many = [f"{text} {i}" for i in range(40) for text in texts]
        scores = reranker.score(WORDS[0], many)
    finally:
        logger.removeHandler(ear)
    whole = bool(np.isfinite(scores.values).all())
    return f"All {len(many)} pairs scored: {whole}. Logged: {said or 'nothing'}"


def difference(kind: type, folder: Path, texts: Sequence[str], device: str) -> float:
    """Return the largest difference between the scores of the device and the CPU."""
    query = " ".join(WORDS[:8])
    there, here = (
        kind(model=folder, device=where, dtype="float32").score(query, texts).values
        for where in (device, "cpu")
    )
    return float(np.abs(there - here).max())


def packed(folder: Path, texts: Sequence[str], device: str) -> float:
    """Return how much faster 64 queries of 20 documents are together."""
    reranker = resift.Reranker(CrossEncoder(model=folder, device=device))
    reranker.warmup()
    queries = [f"{WORDS[i]} {WORDS[i + 1]}" for i in range(64)]
    documents = [
        [texts[(20 * i + j) % len(texts)] for j in range(20)] for i in range(64)
    ]
    together = seconds(lambda: reranker.score_many(queries, documents), device)

    def alone() -> None:
        for query, given in zip(queries, documents, strict=True):
            reranker.score(query, given)

    return seconds(alone, device) / together


def report(*, tiny: bool) -> int:
    """Print the table; return how many of its promises do not hold."""
    import torch

    device = "cpu" if tiny else "cuda"
    card = "the CPU, tiny models" if tiny else torch.cuda.get_device_name()
    texts = made_texts(16 if tiny else 2000)
    wrong = 0
    print(f"Seen on {card}, {len(texts)} pairs:\n")
    print(
        "| model | dtype | pairs/s | times `predict` | times its best batch "
        "| Spearman | padding | peak |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        sizes = (TINY,) if tiny else REAL
        folders = {
            size.name: write_classifier(root / size.name, size) for size in sizes
        }
        last = TINY if tiny else LARGE
        folders["0.6B yes/no"] = write_language_model(root / "language", last)
        for name, folder in folders.items():
            for dtype in ("bfloat16",) if tiny else ("float16", "bfloat16"):
                row, rho = paired(folder, name, dtype, texts, device)
                wrong += not tiny and rho < 0.999  # tiny scores lie too close
                print(row)
        first = folders[sizes[0].name]
        if not tiny:
            print(f"\n{survives(folders[sizes[-1].name], texts)}")
        some = texts[:8] if tiny else texts[:100]
        for kind, folder in (
            (ColBERT, write_colbert(root / "colbert", sizes[0])),
            (BiEncoder, write_classifier(root / "bi", sizes[0], head=False)),
        ):
            gap = difference(kind, folder, some, device)
            wrong += gap > 1e-3
            print(f"\n{kind.__name__}, largest difference to the CPU: {gap:.1e}")
        gain = packed(first, texts, device)
        print(f"\n64 queries of 20 documents, together: {gain:.2f} times as fast")
    return wrong


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="tiny models, on the CPU")
    tiny = parser.parse_args().tiny
    import torch

    if not tiny and not torch.cuda.is_available():
        print("Skipped: there is no NVIDIA GPU. Try --tiny.")
        return
    sys.exit(report(tiny=tiny))


if __name__ == "__main__":
    main()
