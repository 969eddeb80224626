"""Where queries, judgements and candidates come from, as the command line says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from resift.errors import InputError
from resift_cli.authors import RerankerName
from resift_eval.beir import BeirFolder
from resift_eval.collection import (
    Collection,
    read_documents,
    read_qrels,
    read_queries,
)
from resift_eval.first_stage import (
    FirstStage,
    Lance,
    TrecRun,
    built,
)
from resift_eval.run import read_run
from resift_eval.vectors import Embeds, Vectors, read_vectors

__all__ = ["Source", "source_options"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

source_options = (
    click.option("--data", type=_FOLDER, help="BEIR folder; indexed for the run."),
    click.option("--split", help="Its judgements: dev, train; test by default."),
    click.option("--vectors", type=_FILE, help=".npz of 'queries', for --data 'docs'."),
    click.option(
        "--embed",
        type=RerankerName(),
        help="Reranker that makes the vectors, a bi-encoder; instead of --vectors.",
    ),
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
    click.option("--vector-column", help="Column of --table that they are for."),
    click.option(
        "--distance",
        type=click.Choice(["l2", "cosine", "dot"]),
        help="Distance of the vectors; by default that of the index.",
    ),
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
    embed: str | None
    db: Path | None
    table: str | None
    run: Path | None
    documents: Path | None
    queries: Path | None
    qrels: Path | None
    scale_grades: int | None
    id: str | None
    text: str | None
    vector_column: str | None
    distance: str | None
    limit: int | None

    @contextmanager
    def opened(
        self, columns: Sequence[str], embeds: Embeds | None = None
    ) -> Iterator[tuple[Collection, FirstStage]]:
        """Read the collection and open the first stage.

        Args:
            columns: More columns that the rerankers read.
            embeds: What makes the vectors that ``--embed`` asks for.

        Raises:
            InputError: If a file cannot be read.
        """
        collection = self._collection().first(self.limit)
        if self.run is not None:
            yield collection, TrecRun(read_run(self.run), collection.documents)
            return
        asked = self._query_vectors(collection, embeds)
        if self.db is not None:
            yield collection, self._table(self.db, asked, columns)
            return
        stored = self._document_vectors(collection, embeds)
        vectors = None if asked is None or stored is None else (stored, asked)
        with built(collection, vectors, columns, self.distance) as stage:
            yield collection, stage

    def check(self) -> None:
        """Refuse what does not make a source, and what would have no effect.

        Raises:
            click.UsageError: If there is such a thing.
        """
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
                flag = f"--{option.replace('_', '-')}"
                msg = f"{flag} has no effect here: {why}."
                raise click.UsageError(msg)

    def _conflicts(self) -> Iterator[tuple[str, bool, str]]:
        """Yield options, whether they would have no effect, and why."""
        table = self.db is not None
        yield "data", table, "--db says what to search"
        yield "run", table, "--db says what to search"
        yield "documents", table, "the table holds the texts"
        for option in ("table", "id", "text", "vector_column"):
            yield option, not table, "it is about a table of --db"
        for option in ("vectors", "embed", "distance"):
            yield option, self.run is not None, "a run is not searched"
        yield "embed", self.vectors is not None, "--vectors holds the vectors"
        given = self.vectors is not None or self.embed is not None
        yield "vector_column", not given, "it goes with --vectors or --embed"
        yield "distance", not given and not table, "there are no vectors"
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

    def _query_vectors(
        self, collection: Collection, embeds: Embeds | None
    ) -> Vectors | None:
        if embeds is not None:
            asked = collection.queries.items()
            return {i: embeds.embed(text, [])[0] for i, text in asked}
        if self.vectors is None:
            return None
        queries = self.queries
        if queries is None:
            queries = BeirFolder(cast("Path", self.data)).file("queries")
        order = list(read_queries(queries))
        return read_vectors(self.vectors, "queries", order, collection.queries)

    def _document_vectors(
        self, collection: Collection, embeds: Embeds | None
    ) -> Vectors | None:
        ids = list(collection.documents)
        if embeds is not None:
            texts = list(collection.documents.values())
            return dict(zip(ids, embeds.embed("a", texts)[1], strict=True))
        if self.vectors is None:
            return None
        return read_vectors(self.vectors, "docs", ids)

    def _table(
        self, folder: Path, vectors: Vectors | None, columns: Sequence[str]
    ) -> FirstStage:
        import lancedb

        connection = lancedb.connect(folder)
        try:
            table = connection.open_table(self.table or "")
        except ValueError as error:
            tables = ", ".join(map(repr, connection.list_tables().tables)) or "none"
            msg = f"{str(folder)!r} has no table {self.table!r}. Tables: {tables}."
            raise InputError(msg) from error
        return Lance(
            table,
            id=self.id or "id",
            text=self.text or "text",
            vectors=vectors,
            vector_column=self.vector_column,
            distance=self.distance,
            columns=columns,
        )
