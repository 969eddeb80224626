"""One page of a LanceDB search, taken apart: the rows, and what resift adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift.authors import RELEVANCE
from resift_cli.results import Result, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

__all__ = ["Page"]


class Page:
    """The result of `resift.lancedb.search` with ``explain=True``.

    Args:
        table: The result.
        text: The column that holds the text.
        first: The rank of the first row.
        scored: Whether the reranker scores; one that only merges adds no ranks to
            those of the lists.
    """

    def __init__(self, table: pa.Table, text: str, first: int, *, scored: bool) -> None:
        self.rows = table.to_pylist()
        self.text = text
        self.first = first
        self.scored = scored
        added = [f.name for f in table.schema if (f.metadata or {}).get(b"resift")]
        self.payload = [name for name in table.column_names if name not in added]
        self.added = [name for name in added if name != RELEVANCE]

    def lines(self) -> Iterator[Sequence[object]]:
        """Yield rank, score and the payload of each row."""
        for rank, row in enumerate(self.rows, start=self.first):
            yield rank, row[RELEVANCE], *(row[name] for name in self.payload)

    def objects(self, *, explain: bool) -> Iterator[dict[str, object]]:
        """Yield each row as JSON can hold it, with the explanations on demand."""
        added = [name for name in self.added if explain or not name.startswith("_")]
        for rank, row in enumerate(self.rows, start=self.first):
            shown = {name: row[name] for name in [*self.payload, RELEVANCE, *added]}
            yield {"_rank": rank, **shown}

    def results(self) -> list[Result]:
        """Return the rows as a terminal shows them."""
        return [
            self._result(rank, row) for rank, row in enumerate(self.rows, self.first)
        ]

    def _result(self, rank: int, row: dict[str, object]) -> Result:
        ranks, said = {}, {}
        for name in self.added:
            if not (name.startswith("_") and name.endswith("_rank")):
                said[name] = row[name]
            elif self.scored or name != "_merged_rank":
                ranks[name[1 : -len("_rank")]] = row[name]
        scores, evidence = told(said)
        return Result(
            rank=rank,
            score=row[RELEVANCE],  # type: ignore[arg-type]  # a float32 column
            text=str(row.get(self.text) or ""),
            cells={name: row[name] for name in self.payload if name != self.text},
            ranks=ranks,  # type: ignore[arg-type]  # int32 columns
            scores=scores,
            evidence=evidence,
        )
