"""Plugins and tables that several tests use."""

from __future__ import annotations

import pyarrow as pa

import resift
from resift import hookimpl


class Lengths:
    """Scores by length, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        self.asked.append(
            {
                "query": query,
                "documents": list(documents),
                "candidates": candidates,
                "top_k": top_k,
                "timeout": timeout,
            }
        )
        return [float(len(document)) for document in documents]


class Fixed:
    """Returns what it was built with."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    @hookimpl
    def score(self, query, documents):
        return self.answer


def table(*texts: str | None, start: int = 1, **columns: object) -> pa.Table:
    """Return a result with ids from *start*."""
    ids = list(range(start, start + len(texts)))
    return pa.table({"_rowid": ids, "text": pa.array(texts, pa.string()), **columns})


def ids(result: pa.Table) -> list[int]:
    """Return the ids of a result, best first."""
    return result["_rowid"].to_pylist()


def shown(result: pa.Table) -> list[float | None]:
    """Return the scores of a result, best first."""
    return result["_relevance_score"].to_pylist()


def loaded(name: str = "rrf", **options: object) -> resift.Reranker:
    """Load a core reranker without any config."""
    return resift.load(name, config=None, **options)
