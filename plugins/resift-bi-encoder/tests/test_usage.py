from __future__ import annotations

import pytest

import resift
from resift_bi_encoder import BiEncoder


def read(reranker, texts, task):
    """Return the tokens of texts with the model's prompt, as its tokenizer has them."""
    model = reranker._encoder.loaded.model
    rows = [model.prompts[task] + text for text in texts]
    ids = model.tokenizer(rows, truncation=True, max_length=model.max_seq_length)
    return sum(map(len, ids.input_ids))


def test_tokens_read_are_told(model, query, documents):
    """Usage counts the tokens of query and documents as the model reads them."""
    reranker = BiEncoder(model=model)
    texts = [*documents, "paris is the " * 30]

    scores = reranker.score(query, texts)
    expected = read(reranker, [query], "query") + read(reranker, texts, "document")
    assert scores.usage["input_tokens"] == expected
    assert scores.usage["tokens_cut"] == scores.columns["tokens_cut"].sum() > 0


def test_a_text_costs_once(model, query, documents):
    """A text of two queries is encoded once, and counted for the first."""
    reranker = resift.Reranker(BiEncoder(model=model))

    one, two = reranker.score_many([query, query], [documents, documents])
    alone = reranker.score(query, documents)
    assert one.usage == alone.usage
    assert two.usage["input_tokens"] == read(reranker.plugin, [query], "query")


def test_options_that_change_no_score_are_named():
    """What makes it fast is no part of a cache's key; what it computes in is."""
    assert "batch_size" in BiEncoder.neutral_options
    assert "dtype" not in BiEncoder.neutral_options


def test_documents_are_remembered_from_call_to_call(model, query, documents):
    """They are not encoded again, which costs nothing; what was cut is still told."""
    long = "paris is the " * 30
    reranker = BiEncoder(model=model, dtype="float32", remember=1)
    fresh = BiEncoder(model=model, dtype="float32")
    first = reranker.score(query, [*documents[:3], long])

    again = reranker.score(query, [documents[4], long, *documents])

    expected = fresh.score(query, [documents[4], long, *documents])
    assert again.values == pytest.approx(expected.values, abs=1e-6)
    assert again.notes == expected.notes
    assert again.columns["tokens_cut"].tolist() == (
        expected.columns["tokens_cut"].tolist()
    )
    asked = read(reranker, [query], "query")
    assert first.usage["input_tokens"] > asked
    assert again.usage["input_tokens"] == asked + read(
        reranker, documents[3:], "document"
    )


def test_what_is_remembered_has_an_end(model, query):
    """The documents that were not used longest are let go of."""
    reranker = BiEncoder(model=model, remember=1)
    texts = [f"fox {i} " + "x" * 10_000 for i in range(150)]

    reranker.score(query, texts)
    kept = reranker._encoder.loaded._remembered

    assert sum(one is not None for one in kept.of(texts)) == 2**20 // (
        10_000 + len("fox 100 ") + 16 * 4
    )
    assert kept.of(texts[:40]) == [None] * 40
