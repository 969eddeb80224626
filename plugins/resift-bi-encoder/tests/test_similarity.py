from __future__ import annotations

import numpy as np
import pytest

from resift_bi_encoder.similarity import similarities

QUERY = np.array([3.0, 4.0], dtype=np.float32)
DOCUMENTS = np.array([[3.0, 4.0], [4.0, 3.0], [-6.0, -8.0]], dtype=np.float32)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("cosine", [1.0, 24 / 25, -1.0]),
        ("dot", [25.0, 24.0, -50.0]),
        ("euclidean", [1.0, 1 / (1 + 2**0.5), 1 / 16]),
        ("manhattan", [1.0, 1 / 3, 1 / 22]),
    ],
)
def test_by_hand(measure, expected) -> None:
    """Each measure gives what its formula says."""
    assert similarities(QUERY, DOCUMENTS, measure) == pytest.approx(expected)


@pytest.mark.parametrize("measure", ["cosine", "dot", "euclidean", "manhattan"])
def test_like_sentence_transformers(measure) -> None:
    """Each measure ranks as the function of that name in sentence-transformers."""
    from sentence_transformers.util import SimilarityFunction

    random = np.random.default_rng(7)
    query = random.normal(size=8).astype(np.float32)
    documents = random.normal(size=(20, 8)).astype(np.float32)
    theirs = SimilarityFunction.to_similarity_fn(measure)(query, documents)[0].numpy()

    ours = similarities(query, documents, measure)

    assert np.argsort(ours).tolist() == np.argsort(theirs).tolist()
    if measure in ("cosine", "dot"):
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_zero_vector_is_like_nothing() -> None:
    """The cosine with a vector of zeros is 0, not NaN."""
    documents = np.zeros((2, 2), dtype=np.float32)

    assert similarities(QUERY, documents, "cosine").tolist() == [0.0, 0.0]


def test_half_floats() -> None:
    """float16 vectors are compared in float64."""
    found = similarities(QUERY, DOCUMENTS.astype(np.float16), "cosine")

    assert found.dtype == np.float64
    assert found == pytest.approx([1.0, 0.96, -1.0])


def test_no_documents() -> None:
    """No documents, no scores."""
    empty = np.empty((0, 0), dtype=np.float32)

    assert similarities(QUERY, empty, "cosine").tolist() == []
