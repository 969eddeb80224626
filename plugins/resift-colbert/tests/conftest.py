"""Checkpoints with random weights, in each of the formats that are about."""

from __future__ import annotations

import json
import os
import string
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
WORDS = """
    the a of in on is was red quick fox blue whale swims runs jumps over lazy dog paris
    lyon capital city france cheese wine bread river old new bridge stone moon sun star
    planet light night day cat mouse tree leaf rain snow wind sea ship sail
""".split()  # noqa: SIM905  # a list of 50 strings says no more
PUNCTUATION = list(".,;:!?-'\"()")
LETTERS = [f"{joint}{c}" for joint in ("", "##") for c in string.ascii_lowercase]

DIM, MAX_LENGTH, DOC_MAXLEN, QUERY_MAXLEN = 16, 128, 64, 32


def write_backbone(folder: Path, *, seed: int = 0) -> None:
    """Save a BERT of two narrow layers, and a WordPiece tokenizer for `WORDS`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = dict.fromkeys([*SPECIAL, *PUNCTUATION, *WORDS, *LETTERS])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = BertTokenizer(
        vocab={token: i for i, token in enumerate(vocabulary)},
        do_lower_case=True,
        model_max_length=MAX_LENGTH,
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
    )
    bert = BertModel(config).eval()
    with torch.no_grad():  # so that a word is most like itself, wherever it stands
        bert.embeddings.word_embeddings.weight *= 5
    bert.save_pretrained(folder)


def write_stanford(folder: Path, *, dim: int = DIM, seed: int = 0) -> Path:
    """Save what Stanford's ColBERT saves: a projection among the encoder's weights."""
    import torch
    from safetensors.torch import load_file, save_file

    write_backbone(folder, seed=seed)
    weights = load_file(folder / "model.safetensors")
    weights = {f"bert.{name}": value for name, value in weights.items()}
    weights["linear.weight"] = torch.randn(dim, 32) * 0.2
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["HF_ColBERT"]
    (folder / "config.json").write_text(json.dumps(config))
    metadata = {
        "query_token_id": "[unused0]",
        "doc_token_id": "[unused1]",
        "doc_maxlen": DOC_MAXLEN,
        "query_maxlen": QUERY_MAXLEN,
        "mask_punctuation": True,
        "attend_to_mask_tokens": False,
    }
    (folder / "artifact.metadata").write_text(json.dumps(metadata))
    return folder


def write_pylate(folder: Path) -> Path:
    """Save what PyLate saves: a modules.json and flat options."""
    import torch
    from safetensors.torch import save_file

    write_backbone(folder)
    dense = folder / "1_Dense"
    dense.mkdir()
    torch.manual_seed(1)
    save_file(
        {"linear.weight": torch.randn(DIM, 32) * 0.2}, dense / "model.safetensors"
    )
    (dense / "config.json").write_text(
        json.dumps(
            {
                "in_features": 32,
                "out_features": DIM,
                "bias": False,
                "activation_function": "torch.nn.modules.linear.Identity",
            }
        )
    )
    modules = [
        {
            "idx": 0,
            "name": "0",
            "path": "",
            "type": "sentence_transformers.models.Transformer",
        },
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    options = {
        "model_type": "ColBERT",
        "query_prefix": "[unused0] ",
        "document_prefix": "[unused1] ",
        "query_length": QUERY_MAXLEN,
        "document_length": DOC_MAXLEN,
        "do_query_expansion": True,
        "attend_to_expansion_tokens": False,
        "skiplist_words": PUNCTUATION,
    }
    (folder / "config_sentence_transformers.json").write_text(json.dumps(options))
    return folder


Format = Literal["stanford", "pylate", "native", "overflowing", "single-vector", "bare"]


def write_native(folder: Path, stanford: Path) -> Path:
    """Save a MultiVectorEncoder the way sentence-transformers does, no expansion."""
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(stanford), device="cpu")
    model[0].query_expansion = None
    model[0].query_length = 12
    model.similarity_fn_name = "meanmaxsim"
    model.save(str(folder))
    return folder


def write_overflowing(folder: Path) -> Path:
    """Save a checkpoint whose projection is beyond float16."""
    from safetensors.torch import load_file, save_file

    write_stanford(folder)
    weights = load_file(folder / "model.safetensors")
    weights["linear.weight"] *= 1e30
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_single_vector(folder: Path, backbone: Path) -> Path:
    """Save a bi-encoder: one vector per text."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    encoder = Transformer(str(backbone))
    pooling = Pooling(encoder.get_embedding_dimension(), "mean")
    SentenceTransformer(modules=[encoder, pooling], device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Format], str]:
    """Give the folder of a checkpoint in the named format, written on first use."""
    root = tmp_path_factory.mktemp("checkpoints")

    def written(format: Format) -> str:
        folder = root / format
        if folder.exists():
            return str(folder)
        if format == "stanford":
            write_stanford(folder)
        elif format == "pylate":
            write_pylate(folder)
        elif format == "overflowing":
            write_overflowing(folder)
        elif format == "bare":
            write_backbone(folder)
        elif format == "native":
            write_native(folder, Path(written("stanford")))
        else:
            write_single_vector(folder, Path(written("bare")))
        return str(folder)

    return written


@pytest.fixture(scope="session")
def model(checkpoint: Callable[[Format], str]) -> str:
    """The folder of a small Stanford ColBERT checkpoint with random weights."""
    return checkpoint("stanford")
