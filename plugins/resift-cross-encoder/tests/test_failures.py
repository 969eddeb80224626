"""Models that fail or give NaN, texts without tokens, and scores that round to 1."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

import resift
from resift_cross_encoder import CrossEncoder


@pytest.fixture
def broken(model, tmp_path):
    """Return a function that saves a copy of the model with a changed network."""

    def save(change) -> Path:
        folder = Path(shutil.copytree(model, tmp_path / "broken"))
        network = transformers.BertForSequenceClassification.from_pretrained(folder)
        with torch.no_grad():
            change(network)
        network.save_pretrained(folder)
        return folder

    return save


def test_what_overflows_in_sixteen_bits_names_dtype(broken, query, documents) -> None:
    """NaN is an error with the option to change, never a ranking."""

    def overflow(network):
        layer = network.bert.encoder.layer[1]
        layer.intermediate.dense.weight *= 3e4
        layer.output.dense.weight *= 3e4

    folder = broken(overflow)
    options = {"model": folder, "backend": "torch", "device": "cpu"}

    with pytest.raises(resift.ModelError) as caught:
        CrossEncoder(**options, dtype="float16").score(query, documents)
    wide = CrossEncoder(**options, dtype="float32").score(query, documents)

    assert str(caught.value) == (
        f"cross-encoder: option 'dtype': {str(folder)!r} gives scores that are not "
        "finite in float16, 5 of 5. Set dtype='float32'."
    )
    assert np.isfinite(wide.values).all()


@pytest.mark.parametrize("backend", ["torch", "openvino", "onnx"])
def test_weights_that_are_nan_are_said_to_be(broken, query, documents, backend) -> None:
    """Where no wider dtype helps, the files are named as the cause."""
    for module in {"openvino": ["openvino"], "onnx": ["onnxruntime", "onnxscript"]}.get(
        backend, []
    ):
        pytest.importorskip(module)
    folder = broken(lambda network: network.classifier.bias.fill_(float("nan")))
    reranker = CrossEncoder(model=folder, backend=backend, dtype="float32")

    with pytest.raises(resift.ModelError) as caught:
        reranker.score(query, documents)

    assert str(caught.value) == (
        f"cross-encoder: option 'dtype': {str(folder)!r} gives scores that are not "
        "finite in float32, 5 of 5. That is the widest dtype there is: its files are "
        "damaged, or it is not made for these texts. Load another copy or revision."
    )


def test_a_token_that_the_model_has_no_row_for(broken, query, documents) -> None:
    """A tokenizer of another model is named, not the index that is out of range."""
    folder = broken(lambda network: network.resize_token_embeddings(20))
    reranker = CrossEncoder(model=folder, backend="torch", device="cpu")

    with pytest.raises(resift.ModelError) as caught:
        reranker.score(query, documents)

    assert str(caught.value) == (
        f"cross-encoder: option 'model': {str(folder)!r} failed on a batch "
        "(IndexError: index out of range in self). It has no row for one of the "
        "tokens or positions: set a smaller max_length; if that does not help, its "
        "tokenizer belongs to another model."
    )


@pytest.mark.parametrize("activation", ["sigmoid", "auto"])
def test_scores_that_round_to_one_keep_the_order_of_their_logits(
    broken, query, documents, activation
) -> None:
    """Beyond a logit of 37 every sigmoid is 1; the order of the documents stays."""

    def raise_logits(network):
        network.classifier.weight *= 3
        network.classifier.bias.fill_(90.0)

    options = {"model": broken(raise_logits), "backend": "torch", "dtype": "float32"}
    logits = CrossEncoder(**options, activation="none").score(query, documents)

    scores = CrossEncoder(**options, activation=activation).score(query, documents)

    assert len(set(scores.values.tolist())) < len(documents)
    assert scores.order.tolist() == np.argsort(-logits.values).tolist()
    assert logits.order is None


def test_a_pair_without_tokens_is_not_scored(tmp_path) -> None:
    """What a tokenizer makes nothing of, on both sides, is unscored with a note."""
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1, "<pad>": 2}, "<unk>"))
    backend.normalizer = normalizers.Replace("\u200b", "")
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",  # noqa: S106  # not a password
        pad_token="<pad>",  # noqa: S106
        model_max_length=64,
    ).save_pretrained(tmp_path)
    config = transformers.MistralConfig(
        vocab_size=3,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=8,
        max_position_embeddings=64,
        pad_token_id=2,
        num_labels=1,
    )
    network = transformers.MistralForSequenceClassification(config)
    network.save_pretrained(tmp_path)
    reranker = CrossEncoder(model=tmp_path, backend="torch", dtype="float32")

    scores = reranker.score("\u200b", ["\u200b", "red"])
    full = reranker.score("red", ["\u200b", "red"])

    assert np.isnan(scores.values).tolist() == [True, False]
    assert scores.notes == (
        "cross-encoder: 1 of 2 documents have no tokens, nor has the query: they were "
        "not scored.",
    )
    assert np.isfinite(full.values).all()
