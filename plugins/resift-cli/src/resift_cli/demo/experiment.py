"""The demo's experiment: the same questions, searched and reranked in several ways."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from resift_cli.demo.evaluation import (
    Difference,
    difference,
    ndcg,
    reciprocal_rank,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from resift import Reranker

__all__ = ["BASELINE", "METHODS", "Measured", "Method", "measure"]

DEPTH = 100  # results looked at
_LanceTable: TypeAlias = Any  # lancedb types its tables loosely


@dataclass(frozen=True)
class Method:
    """One way to search.

    Args:
        name: What the demo calls it.
        summary: What it does.
        reranker: The reranker's name.
        settings: Its settings and options, as `resift.load` takes them.
        legs: What is searched, as `resift.lancedb.search` takes it.
    """

    name: str
    summary: str
    reranker: str = "rrf"
    settings: Mapping[str, Any] = field(default_factory=dict)
    legs: Mapping[str, bool] = field(default_factory=dict)

    def search(self, table: _LanceTable, query: str) -> list[str]:
        """Return the names found, best first."""
        import resift.lancedb

        found = resift.lancedb.search(
            table,
            query,
            reranker=_loaded(self),
            select=["name"],
            limit=DEPTH,
            window=DEPTH,
            **self.legs,  # type: ignore[arg-type]  # keywords of search
        )
        names: list[str] = found["name"].to_pylist()
        return names

    def __hash__(self) -> int:
        return hash(self.name)


METHODS = (
    Method("vector", "static embeddings", legs={"fts": False}),
    Method("full text", "LanceDB's BM25", legs={"vectors": False}),
    Method("rrf", "both lists, by rank", "rrf"),
    Method("dbsf", "both lists, by score", "dbsf"),
    Method("bm25", "rrf, then rescored", "bm25"),
    Method(
        "ensemble",
        "dbsf and bm25",
        "ensemble",
        {"merge": "dbsf", "merger": "dbsf", "rerankers": ["incoming", "bm25"]},
    ),
)
BASELINE = METHODS[1]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one method reached over all judged questions.

    Args:
        method: The method.
        ndcg: nDCG@10 of each question.
        reciprocal_ranks: RR of each question, over the first 100 results.
        seconds: Time of all its searches together.
    """

    method: Method
    ndcg: list[float]
    reciprocal_ranks: list[float]
    seconds: float

    def gain(self, other: Measured) -> Difference:
        """Return how far it is from *other* by nDCG@10."""
        return difference(self.ndcg, other.ndcg)

    def compared_with(self, other: Measured) -> tuple[int, int]:
        """Count the questions it answers better, and worse, than *other* by nDCG@10."""
        pairs = list(zip(self.ndcg, other.ndcg, strict=True))
        return sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)


def measure(
    table: _LanceTable,
    judged: Mapping[str, Collection[str]],
    methods: Sequence[Method] = METHODS,
    progress: Callable[[], None] = lambda: None,
) -> list[Measured]:
    """Ask every judged question by every method.

    Args:
        table: The demo's table.
        judged: Questions, and the names that answer them.
        methods: The ways to search.
        progress: Called after each search.
    """
    measured = []
    for method in methods:
        gains, ranks = [], []
        started = time.perf_counter()
        for question, answers in judged.items():
            found = method.search(table, question)
            gains.append(ndcg(found, answers))
            ranks.append(reciprocal_rank(found, answers))
            progress()
        seconds = time.perf_counter() - started
        measured.append(Measured(method, gains, ranks, seconds))
    return measured


@cache
def _loaded(method: Method) -> Reranker:
    import resift

    return resift.load(method.reranker, config=None, **method.settings)
