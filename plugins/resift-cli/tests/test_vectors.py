"""The demo's vectors: hashed TF-IDF."""

from __future__ import annotations

import math
import subprocess
import sys
import zlib

import numpy as np
import pytest

from resift_cli.demo.vectors import DIMENSIONS, document_vectors, query_vector


def oracle(word: str) -> np.ndarray:
    """Hash one word slowly: the word and its runs of four letters, each once."""
    vector = [0.0] * DIMENSIONS
    marked = f"<{word}>"
    for feature in {marked, *(marked[i : i + 4] for i in range(len(marked) - 3))}:
        value = zlib.crc32(feature.encode())
        vector[value % DIMENSIONS] += 1 if value >= 2**31 else -1
    return np.array(vector)


def test_query_by_hand():
    """A query sums its hashed words, each by 1 + ln of its count, to unit length."""
    expected = (1 + math.log(2)) * oracle("red") + oracle("fox")

    vector = query_vector("Red fox, red!")

    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), rtol=1e-6)
    assert vector.dtype == np.float32


def test_documents_by_hand():
    """A document's words count by idf too, ln(1 + N / n)."""
    expected = math.log(1 + 2 / 2) * oracle("red") + math.log(1 + 2 / 1) * oracle("fox")

    vectors = document_vectors(["red fox", "red"])

    assert vectors.shape == (2, DIMENSIONS)
    np.testing.assert_allclose(
        vectors[0], expected / np.linalg.norm(expected), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_inflections_are_near():
    """Words that share their beginning are nearer than words that do not."""
    sorting, sorted_, whale = document_vectors(["sorting", "sorted", "whale"])

    assert sorting @ sorted_ > 0.3 > abs(sorting @ whale)


def test_identifiers_are_split():
    """Words are parted at underscores, dots and humps."""
    np.testing.assert_array_equal(
        query_vector("get_sourceLines inspect.getFile"),
        query_vector("get source lines inspect get file"),
    )


@pytest.mark.parametrize("text", ["", "  \n", "... !?"])
def test_no_words(text):
    """A text without words is all zeros, and no error."""
    assert not query_vector(text).any()
    assert not document_vectors([text, "red"])[0].any()


def test_no_documents():
    """No documents give no vectors."""
    assert document_vectors([]).shape == (0, DIMENSIONS)


def test_same_in_every_process():
    """Vectors do not depend on the process: Python's own hash would."""
    code = (
        "import hashlib; from resift_cli.demo.vectors import document_vectors;"
        "vectors = document_vectors(['sort a list', 'x']);"
        "print(hashlib.sha256(vectors.data).hexdigest())"
    )

    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            env={"PYTHONHASHSEED": seed},
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(runs) == 1
