from __future__ import annotations

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
    assert scores.usage == {"input_tokens": expected}


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
