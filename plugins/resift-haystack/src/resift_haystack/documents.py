"""Haystack's documents: how they are read, and copied with a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from haystack import Document

from resift_adapter import Answer

__all__ = ["READER", "DocumentReader", "scored"]


class DocumentReader:
    """Reads documents; their embedding is the field ``embedding``."""

    def text(self, document: Document, /) -> str | None:
        return document.content

    def id(self, document: Document, /) -> str | None:
        return document.id

    def score(self, document: Document, /) -> float | None:
        return None if document.score is None else float(document.score)

    def fields(self, document: Document, /) -> Mapping[str, object]:
        if document.embedding is None:
            return document.meta
        return {"embedding": document.embedding, **document.meta}


READER = DocumentReader()


def scored(answer: Answer[Document], *, explain: bool) -> list[Document]:
    """Return copies of the documents, of their own class, with score and evidence."""
    return [
        replace(document, score=score, meta={**document.meta, "resift": dict(evidence)})
        if explain
        else replace(document, score=score)
        for document, score, evidence in answer
    ]
