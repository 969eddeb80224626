"""The selection: documents one by one, each weighed against those chosen before."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]
    IntArray: TypeAlias = NDArray[np.int64]

__all__ = ["select"]


def select(
    relevance: FloatArray,
    vectors: NDArray[np.floating],
    trade_off: float,
    k: int | None = None,
) -> tuple[IntArray, FloatArray]:
    r"""Choose documents by maximal marginal relevance, best first.

    .. math::
        d_t = \arg\max_{d \notin S} \; \lambda \, r(d)
        - (1 - \lambda) \max_{s \in S} \max(0, \cos(d, s))

    The greatest similarity of each document to what is chosen is kept, and only
    compared with the document chosen last: O(k n) similarities in all. It never falls,
    so that the values of the documents never rise from one choice to the next.

    Args:
        relevance: Greater is better, shape ``(n,)``.
        vectors: One row per document, unit length; a row of zeros is similar to
            nothing. Shape ``(n, dim)``.
        trade_off: :math:`\lambda`, from 0 (only differ) to 1 (only be relevant).
        k: How many to choose, all by default.

    Returns:
        The documents in the order they were chosen, and the value of each at that
        moment, both of shape ``(min(k, n),)``. Of equal values the document that comes
        first is chosen.

    References:
        Carbonell and Goldstein, "The use of MMR, diversity-based reranking for
        reordering documents and producing summaries", SIGIR 1998.
        https://doi.org/10.1145/290941.291025

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> select(np.array([1.0, 0.9, 0.5]), vectors, 0.5)[0]
    array([0, 2, 1])
    """
    gain = trade_off * relevance
    likeness = np.zeros(len(relevance))  # to the most similar of those chosen
    values = gain.copy()
    steps = len(relevance) if k is None else min(k, len(relevance))
    chosen = np.empty(steps, dtype=np.int64)
    when_chosen = np.empty(steps)
    for step in range(steps):
        best = chosen[step] = np.argmax(values)
        when_chosen[step] = values[best]
        np.maximum(likeness, vectors @ vectors[best], out=likeness)
        values = gain - (1 - trade_off) * likeness
        values[chosen[: step + 1]] = -np.inf
    return chosen, when_chosen
