"""LangChain's documents: how they are read, and copied with a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from langchain_core.documents import Document

from resift_adapter import Answer

__all__ = ["DocumentReader", "scored"]


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads documents; their score in a list is in the metadata, if anywhere."""

    score_key: str

    def text(self, document: Document, /) -> str | None:
        return document.page_content

    def id(self, document: Document, /) -> str | None:
        return document.id

    def score(self, document: Document, /) -> float | None:
        value = document.metadata.get(self.score_key)
        if value is None:
            return None
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
        return None

    def fields(self, document: Document, /) -> Mapping[str, object]:
        return document.metadata


def scored(
    answer: Answer[Document], score_key: str, *, explain: bool
) -> list[Document]:
    """Return copies of the documents, of their own class, with score and evidence."""
    copies = []
    for document, score, evidence in answer:
        metadata: dict[str, Any] = {**document.metadata, score_key: score}
        if explain:
            metadata["resift"] = {**evidence, "notes": list(map(str, answer.notes))}
        copies.append(document.model_copy(update={"metadata": metadata}))
    return copies
