from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import sentence_transformers
import torch

import resift
from resift import ModelError, OptionsError
from resift_bi_encoder import BiEncoder
from resift_bi_encoder.checkpoint import _shorten


def message(reranker) -> str:
    """Return what loading the reranker's model raises."""
    with pytest.raises(ModelError) as caught:
        reranker.warmup()
    return str(caught.value)


@pytest.mark.parametrize("model", ["./nowhere", "/no/such/model", Path("nowhere")])
def test_missing_folder(model) -> None:
    """A path that does not exist names the option and what to give."""
    assert message(BiEncoder(model=model)) == (
        f"bi-encoder: option 'model': there is no folder {str(model)!r}. Give the "
        "folder of a saved embedding model, or a name on the Hub."
    )


def test_not_a_name() -> None:
    """What is neither a folder nor a valid name is refused without a request."""
    assert message(BiEncoder(model="a b")) == (
        "bi-encoder: option 'model': 'sentence-transformers/a b' is neither a folder "
        "nor a name on the Hub."
    )


def test_not_in_the_cache() -> None:
    """A model that is not in the cache, with no Hub to ask, says both."""
    reranker = BiEncoder(model="nobody/no-such-model", local_files_only=True)

    assert message(reranker) == (
        "bi-encoder: option 'model': 'nobody/no-such-model' is not in the local cache, "
        "and the Hub was not asked or cannot be reached. Load it once with a network, "
        "or give the folder of a saved model."
    )


def test_empty_folder(tmp_path) -> None:
    """A folder without a model is refused, with the reason of the loader."""
    found = message(BiEncoder(model=tmp_path))

    start = f"bi-encoder: option 'model': {str(tmp_path)!r} cannot be loaded as an "
    assert found.startswith(start + "embedding model (")


def test_wrong_head(tmp_path) -> None:
    """A cross-encoder makes no embeddings: it is refused."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    config = BertConfig(
        vocab_size=8,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    vocabulary = {word: i for i, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary).save_pretrained(tmp_path)

    assert message(BiEncoder(model=tmp_path)) == (
        f"bi-encoder: option 'model': {str(tmp_path)!r} "
        "(BertForSequenceClassification) scores pairs and makes no embeddings. Use it "
        "with 'cross-encoder'."
    )


def test_max_length_beyond_the_positions(model) -> None:
    """More tokens than the model has positions for would be encoded wrongly."""
    assert message(BiEncoder(model=model, max_length=33)) == (
        "bi-encoder: option 'max_length' must be at most 32, the positions of this "
        "model, got 33."
    )


def test_positions_begin_after_padding() -> None:
    """RoBERTa's table has two rows more than a text can have tokens."""
    table = torch.nn.Embedding(34, 2, padding_idx=1)
    model = torch.nn.ModuleDict({"position_embeddings": table})
    model.config = SimpleNamespace(max_position_embeddings=34)

    with pytest.raises(ModelError, match=r"must be at most 32, .* got 33"):
        _shorten(model, 33)


@pytest.mark.skipif(
    importlib.util.find_spec("optimum") is not None, reason="optimum is installed"
)
@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_backend_without_its_extra(model, backend) -> None:
    """A backend whose extra is missing names the extra."""
    found = message(BiEncoder(model=model, backend=backend))

    assert found.startswith(
        f"bi-encoder: option 'backend': {backend!r} cannot load {str(model)!r} ("
    )
    assert found.endswith(
        f"Use 'torch', or see what 'sentence-transformers[{backend}]' needs."
    )


@pytest.mark.parametrize(("backend", "seen"), [("openvino", "true"), ("torch", None)])
def test_openvino_reports_nothing(model, backend, seen, monkeypatch) -> None:
    """Its conversion runs where OpenVINO's telemetry declines."""
    real, found = sentence_transformers.SentenceTransformer, []

    def load(*args, backend, **options):
        found.append(os.environ.get("CI"))
        return real(*args, backend="torch", **options)

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", load)

    BiEncoder(model=model, backend=backend).warmup()

    assert found == [seen]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dimensions": 0}, "dimensions must be at least 1, got 0."),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0."),
        ({"embedings": "v"}, "Did you mean 'embeddings'?"),
        ({"similarity": "jaccard"}, "option 'similarity' must be 'auto', 'cosine'"),
    ],
)
def test_wrong_options(options, expected) -> None:
    """Options are checked when the reranker is loaded, before any model is."""
    with pytest.raises(OptionsError, match=re.escape(expected)):
        resift.load("bi-encoder", config=None, **options)
