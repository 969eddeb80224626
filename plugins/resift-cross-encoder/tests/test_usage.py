from __future__ import annotations

import numpy as np
import pytest

import resift
from resift.errors import BackendTimeoutError
from resift_cross_encoder import CrossEncoder


def test_tokens_read_are_told(model, documents, long_document):
    """Usage counts the tokens that the model reads, and apart from them those cut."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = [*documents, long_document]
    read = tokenizer([("fox", text) for text in texts], truncation=True).input_ids

    scores = CrossEncoder(model=model).score("fox", texts)
    whole = tokenizer([("fox", text) for text in texts]).input_ids
    assert scores.usage == {
        "input_tokens": sum(map(len, read)),
        "tokens_cut": sum(map(len, whole)) - sum(map(len, read)),
    }
    assert max(map(len, read)) == 64


def test_each_query_of_many_has_its_own(model, documents):
    """Pairs that are computed together are counted for the query they belong to."""
    reranker = resift.Reranker(CrossEncoder(model=model))

    one, two = reranker.score_many(["fox", "red fox"], [documents[:1], documents])
    assert one.usage == reranker.score("fox", documents[:1]).usage
    assert two.usage == reranker.score("red fox", documents).usage


def test_what_is_scored_at_the_deadline_is_the_answer(model, documents):
    """Inside `anytime`, a model out of time keeps the scores of the blocks it read."""
    pytest.importorskip("resift_anytime", reason="resift-anytime is not installed")
    blocks = []

    class Slow(CrossEncoder):
        @resift.hookimpl
        def score(self, query, documents, timeout):
            blocks.append(documents)
            if len(blocks) == 3:
                message = "No time is left."
                raise BackendTimeoutError(message)
            return super().score(query, documents, timeout)

    alone = resift.Reranker(CrossEncoder(model=model)).score("fox", documents[:4])
    reranker = resift.load(
        "anytime", config=None, reranker=Slow(model=model), block=2, deadline=60.0
    )

    scores = reranker.score("fox", documents)
    assert scores.values[:4] == pytest.approx(alone.values, abs=1e-5)
    assert np.isnan(scores.values[4:]).all()
    assert scores.notes == (
        "anytime: 4 of 5 documents were read, when the time was up; the others keep "
        "their order",
    )


def test_options_that_change_no_score_are_named():
    """Where and in what batches it is computed is no part of a cache's key."""
    assert CrossEncoder.neutral_options == (
        "batch_size",
        "device",
        "local_files_only",
        "remember",
        "show_progress",
        "threads",
        "token_budget",
    )
