r"""MaxSim without padding: one product over all tokens laid end to end.

A padded batch of 30 to 300 tokens is nearly half padding. Here the tokens of every
document stand one after another, so ``query @ documents.T`` computes each similarity
once and nothing else, and the maximum is taken segment by segment along the contiguous
axis. Documents are worked off in blocks that stay in the processor's cache, which also
bounds the memory: whatever the corpus, the similarities of one block are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.floating]
    IntArray: TypeAlias = NDArray[np.integer]

__all__ = ["best_matches", "maxsim", "widened"]

_BLOCK = 1 << 18  # values of one block of documents: 1 MiB as float32
_SIGN, _MAGNITUDE, _INFINITY = -0x8000_0000, 0x7FFF, 0x7C00


def maxsim(query: FloatArray, documents: FloatArray, lengths: IntArray) -> FloatArray:
    r"""Score documents by late interaction.

    .. math:: s_d = \sum_i \max_j q_i \cdot d_j

    Args:
        query: Token embeddings, shape ``(n_query_tokens, dim)``, unit length.
        documents: Token embeddings of all documents, one after another, float16 or
            float32, shape ``(n_tokens, dim)``. Not copied.
        lengths: Tokens of each document, shape ``(n_docs,)``, summing to ``n_tokens``.

    Returns:
        One score per document, float32, shape ``(n_docs,)``, in
        ``[-n_query_tokens, n_query_tokens]``. A document without tokens scores NaN.

    Raises:
        ValueError: If the shapes disagree.

    References:
        Khattab and Zaharia, "ColBERT", SIGIR 2020. https://doi.org/10.1145/3397271.3401075

    Example:
        >>> import numpy as np
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
        >>> documents = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
        >>> maxsim(query, documents, np.array([2, 0, 1])).round(3)
        array([1.8, nan, 1. ], dtype=float32)
    """
    scores = np.full(len(lengths), np.nan, dtype=np.float32)
    for block in _blocks(query, documents, lengths):
        best = np.maximum.reduceat(block.similarities, block.starts, axis=1)
        scores[block.documents] = best.sum(axis=0)  # best: (n_query_tokens, n_block)
    return scores


def best_matches(
    query: FloatArray, documents: FloatArray, lengths: IntArray
) -> tuple[IntArray, FloatArray]:
    """Find the document token that each query token matches best.

    Args:
        query: As `maxsim`.
        documents: As `maxsim`.
        lengths: As `maxsim`.

    Returns:
        Places of the tokens in their document, counted from 0, int64, and their
        similarities, float32; both of shape ``(n_docs, n_query_tokens)``. The first of
        equals. -1 and NaN for a document without tokens.

    Raises:
        ValueError: If the shapes disagree.
    """
    places = np.full((len(lengths), len(query)), -1, dtype=np.int64)
    values = np.full(places.shape, np.nan, dtype=np.float32)
    for block in _blocks(query, documents, lengths):
        rows = np.split(block.similarities, block.starts[1:], axis=1)
        for document, similarities in zip(block.documents, rows, strict=True):
            best = similarities.argmax(axis=1)
            places[document] = best
            values[document] = similarities[np.arange(len(best)), best]
    return places, values


def widened(half: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return float16 as float32, several times faster than numpy's own conversion.

    Half and single precision differ in the width of the exponent and its bias. So the
    bits move up by the 13 extra bits of the mantissa, and one multiplication by
    ``2 ** (127 - 15)`` sets the bias right, subnormal numbers included. Only infinity
    and NaN are not covered: an array that holds any is left to numpy.

    Args:
        half: Any shape, C-contiguous.
    """
    bits = half.view(np.int16)
    if half.size and (bits & _MAGNITUDE).max() >= _INFINITY:
        return half.astype(np.float32)
    wide = bits.astype(np.int32)
    np.left_shift(wide, 13, out=wide)
    np.bitwise_and(wide, _SIGN | _MAGNITUDE << 13, out=wide)
    single = wide.view(np.float32)
    np.multiply(single, np.float32(2.0**112), out=single)
    return single


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring documents, none of them empty, against the query.

    Args:
        documents: Which documents, shape ``(n_block,)``.
        starts: Where each begins in the block, shape ``(n_block,)``.
        similarities: Dot products, float32, shape ``(n_query_tokens, n_tokens)``.
    """

    documents: IntArray
    starts: IntArray
    similarities: NDArray[np.float32]


def _blocks(
    query: FloatArray, documents: FloatArray, lengths: IntArray
) -> Iterator[_Block]:
    lengths = _checked(query, documents, lengths)
    asked = np.ascontiguousarray(query, dtype=np.float32)
    filled = np.flatnonzero(lengths)
    stops = np.cumsum(lengths[filled])
    starts = stops - lengths[filled]
    tokens = max(1, _BLOCK // max(1, query.shape[1]))
    first = 0
    while first < len(filled):
        last = int(np.searchsorted(stops, starts[first] + tokens, side="right"))
        last = max(last, first + 1)  # a document longer than a block is one
        begin, end = starts[first], stops[last - 1]
        similarities = asked @ _single(documents[begin:end]).T
        yield _Block(filled[first:last], starts[first:last] - begin, similarities)
        first = last


def _single(values: FloatArray) -> NDArray[np.float32]:
    """Return *values* as float32: themselves, where they are."""
    if values.dtype == np.float16:
        return widened(values)
    return values.astype(np.float32, copy=False)


def _checked(query: FloatArray, documents: FloatArray, lengths: IntArray) -> IntArray:
    if query.ndim != 2 or documents.ndim != 2 or query.shape[1] != documents.shape[1]:
        msg = (
            "maxsim: query and documents must have the shapes (n_query_tokens, dim) "
            f"and (n_tokens, dim), got {query.shape} and {documents.shape}."
        )
        raise ValueError(msg)
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 0).any():
        msg = (
            "maxsim: lengths must be non-negative integers, one per document, got "
            f"{lengths.dtype} of shape {lengths.shape}."
        )
        raise ValueError(msg)
    if (total := int(lengths.sum())) != len(documents):
        msg = f"maxsim: lengths must sum to the {len(documents)} tokens, got {total}."
        raise ValueError(msg)
    return lengths.astype(np.int64)
