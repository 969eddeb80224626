"""How alike two embeddings are: higher is more alike, whatever the measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatArray", "similarities"]

DoubleArray: TypeAlias = NDArray[np.float64]
FloatArray: TypeAlias = NDArray[np.floating]
_ROWS = 4096  # that are widened at once


def similarities(query: FloatArray, documents: FloatArray, measure: str) -> DoubleArray:
    r"""Compare one embedding with many.

    .. math::
        \cos = \frac{q \cdot d}{|q| |d|}, \quad
        \mathrm{dot} = q \cdot d, \quad
        \mathrm{euclidean} = \frac{1}{1 + |q - d|_2}, \quad
        \mathrm{manhattan} = \frac{1}{1 + |q - d|_1}

    Computed in float64, in which close neighbours stay apart and the squares of
    large and small numbers are neither infinite nor 0.

    Args:
        query: Its embedding, shape ``(dim,)``.
        documents: Theirs, shape ``(n_docs, dim)``.
        measure: The name of the measure.

    Returns:
        Shape ``(n_docs,)``, float64; the cosine with a vector of zeros is 0. Distances
        become similarities in 0..1.
    """
    asked = query.astype(np.float64)
    compare = _MEASURES[measure]
    parts = (documents[i : i + _ROWS] for i in range(0, len(documents), _ROWS))
    found = [compare(asked, part.astype(np.float64)) for part in parts]
    return np.concatenate([np.empty(0), *found])


def _cosine(query: DoubleArray, documents: DoubleArray) -> DoubleArray:
    lengths = np.sqrt(np.einsum("ij,ij->i", documents, documents))
    lengths *= np.linalg.norm(query)
    dots = _dot(query, documents)
    cosines: DoubleArray = np.zeros_like(dots)
    np.divide(dots, lengths, out=cosines, where=lengths > 0)
    return cosines


def _dot(query: DoubleArray, documents: DoubleArray) -> DoubleArray:
    dots: DoubleArray = documents @ query
    return dots


def _euclidean(query: DoubleArray, documents: DoubleArray) -> DoubleArray:
    distances: DoubleArray = np.linalg.norm(documents - query, axis=1)
    return 1 / (1 + distances)


def _manhattan(query: DoubleArray, documents: DoubleArray) -> DoubleArray:
    distances: DoubleArray = np.abs(documents - query).sum(axis=1)
    return 1 / (1 + distances)


_MEASURES: dict[str, Callable[[DoubleArray, DoubleArray], DoubleArray]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}
