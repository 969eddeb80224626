"""Saying what a model did not read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["truncation"]


def truncation(
    cut: NDArray[np.int64], query_cut: int
) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...]]:
    """Return the extra column and the notes about tokens that were left out.

    Args:
        cut: Tokens left out of each document, shape ``(n_docs,)``.
        query_cut: The same of the query.
    """
    columns, notes = {}, []
    if cut.any():
        columns["tokens_cut"] = cut
        notes.append(
            f"bi-encoder: {np.count_nonzero(cut)} of {len(cut)} documents are longer "
            f"than the model reads: {cut.sum()} tokens were cut."
        )
    if query_cut:
        notes.append(
            f"bi-encoder: the query is longer than the model reads: {query_cut} tokens "
            "were cut."
        )
    return columns, tuple(notes)
