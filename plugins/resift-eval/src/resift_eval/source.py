"""Where queries, judgements and candidates come from, as the command line says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from resift.errors import InputError
from resift_eval.beir import BeirFolder
from resift_eval.collection import (
    Collection,
    read_documents,
    read_qrels,
    read_queries,
)
from resift_eval.first_stage import (
    DocumentVectors,
    FirstStage,
    Lance,
    TrecRun,
    built,
    read_vectors,
)
from resift_eval.run import read_run

__all__ = ["Source", "source_options"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

source_options = (
    click.option("--data", type=_FOLDER, help="BEIR folder; indexed for the run."),
    click.option("--split", help="Its judgements: dev, train; test by default."),
    click.option("--vectors", type=_FILE, help=".npz of 'docs', 'queries' for --data."),
    click.option("--db", type=_FOLDER, help="LanceDB folder; needs --table."),
    click.option("--table", help="Its table."),
    click.option("--run", type=_FILE, help="Run to rerank: TREC's or MS MARCO's."),
    click.option("--documents", type=_FILE, help="Texts, instead of those of --data."),
    click.option("--queries", type=_FILE, help="Queries, instead of those of --data."),
    click.option("--qrels", type=_FILE, help="Judgements: BEIR's or TREC's columns."),
    click.option(
        "--scale-grades",
        type=click.IntRange(1),
        metavar="N",
        help="Multiply fractional grades by N, so that they are whole.",
    ),
    click.option("--id", help="Column of ids in --table; 'id' by default."),
    click.option("--text", help="Column of texts in --table; 'text' by default."),
    click.option("--limit", type=click.IntRange(1), help="Only the first queries."),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of: a BEIR folder, a LanceDB table, or a run.

    Files that are named beside a BEIR folder stand in for its own; with a run it is not
    searched.
    """

    data: Path | None
    split: str | None
    vectors: Path | None
    db: Path | None
    table: str | None
    run: Path | None
    documents: Path | None
    queries: Path | None
    qrels: Path | None
    scale_grades: int | None
    id: str | None
    text: str | None
    limit: int | None

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Iterator[tuple[Collection, FirstStage]]:
        """Read the collection and open the first stage.

        Args:
            columns: More columns that the rerankers read.

        Raises:
            click.UsageError: If something is missing, or given and not used.
            InputError: If a file cannot be read.
        """
        self._check()
        collection = self._collection().first(self.limit)
        if self.db is not None:
            yield collection, self._table(self.db, columns)
        elif self.run is not None:
            yield collection, TrecRun(read_run(self.run), collection.documents)
        else:
            with built(collection, self._vectors(collection), columns) as stage:
                yield collection, stage

    def _check(self) -> None:
        """Refuse what does not make a source, and what would have no effect."""
        if self.data is None and (
            self.queries is None
            or self.qrels is None
            or (self.db is None) == (self.run is None)
        ):
            msg = "Give --data, or --queries and --qrels with either --db or --run."
            raise click.UsageError(msg)
        if self.run is not None and self.data is None and self.documents is None:
            msg = "--run needs --documents: rerankers read the texts."
            raise click.UsageError(msg)
        if self.db is not None and self.table is None:
            msg = "--db needs --table."
            raise click.UsageError(msg)
        for option, unused, why in self._conflicts():
            if unused and getattr(self, option) is not None:
                msg = f"--{option} has no effect here: {why}."
                raise click.UsageError(msg)

    def _conflicts(self) -> Iterator[tuple[str, bool, str]]:
        """Yield options, whether they would have no effect, and why."""
        stored = self.db is not None
        yield "data", stored, "--db says what to search"
        yield "run", stored, "--db says what to search"
        yield "documents", stored, "the table holds the texts"
        yield "vectors", stored, "the table holds the vectors"
        for option in ("table", "id", "text"):
            yield option, not stored, "it is about a table of --db"
        yield "vectors", self.run is not None, "a run is not searched"
        yield "split", self.data is None, "it is about the folder of --data"
        yield "split", self.qrels is not None, "--qrels names the judgements"

    def _collection(self) -> Collection:
        if self.data is not None:
            return BeirFolder(self.data).read(
                queries=self.queries,
                qrels=self.qrels,
                documents=self.documents,
                split=self.split,
                scale=self.scale_grades,
            )
        return Collection.of(
            self.table or cast("Path", self.run).stem,
            read_queries(cast("Path", self.queries)),
            read_qrels(cast("Path", self.qrels), self.scale_grades),
            read_documents(self.documents) if self.documents is not None else {},
        )

    def _vectors(self, collection: Collection) -> DocumentVectors | None:
        if self.vectors is None or self.data is None:
            return None
        queries = self.queries or BeirFolder(self.data).file("queries")
        return read_vectors(self.vectors, collection, list(read_queries(queries)))

    def _table(self, folder: Path, columns: Sequence[str]) -> FirstStage:
        import lancedb

        connection = lancedb.connect(folder)
        try:
            table = connection.open_table(self.table or "")
        except ValueError as error:
            tables = ", ".join(map(repr, connection.list_tables().tables)) or "none"
            msg = f"{str(folder)!r} has no table {self.table!r}. Tables: {tables}."
            raise InputError(msg) from error
        id, text = self.id or "id", self.text or "text"
        return Lance(table, id=id, text=text, columns=columns)
