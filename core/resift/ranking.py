"""What goes into a merger, and what comes out of `rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from resift.scores import Scores, as_array, checked, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from numpy.typing import NDArray

    from resift.scores import ScoresLike

__all__ = ["RankedDocument", "RankedDocuments", "Ranking"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """One ranked list, as `merge` gets it: positions in the union, never payload.

    Args:
        documents: Positions in the union, best first, each once, int64, shape ``(n,)``.
        scores: Scores aligned with *documents*, higher is better, float64, finite,
            shape ``(n,)``; None where the list has an order only. Infinite scores stand
            one step beyond the others, missing ones one step below them.
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


class _NoColumns(Mapping[str, object]):
    """No columns: one for all documents, instead of a mapping for each."""

    __slots__ = ()

    def __getitem__(self, name: str) -> object:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __hash__(self) -> int:
        return 0

    def __reduce__(self) -> str:
        return "_NO_COLUMNS"


_NO_COLUMNS = _NoColumns()


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
    document: str | Mapping[str, object] | None
    score: float | None
    rank: int
    columns: Mapping[str, object] = _NO_COLUMNS


class RankedDocuments(Sequence[RankedDocument]):
    """The documents of one query, best first, and what must be known of them.

    An immutable sequence. ``notes`` is a tuple of sentences that a user must know, such
    as ``"fallback: cohere timed out after 0.5 s"``; ``usage`` is what the call cost, as
    numbers by name; ``kind`` is what the scores mean, see `resift.hookspecs`.
    """

    __slots__ = ("_documents", "kind", "notes", "usage")

    def __init__(
        self,
        documents: Iterable[RankedDocument],
        notes: Iterable[str] = (),
        usage: Mapping[str, float] = _NO_COLUMNS,  # type: ignore[assignment]  # empty
        kind: str = "ordinal",
    ) -> None:
        self._documents = tuple(documents)
        self.kind = kind
        self.notes = tuple(notes)
        self.usage = dict(usage)

    @classmethod
    def of(
        cls,
        documents: Sequence[str | Mapping[str, object] | None],
        scores: ScoresLike,
        top_k: int | None = None,
        *,
        kind: str = "ordinal",
        who: str = "RankedDocuments.of",
    ) -> Self:
        """Rank documents by their scores.

        Args:
            documents: The documents, in the order they came.
            scores: What `score` may return for them, or for the first of them; those
                without a score follow, in the order they came.
            top_k: How many to keep; all by default.
            kind: What the scores mean, unless they say it themselves.
            who: What messages call whoever scored.

        Raises:
            ScoreError: If the scores are not usable.
        """
        if not isinstance(scores, Scores):
            scores = checked(scores, len(documents), who)
        order = scores.ranking()
        order = np.concatenate([order, np.arange(len(order), len(documents))])[:top_k]
        narrow = np.full(len(documents), np.nan, dtype=np.float32)
        narrow[: len(scores)] = narrowed(scores.values, who)
        values: list[float | None] = [*narrow.tolist()]
        for i in np.flatnonzero(np.isnan(narrow)).tolist():
            values[i] = None
        columns = _rows(scores, len(documents))
        ranked = [
            RankedDocument(i, documents[i], values[i], rank, columns[i])
            for rank, i in enumerate(order.tolist(), start=1)
        ]
        return cls(ranked, scores.notes, scores.usage, scores.kind or kind)

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


def _rows(scores: Scores, n: int) -> list[Mapping[str, object]]:
    """Return the extra columns of *scores*, document by document."""
    rows: list[Mapping[str, object]] = [_NO_COLUMNS] * n
    if scores.columns:
        columns = {k: as_array(v).to_pylist() for k, v in scores.columns.items()}
        for i, values in enumerate(zip(*columns.values(), strict=True)):
            rows[i] = dict(zip(columns, values, strict=True))
    return rows
