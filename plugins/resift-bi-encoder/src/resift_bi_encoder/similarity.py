"""How alike two embeddings are: higher is more alike, whatever the measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatArray", "Measure", "similarities"]

FloatArray: TypeAlias = NDArray[np.floating]
Measure = Literal["auto", "cosine", "dot", "euclidean", "manhattan"]


def similarities(query: FloatArray, documents: FloatArray, measure: str) -> FloatArray:
    r"""Compare one embedding with many.

    .. math::
        \cos = \frac{q \cdot d}{|q| |d|}, \quad
        \mathrm{dot} = q \cdot d, \quad
        \mathrm{euclidean} = \frac{1}{1 + |q - d|_2}, \quad
        \mathrm{manhattan} = \frac{1}{1 + |q - d|_1}

    Args:
        query: Its embedding, shape ``(dim,)``.
        documents: Theirs, shape ``(n_docs, dim)``; not copied where it is float32.
        measure: The name of the measure.

    Returns:
        Shape ``(n_docs,)``, float32; the cosine with a vector of zeros is 0. Distances
        become similarities in 0..1.
    """
    if not len(documents):
        return np.empty(0, dtype=np.float32)
    wide = documents.astype(np.float32, copy=False)  # BLAS knows no float16
    return _MEASURES[measure](query.astype(np.float32, copy=False), wide)


def _cosine(query: FloatArray, documents: FloatArray) -> FloatArray:
    lengths = np.sqrt(np.einsum("ij,ij->i", documents, documents))
    lengths *= np.linalg.norm(query)
    dots = _dot(query, documents)
    cosines: FloatArray = np.zeros_like(dots)
    np.divide(dots, lengths, out=cosines, where=lengths > 0)
    return cosines


def _dot(query: FloatArray, documents: FloatArray) -> FloatArray:
    dots: FloatArray = documents @ query
    return dots


def _euclidean(query: FloatArray, documents: FloatArray) -> FloatArray:
    distances: FloatArray = np.linalg.norm(documents - query, axis=1)
    return 1 / (1 + distances)


def _manhattan(query: FloatArray, documents: FloatArray) -> FloatArray:
    distances: FloatArray = np.abs(documents - query).sum(axis=1)
    return 1 / (1 + distances)


_MEASURES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}
