from __future__ import annotations

import re

import pytest
from sentence_transformers import CrossEncoder as Reference

import resift
from resift import ModelError
from resift_cross_encoder import CrossEncoder
from resift_cross_encoder.torch_runtime import TorchRuntime


@pytest.fixture(scope="module")
def reference(language_model):
    """The same model as sentence-transformers runs it."""
    return Reference(str(language_model), device="cpu")


@pytest.mark.parametrize("prompt", [None, "answer the"])
def test_scores_are_the_references(
    language_model, reference, query, documents, long_document, prompt
):
    """A model that answers yes or no scores as in sentence-transformers."""
    texts = [*documents, long_document]
    reranker = CrossEncoder(model=language_model, dtype="float32", prompt=prompt)

    scores = reranker.score(query, texts)

    expected = reference.predict([(query, text) for text in texts], prompt=prompt)
    assert scores.values == pytest.approx(expected, abs=1e-5)
    assert reranker.score_kind == "probability"
    assert isinstance(reranker._engine.loaded.runtime, TorchRuntime)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("GPTNeo", {"num_layers": 2, "attention_types": [[["global", "local"], 1]]}),
        pytest.param("Llama", {"num_key_value_heads": 2}, marks=pytest.mark.slow),
    ],
)
def test_a_batch_scores_as_each_pair_alone(
    tmp_path, save_language_model, documents, kind, options
):
    """Padding moves no token, whichever way a model reads positions."""
    folder = save_language_model(tmp_path, kind, **options)
    reranker = CrossEncoder(
        model=folder, backend="torch", device="cpu", dtype="float32"
    )

    scores = reranker.score("fox", documents).values

    reference = Reference(str(folder), device="cpu")
    expected = [float(reference.predict(("fox", text))) for text in documents]
    alone = [float(reranker.score("fox", [text]).values[0]) for text in documents]
    assert scores == pytest.approx(expected, abs=1e-5)
    assert alone == pytest.approx(expected, abs=1e-5)


def test_what_is_too_long_keeps_the_end_of_the_chat(language_model, long_document):
    """A long document loses its own end, not the place where the answer is read."""
    reranker = CrossEncoder(model=language_model, dtype="float32")
    reranker.warmup()
    tokenizer = Reference(str(language_model), device="cpu").tokenizer

    pairs = reranker._engine.loaded.tokenizer.encode(["fox"], [[long_document]])

    assert len(pairs.ids[0]) == 64
    assert tokenizer.decode(pairs.ids[0]).endswith("</s> yes no")


def test_truncation_is_reported(language_model, documents, long_document):
    """What the chat template and the text have too much is counted."""
    reranker = CrossEncoder(model=language_model, dtype="float32")

    scores = reranker.score("fox", [documents[0], long_document])

    cut = 90 + 6 - 64  # document, template with query, what the model reads
    assert scores.columns["tokens_cut"].tolist() == [0, cut]
    assert scores.notes == (
        "cross-encoder: 1 of 2 documents do not fit into the 64 tokens that the model "
        "reads: 32 tokens were cut (option 'max_length').",
    )


def test_sixteen_bits_keep_the_answers_apart(
    language_model, reference, query, documents
):
    """In 16 bits the two answers are still weighed in float32."""
    reranker = CrossEncoder(model=language_model, dtype="bfloat16", backend="torch")

    values = reranker.score(query, documents).values

    expected = reference.predict([(query, text) for text in documents])
    assert values == pytest.approx(expected, abs=3e-2)
    assert len(set(values.tolist())) == len(documents)


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_other_backends_refuse_it(language_model, backend):
    """A backend that runs plain classifiers only says so."""
    pytest.importorskip("openvino" if backend == "openvino" else "onnxruntime")
    reranker = resift.load(
        "cross-encoder", config=None, model=str(language_model), backend=backend
    )
    expected = (
        f"cross-encoder: option 'backend': {backend!r} runs models that read two plain "
        "texts; this one is a language model with a prompt. Use 'torch'."
    )

    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$"):
        reranker.warmup()


def test_label_is_not_for_it(language_model):
    """A model that has one answer has no label to pick by a wrong name."""
    reranker = CrossEncoder(model=language_model, label="yes")

    with pytest.raises(ModelError, match="option 'label' must be one of"):
        reranker.warmup()
