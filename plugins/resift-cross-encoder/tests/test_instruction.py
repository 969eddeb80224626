from __future__ import annotations

import json
import re
import shutil

import pytest
from sentence_transformers import CrossEncoder as Reference

import resift
from resift_cross_encoder import CrossEncoder

WORDS = "answer the"


def test_one_model_reads_many_instructions(language_model, query, documents):
    """An instruction is the model's prompt for that call, as sentence-transformers."""
    reference = Reference(str(language_model), device="cpu")
    reranker = resift.Reranker(
        CrossEncoder(model=language_model, dtype="float32", prompt="where is")
    )

    told = reranker.score(query, documents, instruction=WORDS)
    (many,) = reranker.score_many([query], [documents], instruction=WORDS)
    plain = reranker.score(query, documents)
    pairs = [(query, text) for text in documents]
    expected = reference.predict(pairs, prompt=WORDS)
    assert told.values == pytest.approx(expected, abs=1e-5)
    assert many.values == pytest.approx(expected, abs=1e-5)
    assert plain.values == pytest.approx(
        reference.predict(pairs, prompt="where is"), abs=1e-5
    )


def test_a_model_without_prompts_refuses_it(model, query, documents):
    """A classifier of two texts was never told what counts: the words are refused."""
    reranker = resift.load("cross-encoder", config=None, model=str(model))
    expected = (
        "Reranker 'cross-encoder' (resift-cross-encoder 0.1.0) does not read an "
        "instruction, so that it would have no effect. Leave it out, or use a reranker "
        "that reads one."
    )

    with pytest.raises(resift.InputError, match=f"^{re.escape(expected)}$"):
        reranker.rank(query, documents, instruction=WORDS)


def test_a_stored_prompt_is_named(model, tmp_path, query, documents):
    """A model that stores prompts takes an instruction, by its name or as words."""
    folder = tmp_path / "prompted"
    shutil.copytree(model, folder)
    Reference(str(folder), device="cpu", prompts={"cities": "city of the "}).save(
        str(folder)
    )
    assert (
        "cities"
        in json.loads((folder / "config_sentence_transformers.json").read_text())[
            "prompts"
        ]
    )
    reranker = resift.load("cross-encoder", config=None, model=str(folder))

    named = reranker.score(query, documents, instruction="cities")
    worded = reranker.score(query, documents, instruction="city of the ")
    assert named.values.tolist() == worded.values.tolist()
    assert named.values.tolist() != reranker.score(query, documents).values.tolist()


def test_a_composite_hands_it_to_the_model_that_reads_it(
    model, language_model, query, documents
):
    """Beside a model that reads none, the words reach the one that does, at once."""
    reader = CrossEncoder(model=language_model, dtype="float32")
    reranker = resift.load(
        "cascade",
        config=None,
        stages=[
            resift.Reranker(CrossEncoder(model=model), name="plain"),
            resift.Reranker(reader, name="told"),
        ],
        keep=[5],
    )

    told = reranker.score(query, documents, instruction=WORDS)
    alone = resift.Reranker(reader).score(query, documents, instruction=WORDS)
    assert told.values == pytest.approx(alone.values)
