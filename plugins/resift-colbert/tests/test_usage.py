from __future__ import annotations

import re

import pytest

import resift
from resift_colbert import ColBERT


def rounded(columns):
    """Return columns as text, their numbers to three digits."""
    text = str({name: list(map(str, values)) for name, values in columns.items()})
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.3f}", text)


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


@pytest.mark.parametrize("matches", [False, True])
def test_documents_are_remembered_from_call_to_call(model, matches):
    """They are not encoded again, which costs nothing; all else is the same."""
    options = {"model": model, "document_length": 8, "matches": matches}
    reranker = ColBERT(**options, remember=1)
    texts = [*TEXTS, "fox " * 50, "a whale"]
    first = reranker.score("fox", texts[:3])

    again = reranker.score("hen", texts)

    expected = ColBERT(**options).score("hen", texts)
    assert again.values == pytest.approx(expected.values, abs=1e-5)
    assert again.notes == expected.notes
    assert rounded(again.columns) == rounded(expected.columns)
    alone = ColBERT(**options).score("hen", ["a whale"])
    assert again.usage["input_tokens"] == alone.usage["input_tokens"]
    assert again.usage["tokens_cut"] == expected.usage["tokens_cut"] > 0
    assert first.usage["input_tokens"] > again.usage["input_tokens"]
