"""Models that give NaN, and tokenizers that know of no end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import resift
from resift_bi_encoder import BiEncoder

WORDS = ["red", "fox", "hen", "blue"]


@pytest.mark.parametrize(
    ("dtype", "scale", "remedy"),
    [
        ("float16", 3e4, "Set dtype='float32'."),
        (
            "float32",
            float("nan"),
            "That is the widest dtype there is: its files are damaged, or it is not "
            "made for these texts. Load another copy or revision.",
        ),
    ],
)
def test_nan_is_an_error_that_names_dtype(
    model, tmp_path, query, dtype, scale, remedy
) -> None:
    """Embeddings that are not finite are refused, not compared."""
    encoder = SentenceTransformer(str(model), device="cpu")
    layer = encoder[0].model.encoder.layer[1]
    with torch.no_grad():
        layer.intermediate.dense.weight *= scale
        layer.output.dense.weight *= scale
    encoder.save(str(tmp_path))

    with pytest.raises(resift.ModelError) as caught:
        BiEncoder(model=tmp_path, device="cpu", dtype=dtype).score(query, ["a"])

    assert str(caught.value) == (
        f"bi-encoder: option 'dtype': {str(tmp_path)!r} gives embeddings that are not "
        f"finite in {dtype}, 1 of 1. {remedy}"
    )


def roberta(folder: Path, length: int | None) -> Path:
    """Save a RoBERTa with 64 positions; *length* is what its tokenizer says."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in names.items()},
        **({} if length is None else {"model_max_length": length}),
    ).save_pretrained(folder / "parts")
    torch.manual_seed(7)
    config = transformers.RobertaConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,  # 64 and the padding index
        pad_token_id=1,
    )
    transformers.RobertaModel(config).save_pretrained(folder / "parts")
    body = Transformer(str(folder / "parts"))
    modules = [body, Pooling(body.get_embedding_dimension())]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.mark.parametrize("length", [None, 66, 100_000])
def test_a_tokenizer_that_knows_of_no_end(tmp_path, length) -> None:
    """Texts are cut to the positions that the model has, and a note says so."""
    folder = roberta(tmp_path, length)
    texts = ["red fox " * 100, "hen"]

    free = BiEncoder(model=folder, dtype="float32").score("fox", texts)
    bound = BiEncoder(model=folder, dtype="float32", max_length=64).score("fox", texts)

    assert np.allclose(free.values, bound.values)
    assert free.columns["tokens_cut"].tolist() == [202 - 64, 0]
    assert free.notes == (
        "bi-encoder: 1 of 2 documents do not fit into the 64 tokens that the model "
        "reads: 138 tokens were cut (option 'max_length').",
    )
