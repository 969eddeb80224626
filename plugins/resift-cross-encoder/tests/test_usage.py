from __future__ import annotations

import resift
from resift_cross_encoder import CrossEncoder


def test_tokens_read_are_told(model, documents, long_document):
    """Usage counts the tokens of the pairs as the model reads them, cut ones not."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = [*documents, long_document]
    read = tokenizer([("fox", text) for text in texts], truncation=True).input_ids

    scores = CrossEncoder(model=model).score("fox", texts)
    assert scores.usage == {"input_tokens": sum(map(len, read))}
    assert max(map(len, read)) == 64


def test_each_query_of_many_has_its_own(model, documents):
    """Pairs that are computed together are counted for the query they belong to."""
    reranker = resift.Reranker(CrossEncoder(model=model))

    one, two = reranker.score_many(["fox", "red fox"], [documents[:1], documents])
    assert one.usage == reranker.score("fox", documents[:1]).usage
    assert two.usage == reranker.score("red fox", documents).usage


def test_options_that_change_no_score_are_named():
    """Where and in what batches it is computed is no part of a cache's key."""
    assert CrossEncoder.neutral_options == (
        "batch_size",
        "device",
        "local_files_only",
        "show_progress",
        "threads",
        "token_budget",
    )
