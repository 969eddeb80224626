r"""MaxSim without padding: one product over all tokens laid end to end.

A padded batch of 30 to 300 tokens is nearly half padding. Here the tokens of every
document stand one after another, so ``query @ documents.T`` computes each similarity
once and nothing else, and the maximum is taken segment by segment along the contiguous
axis. Documents are worked off in blocks, which bounds the memory: whatever the number
of documents, the similarities of a few blocks are all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from resift_colbert.blocks import each_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resift_colbert.blocks import Block

    FloatArray: TypeAlias = NDArray[np.floating]
    IntArray: TypeAlias = NDArray[np.integer]

__all__ = ["best_matches", "maxsim"]


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
    lengths = _checked(query, documents, lengths)
    scores = np.full(len(lengths), np.nan, dtype=np.float32)

    def score(block: Block) -> None:
        best = np.maximum.reduceat(block.similarities, block.starts, axis=1)
        scores[block.documents] = best.sum(axis=0)  # best: (n_query_tokens, n_block)

    each_block(score, query, documents, lengths)
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
    lengths = _checked(query, documents, lengths)
    places = np.full((len(lengths), len(query)), -1, dtype=np.int64)
    values = np.full(places.shape, np.nan, dtype=np.float32)

    def match(block: Block) -> None:
        rows = np.split(block.similarities, block.starts[1:], axis=1)
        for document, similarities in zip(block.documents, rows, strict=True):
            best = similarities.argmax(axis=1)
            places[document] = best
            values[document] = similarities[np.arange(len(best)), best]

    each_block(match, query, documents, lengths)
    return places, values


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
