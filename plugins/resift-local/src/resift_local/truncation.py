"""Saying what a model did not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["tokens_cut", "truncation"]


def truncation(
    who: str,
    cut: NDArray[np.integer],
    query_cut: int,
    *,
    reads: tuple[float, float],
    options: tuple[str, str] = ("max_length", "max_length"),
) -> tuple[dict[str, NDArray[np.integer]], tuple[str, ...]]:
    """Return the extra column and the notes about tokens that were left out.

    Args:
        who: The reranker.
        cut: Tokens left out of each document, shape ``(n_docs,)``.
        query_cut: The same of the query.
        reads: How many tokens of a document, and of a query, the model reads.
        options: The options that set these two.

    Returns:
        The column ``tokens_cut`` where a document was cut, and a note for documents
        and for the query where they were.
    """
    columns, notes = {}, []
    if cut.any():
        columns["tokens_cut"] = cut
        notes.append(
            f"{who}: {(cut > 0).sum()} of {len(cut)} documents do not fit into "
            f"the {reads[0]:g} tokens that the model reads: {cut.sum()} tokens were "
            f"cut (option {options[0]!r})."
        )
    if query_cut:
        notes.append(
            f"{who}: the query does not fit into the {reads[1]:g} tokens that the "
            f"model reads: {query_cut} tokens were cut (option {options[1]!r})."
        )
    return columns, tuple(notes)


def tokens_cut(columns: Mapping[str, NDArray[np.integer]]) -> dict[str, float]:
    """Return the same for the `usage` of an answer: all that was cut of documents.

    Args:
        columns: What `truncation` returned.
    """
    return {name: int(column.sum()) for name, column in columns.items()}
