r"""The demo's vectors: hashed TF-IDF, which no model and no download is behind.

A word is hashed as a whole and by its runs of four letters, each into one of 512
places with a sign: "sorted" and "sorting" then share most of theirs. A text is the sum
of its words,

.. math:: v(d) = \sum_{w \in d} (1 + \ln f_{w,d}) \, \mathrm{idf}(w) \, h(w),

scaled to unit length. Only documents carry the idf, so that a query needs nothing
stored. Such vectors match by spelling, never by meaning: they stand in for a model's.

Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
https://doi.org/10.1145/1553374.1553516
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "EMBEDDING", "STATIC", "document_vectors", "query_vector"]

EMBEDDING = "resift-demo"
"""The name under which LanceDB knows these vectors."""
STATIC = "resift-demo-static"
"""The name of those that resift-static makes instead, where it is installed."""
DIMENSIONS = 512
_GRAM = 4  # letters, the marks of the word's two ends included
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # in getSource


def document_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed the documents of a corpus, whose idf they carry.

    Returns:
        Shape ``(n_docs, 512)``, unit length; a text without words is all zeros.
    """
    counts = [Counter(_words(text)) for text in texts]
    holding = Counter(word for words in counts for word in words)
    idf = {word: np.log1p(len(texts) / n) for word, n in holding.items()}
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for index, words in enumerate(counts):
        for word, times in words.items():
            vectors[index] += (1 + np.log(times)) * idf[word] * _hashed(word)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1)
    return vectors


def query_vector(text: str) -> NDArray[np.float32]:
    """Embed a query, shape ``(512,)``, unit length unless it has no words."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for word, times in Counter(_words(text)).items():
        vector += (1 + np.log(times)) * _hashed(word)
    return vector / (np.linalg.norm(vector) or 1)


def _words(text: str) -> list[str]:
    return _WORD.findall(_HUMP.sub(" ", text).lower())


@lru_cache(maxsize=50_000)
def _hashed(word: str) -> NDArray[np.float32]:
    marked = f"<{word}>"
    grams = {marked[i : i + _GRAM] for i in range(len(marked) - _GRAM + 1)}
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for feature in {*grams, marked}:
        value = zlib.crc32(feature.encode())
        vector[value % DIMENSIONS] += 1 if value >> 31 else -1
    return vector
