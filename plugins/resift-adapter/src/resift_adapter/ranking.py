"""One list: its documents ranked by a reranker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from resift_adapter.answer import Answer
from resift_adapter.reader import Reader

if TYPE_CHECKING:
    import resift

__all__ = ["fields_read", "picked", "rank"]

T = TypeVar("T")
_TEXT = "text"


def rank(
    reranker: resift.Reranker,
    query: str,
    documents: Sequence[T],
    reader: Reader[T],
    *,
    top_k: int | None = None,
    timeout: float | None = None,
    explain: bool = False,
) -> Answer[T]:
    """Rank the documents of one list.

    Args:
        reranker: The reranker.
        query: The query, not blank.
        documents: In the order they were retrieved, best first.
        reader: How they are read.
        top_k: How many to return; the reranker's own *top_k* by default.
        timeout: Seconds for scoring, for rerankers that can honour it.
        explain: Whether to say what the reranker knows beside the score.

    Raises:
        InputError: If the query is blank, or the reranker only merges.
    """
    given: list[str | Mapping[str, object] | None]
    given = [reader.text(document) for document in documents]
    names = fields_read(reranker)
    if names != ():
        given = [
            {**picked(reader.fields(document), names), _TEXT: text}
            for document, text in zip(documents, given, strict=True)
        ]
    ranked = reranker.rank(query, given, top_k, timeout=timeout)
    return Answer(
        [documents[found.index] for found in ranked],
        [found.score for found in ranked],
        [found.index for found in ranked],
        [{"rank": f.rank, **f.columns} if explain else {} for f in ranked],
        tuple(ranked.notes),
    )


def fields_read(reranker: resift.Reranker) -> tuple[str, ...] | None:
    """Return the fields of a document that a reranker reads; None for all of them."""
    text = reranker.text
    names = [text] if isinstance(text, str) else list(text)
    own = [n for name in names for n in (name, name.partition(".")[0]) if n != _TEXT]
    if not reranker.reads_candidates:
        return tuple(dict.fromkeys(own))
    if reranker.columns is None:
        return None
    return tuple(dict.fromkeys([*own, *(c for c in reranker.columns if c != _TEXT)]))


def picked(
    fields: Mapping[str, object], names: Sequence[str] | None
) -> Mapping[str, object]:
    """Return some of the fields of a document, those that it has."""
    if names is None:
        return fields
    return {name: fields[name] for name in names if name in fields}
