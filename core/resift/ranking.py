"""What goes into a merger, and what comes out of `rank`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RankedDocument", "RankedDocuments", "Ranking"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """One ranked list, as `merge` gets it: positions in the union, never payload.

    Args:
        documents: Positions in the union, best first, each once, int64, shape ``(n,)``.
        scores: Scores aligned with *documents*, higher is better, float64, finite,
            shape ``(n,)``; None where the list has an order only.
        weight: What the list counts for, ``>= 0``.
        name: What the user calls the list.
        lowest: The least score that the list's scorer can give (0 for BM25), or None
            where it is unknown.
    """

    documents: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None
    weight: float = 1.0
    name: str = ""
    lowest: float | None = None

    def __len__(self) -> int:
        return len(self.documents)


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """One document of a ranking.

    Args:
        index: Where it stood in the documents given, counted from 0.
        document: The document as it was given: a string or a mapping.
        score: Its score, higher is better; None where it was not scored.
        rank: Its place, counted from 1.
        columns: What the reranker says about it beyond the score.
    """

    index: int
    document: str | Mapping[str, object]
    score: float | None
    rank: int
    columns: Mapping[str, object] = field(default_factory=dict)


class RankedDocuments(Sequence[RankedDocument]):
    """The documents of one query, best first, and the `notes` of whoever ranked them.

    An immutable sequence; ``notes`` is a tuple of sentences that a user must know, such
    as ``"fallback: cohere timed out after 0.5 s"``.
    """

    __slots__ = ("_documents", "notes")

    def __init__(
        self, documents: Iterable[RankedDocument], notes: Iterable[str] = ()
    ) -> None:
        self._documents = tuple(documents)
        self.notes = tuple(notes)

    @overload
    def __getitem__(self, index: int) -> RankedDocument: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RankedDocument]: ...
    def __getitem__(
        self, index: int | slice
    ) -> RankedDocument | Sequence[RankedDocument]:
        return self._documents[index]

    def __len__(self) -> int:
        return len(self._documents)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RankedDocuments):
            return NotImplemented
        return self._documents == other._documents and self.notes == other.notes

    __hash__ = None  # type: ignore[assignment]  # documents may be mappings

    def __repr__(self) -> str:
        rows = ", ".join(f"{d.rank}: #{d.index} {d.score}" for d in self._documents[:5])
        more = ", ..." if len(self) > 5 else ""
        return f"<RankedDocuments ({len(self)}) {rows}{more}>"
