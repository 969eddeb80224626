from __future__ import annotations

import resift
from resift_colbert import ColBERT

TEXTS = ["red fox", "a hen in the snow"]


def test_tokens_read_are_told(model):
    """Usage counts what the model read: more for more text, no more than its length."""
    reranker = ColBERT(model=model, document_length=8)

    one = reranker.score("fox", TEXTS[:1]).usage["input_tokens"]
    both = reranker.score("fox", TEXTS).usage["input_tokens"]
    longest = reranker.score("fox", ["fox " * 500]).usage["input_tokens"]
    assert 0 < one < both
    assert longest - one <= 8


def test_a_text_costs_once(model):
    """A text of two queries is encoded once, and counted for the first."""
    reranker = resift.Reranker(ColBERT(model=model))

    one, two = reranker.score_many(["fox", "fox"], [TEXTS, TEXTS])
    assert one.usage == reranker.score("fox", TEXTS).usage
    assert two.usage["input_tokens"] < one.usage["input_tokens"]
