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
) -> tuple[FloatArray, IntArray]:
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
        k: How many to choose; the others follow by the value they had at the end.

    Returns:
        The value of each document when it was chosen, shape ``(n,)``, and the
        documents in the order they were chosen, shape ``(n,)``. Of equal values the
        document that comes first is chosen.

    References:
        Carbonell and Goldstein, "The use of MMR, diversity-based reranking for
        reordering documents and producing summaries", SIGIR 1998.
        https://doi.org/10.1145/290941.291025

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> select(np.array([1.0, 0.9, 0.5]), vectors, 0.5)[1]
    array([0, 2, 1])
    """
    n = len(relevance)
    gain = trade_off * relevance
    likeness = np.zeros(n)  # to the most similar document chosen so far
    left = np.ones(n, dtype=bool)
    values = gain.copy()
    order = np.empty(n, dtype=np.int64)
    steps = n if k is None else min(k, n)
    for step in range(steps):
        chosen = int(np.argmax(np.where(left, values, -np.inf)))
        order[step] = chosen
        left[chosen] = False
        np.maximum(likeness, vectors @ vectors[chosen], out=likeness, where=left)
        values[left] = (gain - (1 - trade_off) * likeness)[left]
    rest = np.flatnonzero(left)
    order[steps:] = rest[np.argsort(-values[rest], kind="stable")]
    return values, order
