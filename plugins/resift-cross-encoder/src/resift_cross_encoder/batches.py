"""Which pairs go through the model together: as few padded tokens as possible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from resift_cross_encoder.pairs import IntArray

__all__ = ["batches"]


def batches(
    lengths: IntArray,
    *,
    token_budget: int | None,
    batch_size: int | None = None,
    n_parallel: int = 1,
    width: Callable[[int], int] = int,
) -> list[IntArray]:
    """Group pairs of about equal length, the longest first.

    Args:
        lengths: Tokens of each pair, shape ``(n_pairs,)``.
        token_budget: The most tokens of one batch, padding included; a longer pair
            goes alone. None for no bound.
        batch_size: The most pairs of one batch; None for no bound.
        n_parallel: How many batches run at once: a call too small to fill them all is
            cut finer, so that none of them idles.
        width: Rounds a length up to the tokens per row.

    Returns:
        For each batch the indices of its pairs; each pair is in one batch, except
        those without tokens.
    """
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    bounds = [] if token_budget is None else [token_budget]
    if n_parallel > 1:
        bounds.append(-(-int(lengths.sum()) // n_parallel))
    found: list[IntArray] = []
    start = 0
    while start < len(order):
        columns = width(int(lengths[order[start]]))
        rows = [len(order)] if batch_size is None else [batch_size]
        rows += [max(1, bound // columns) for bound in bounds]
        found.append(order[start : start + min(rows)])
        start += min(rows)
    return found
