from __future__ import annotations

import logging
import re

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder as Reference

from resift import ModelError
from resift_cross_encoder import CrossEncoder


@pytest.fixture
def reranker(model):
    """A loaded reranker on torch whose batches hold everything."""
    reranker = CrossEncoder(
        model=model, backend="torch", device="cpu", token_budget=10_000
    )
    reranker.warmup()
    return reranker


@pytest.fixture
def memory(reranker):
    """Let the model's forward run out of memory above a number of tokens."""
    network = reranker._engine.loaded.runtime.model[0].model
    forward, seen = network.forward, []
    limit = {"tokens": 10**9}

    def bounded(input_ids, **inputs):
        seen.append(input_ids.numel())
        if input_ids.numel() > limit["tokens"]:
            msg = "CUDA out of memory."
            raise torch.cuda.OutOfMemoryError(msg)
        return forward(input_ids=input_ids, **inputs)

    network.forward = bounded
    return limit, seen


def test_batches_shrink_until_they_fit(reranker, memory, model, query, documents):
    """A batch that does not fit is split, and the scores are what they would be."""
    limit, seen = memory
    limit["tokens"] = 50

    values = reranker.score(query, documents * 3).values

    reference = Reference(str(model), device="cpu")
    expected = reference.predict([(query, text) for text in documents * 3])
    assert values == pytest.approx(expected, abs=2e-2)  # bfloat16 where the CPU has it
    assert max(seen) > 50
    assert seen[-1] <= 50


def test_a_size_that_failed_is_not_tried_again(reranker, memory, query, documents):
    """Later batches, and later calls, stay below what did not fit."""
    limit, seen = memory
    limit["tokens"] = 50
    reranker.score(query, documents)
    seen.clear()

    reranker.score(query, documents * 4)

    assert max(seen) <= 50


def test_shrinking_is_logged(reranker, memory, query, documents, caplog):
    """The log says what did not fit and which option keeps it from happening."""
    limit, _ = memory
    limit["tokens"] = 60

    with caplog.at_level(logging.WARNING, "resift_cross_encoder"):
        reranker.score(query, documents)

    assert [record.getMessage() for record in caplog.records] == [
        "cross-encoder: 100 tokens at once do not fit into the memory of cpu: batches "
        "shrink to 50. Set token_budget to keep them so."
    ]


def test_a_pair_that_never_fits(reranker, memory, query, documents):
    """A single pair that does not fit is an error that names the remedies."""
    limit, _ = memory
    limit["tokens"] = 10
    expected = (
        "cross-encoder: one pair of 20 tokens does not fit into the memory of cpu. Set "
        "a smaller max_length, dtype='float16', or another device."
    )

    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$") as caught:
        reranker.score(query, documents)
    assert isinstance(caught.value.__cause__, torch.cuda.OutOfMemoryError)


def test_scores_are_finer_than_bfloat16(model, query, documents):
    """In 16 bits the last layer is computed in float32, so that scores differ."""
    reranker = CrossEncoder(
        model=model, backend="torch", device="cpu", dtype="bfloat16", activation="none"
    )

    values = reranker.score(query, documents).values

    rounded = torch.from_numpy(values).bfloat16().double().numpy()
    assert (values != rounded).all()
    assert np.unique(values).size == len(documents)


def test_threads(model, query, documents):
    """`threads` is handed to torch."""
    before = torch.get_num_threads()
    reranker = CrossEncoder(model=model, backend="torch", device="cpu", threads=1)

    reranker.score(query, documents)

    found = torch.get_num_threads()
    torch.set_num_threads(before)
    assert found == 1
