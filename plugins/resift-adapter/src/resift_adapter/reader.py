"""`Reader`: how the documents of a framework are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

__all__ = ["Reader"]

T_contra = TypeVar("T_contra", contravariant=True)


class Reader(Protocol[T_contra]):
    """Reads the documents of one framework, and never changes one."""

    def text(self, document: T_contra, /) -> str | None:
        """Return the text to score; None where there is none."""

    def id(self, document: T_contra, /) -> str | None:
        """Return what tells the document apart; None where it has no id."""

    def score(self, document: T_contra, /) -> float | None:
        """Return the score of its list, higher is better; None where it has none."""

    def fields(self, document: T_contra, /) -> Mapping[str, object]:
        """Return its metadata, and whatever else a reranker may read by name."""
