"""`Answer`: what an adapter hands back to its framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Answer"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The documents of an answer, best first, none of them changed or copied.

    Args:
        documents: The documents as they were given.
        scores: The score of each, a Python float; None where it was not scored.
        order: Where each stood among those given, counted from 0; several lists are
            counted end to end.
        evidence: What is known of each beside its score; empty unless asked for.
        notes: What a user must know of the answer.
    """

    documents: Sequence[T]
    scores: Sequence[float | None]
    order: Sequence[int]
    evidence: Sequence[Mapping[str, object]]
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[T, float | None, Mapping[str, object]]]:
        return zip(self.documents, self.scores, self.evidence, strict=True)

    def __len__(self) -> int:
        return len(self.documents)
