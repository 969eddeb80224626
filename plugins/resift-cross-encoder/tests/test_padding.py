"""One padding token for the tokenizer and the model: rows score alike in a batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers
from sentence_transformers import CrossEncoder as Reference
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from resift_cross_encoder import CrossEncoder

WORDS = [
    "red",
    "fox",
    "hen",
    "blue",
    "green",
    "river",
    "city",
    "snow",
    "rain",
    "night",
    "day",
]
DOCUMENTS = ["red fox", "blue", "green river city snow rain night day hen", "hen fox"]


def classifier(folder: Path, kind: str, tokenizer_pad: str | None, pad: int | None):
    """Save a causal classifier; *pad* is what its config says."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="$A", pair="$A <s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if tokenizer_pad is not None:
        names["pad_token"] = tokenizer_pad
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=64,
        **names,
    ).save_pretrained(folder)
    torch.manual_seed(4)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
        num_key_value_heads=2,  # which GPT-2 has no use for
        num_labels=1,
        pad_token_id=1,
    )
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(
        folder
    )
    saved = json.loads((folder / "config.json").read_text())
    saved["pad_token_id"] = pad
    (folder / "config.json").write_text(json.dumps(saved))
    return folder


@pytest.mark.parametrize("kind", ["Mistral", "GPT2"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("tokenizer_pad", "pad"),
    [
        ("<pad>", 1),
        ("<pad>", None),
        ("</s>", None),  # the token that ends every row
        ("</s>", 1),
        ("<pad>", 2),
        ("<pad>", -1),  # how some configs say none
        (None, 1),
        (None, None),
    ],
)
def test_a_causal_classifier_scores_alike_in_a_batch(
    tmp_path, kind, side, tokenizer_pad, pad
) -> None:
    """Each score is what sentence-transformers gives that pair alone."""
    folder = classifier(tmp_path, kind, tokenizer_pad, pad)
    saved = json.loads((folder / "tokenizer_config.json").read_text())
    saved["padding_side"] = side
    (folder / "tokenizer_config.json").write_text(json.dumps(saved))
    reference = Reference(str(folder), device="cpu")
    if reference.tokenizer.pad_token is None:  # it cannot do without
        reference.tokenizer.pad_token = "<pad>"  # noqa: S105
    expected = [float(reference.predict(("red", text))) for text in DOCUMENTS]
    options = {"model": folder, "backend": "torch", "device": "cpu", "dtype": "float32"}

    together = CrossEncoder(**options).score("red", DOCUMENTS).values
    alone = CrossEncoder(**options, batch_size=1).score("red", DOCUMENTS).values

    assert together == pytest.approx(expected, abs=1e-5)
    assert alone == pytest.approx(expected, abs=1e-5)
