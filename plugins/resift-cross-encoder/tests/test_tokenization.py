from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import CrossEncoder

import resift
from resift_cross_encoder.prompted import PromptedTokenizer
from resift_cross_encoder.template import TemplateTokenizer
from resift_cross_encoder.tokenization import tokenizer_of

TEXT = st.text(alphabet="ab redfoxß .,\n\t\u200b雪", max_size=120)


@pytest.fixture(scope="module", params=["model", "roberta"])
def loaded(request):
    """A model twice: one to ask, one whose tokenizer is ours to change."""
    folder = str(request.getfixturevalue(request.param))
    return [CrossEncoder(folder, device="cpu") for _ in range(2)]


def reference(model, query, document, **limits):
    """Return the tokens that sentence-transformers itself gives the model."""
    limits = {"text": limits} if limits else None
    features = model.preprocess([(query, document)], processing_kwargs=limits)
    types = features.get("token_type_ids")
    return features["input_ids"][0].tolist(), None if types is None else types[
        0
    ].tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(query=TEXT, document=TEXT, max_length=st.integers(8, 32))
def test_tokens_are_the_references(loaded, query, document, max_length) -> None:
    """Any pair, cut at any length, gets the tokens that the model's own code gives."""
    tokenizer = tokenizer_of(loaded[1], max_length, prompt=None)
    whole, _ = reference(loaded[0], query, document, max_length=10_000)

    pairs = tokenizer.encode([query], [[document]])

    ids, types = reference(loaded[0], query, document, max_length=max_length)
    assert isinstance(tokenizer, TemplateTokenizer)
    assert pairs.ids[0].tolist() == ids
    assert (pairs.types and pairs.types[0].tolist()) == types
    assert pairs.cut[0] + pairs.query_cut[0] == len(whole) - len(ids)


def test_pairs_come_in_order(loaded) -> None:
    """Pairs follow the queries, and within one query its documents."""
    tokenizer = tokenizer_of(loaded[1], 32, prompt=None)

    pairs = tokenizer.encode(["fox", "dog"], [["red", "blue"], ["red"]])

    expected = [("fox", "red"), ("fox", "blue"), ("dog", "red")]
    assert [row.tolist() for row in pairs.ids] == [
        reference(loaded[0], *pair)[0] for pair in expected
    ]


def test_prompt_goes_before_the_query(loaded) -> None:
    """A prompt is put in front of the query's text."""
    tokenizer = tokenizer_of(loaded[1], 32, prompt="where is ")

    pairs = tokenizer.encode(["paris"], [["france"]])

    assert pairs.ids[0].tolist() == reference(loaded[0], "where is paris", "france")[0]


def test_left_truncation_keeps_the_end(loaded) -> None:
    """A tokenizer that cuts in front keeps the end of the document."""
    ours, theirs = (model.tokenizer for model in loaded)
    ours.truncation_side = theirs.truncation_side = "left"
    document = "the red fox runs in the snow at night and eats"

    pairs = tokenizer_of(loaded[1], 10, prompt=None).encode(["fox"], [[document]])

    ids, _ = reference(loaded[0], "fox", document, max_length=10)
    ours.truncation_side = theirs.truncation_side = "right"
    assert pairs.ids[0].tolist() == ids


def test_rectangle_pads_the_right_side(model) -> None:
    """Rows of different lengths become one rectangle with a mask."""
    tokenizer = tokenizer_of(CrossEncoder(str(model), device="cpu"), 64, prompt=None)
    pairs = tokenizer.encode(["fox"], [["red", "red dog"]])

    inputs = pairs.inputs(np.array([0, 1]), width=7)

    assert inputs["attention_mask"].tolist() == [[1] * 5 + [0] * 2, [1] * 6 + [0]]
    assert inputs["token_type_ids"].tolist() == [
        [0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 1, 0],
    ]
    assert (inputs["input_ids"] == 0).tolist() == [
        [False] * 5 + [True] * 2,
        [False] * 6 + [True],
    ]


def test_chat_templates_are_left_to_the_model(language_model, long_document) -> None:
    """A language model's template is applied by its own code, cut to fit."""
    loaded = CrossEncoder(str(language_model), device="cpu")
    tokenizer = tokenizer_of(loaded, 64, prompt="answer")

    pairs = tokenizer.encode(["fox"], [["red", long_document]])

    assert isinstance(tokenizer, PromptedTokenizer)
    assert tokenizer.layout.pad_left
    assert len(pairs.ids[1]) == 64
    assert pairs.cut.tolist() == [0, pairs.cut[1]]
    for row, document in zip(pairs.ids, ["red", long_document], strict=True):
        features = loaded.preprocess([("fox", document)], prompt="answer")
        assert row.tolist() == features["input_ids"][0].tolist()


@pytest.mark.parametrize("folder", ["model", "roberta", "language_model"])
def test_spans_say_where_each_token_lies(request, folder) -> None:
    """As many spans as tokens, in order, white space in none; nothing is cut off."""
    loaded = CrossEncoder(str(request.getfixturevalue(folder)), device="cpu")
    tokenizer = tokenizer_of(loaded, 16, prompt=None)
    text = "the red fox,  hunts " * 40
    ids = loaded.tokenizer(text, add_special_tokens=False, verbose=False).input_ids

    spans = tokenizer.spans(text)

    assert len(spans) == len(ids) > 100
    assert spans == sorted(spans)
    assert {text[i:j].strip(" ,") for i, j in spans} >= {"the", "red", "fox", "hunts"}


def test_a_slow_tokenizer_counts_letters(language_model) -> None:
    """It cannot say where its tokens lie; an estimate is better than none."""
    loaded = CrossEncoder(str(language_model), device="cpu")
    tokenizer = PromptedTokenizer(loaded, 64, None)
    tokenizer._model = SimpleNamespace(tokenizer=SimpleNamespace(is_fast=False))

    assert tokenizer.spans("fox hunting") == [(0, 3), (4, 8), (8, 11)]


def test_passages_are_counted_in_tokens_of_the_model(model) -> None:
    """`chunk` around it cuts so that the model reads every passage whole."""
    pytest.importorskip("resift_chunk", reason="resift-chunk is not installed")
    inner = resift.load("cross-encoder", config=None, model=str(model), max_length=32)
    outer = resift.load("chunk", config=None, reranker=inner, size=24, overlap=4)
    long = "unknownwords are spelled out, letter by letter. " * 20

    alone = inner.score("red fox", [long])
    chunked = outer.score("red fox", [long])

    assert alone.columns["tokens_cut"][0].as_py() > 0
    assert "tokens_cut" not in chunked.columns
    assert chunked.notes == ()
