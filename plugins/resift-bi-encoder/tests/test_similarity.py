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


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_very_large_and_small_numbers(scale) -> None:
    """Squares that a float32 cannot hold change no cosine."""
    scaled = (DOCUMENTS.astype(np.float64) * scale).astype(np.float32)

    found = similarities(QUERY, scaled, "cosine")

    assert found == pytest.approx([1.0, 0.96, -1.0])


@pytest.mark.parametrize("measure", ["euclidean", "manhattan"])
def test_close_neighbours_stay_apart(measure) -> None:
    """Distances of 1e-9 and 2e-9 are two similarities, not both 1."""
    query = np.zeros(2, dtype=np.float32)
    documents = np.array([[1e-9, 0], [2e-9, 0]], dtype=np.float32)

    near, far = similarities(query, documents, measure)

    assert far < near < 1


def test_more_documents_than_are_widened_at_once() -> None:
    """Documents beyond one block are compared as those within it."""
    documents = np.tile(DOCUMENTS, (3000, 1))

    found = similarities(QUERY, documents, "dot")

    assert found.tolist() == [25.0, 24.0, -50.0] * 3000
