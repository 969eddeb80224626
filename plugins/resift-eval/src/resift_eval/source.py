"""Where queries, judgements and candidates come from, as the command line says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from resift.errors import InputError
from resift_cli.authors import note
from resift_eval.collection import (
    Collection,
    read_beir,
    read_documents,
    read_qrels,
    read_queries,
)
from resift_eval.first_stage import (
    FirstStage,
    Lance,
    TrecRun,
    built,
    read_run,
    read_vectors,
)

__all__ = ["Source", "source_options"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

source_options = (
    click.option("--data", type=_FOLDER, help="BEIR folder; indexed for the run."),
    click.option("--vectors", type=_FILE, help=".npz of 'docs', 'queries' for --data."),
    click.option("--db", type=_FOLDER, help="LanceDB folder; needs --table."),
    click.option("--table", help="Its table."),
    click.option("--run", type=_FILE, help="TREC run to rerank; needs --documents."),
    click.option("--documents", type=_FILE, help="Texts of the run: JSONL or TSV."),
    click.option("--queries", type=_FILE, help="Queries: JSONL or TSV."),
    click.option("--qrels", type=_FILE, help="Judgements: BEIR's or TREC's columns."),
    click.option("--id", default="id", show_default=True, help="Column of ids."),
    click.option("--text", default="text", show_default=True, help="Column of texts."),
    click.option("--limit", type=click.IntRange(1), help="Only the first queries."),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of: a BEIR folder, a LanceDB table, or a TREC run."""

    data: Path | None
    vectors: Path | None
    db: Path | None
    table: str | None
    run: Path | None
    documents: Path | None
    queries: Path | None
    qrels: Path | None
    id: str
    text: str
    limit: int | None

    @contextmanager
    def opened(self, columns: Sequence[str]) -> Iterator[tuple[Collection, FirstStage]]:
        """Read the collection and open the first stage.

        Args:
            columns: More columns that the rerankers read.
        """
        if self.data is not None:
            with self._beir(self.data, columns) as opened:
                yield opened
            return
        chosen = [way for way in (self.db, self.run) if way is not None]
        if self.queries is None or self.qrels is None or len(chosen) != 1:
            msg = "Give --data, or --queries and --qrels with either --db or --run."
            raise click.UsageError(msg)
        texts = read_documents(self.documents) if self.documents else {}
        collection = Collection.of(
            self.table or chosen[0].stem,
            read_queries(self.queries),
            read_qrels(self.qrels),
            texts,
        )
        _warn_unknown(collection)
        stage = self._table(columns) if self.run is None else self._run(texts)
        yield collection.first(self.limit), stage

    @contextmanager
    def _beir(
        self, folder: Path, columns: Sequence[str]
    ) -> Iterator[tuple[Collection, FirstStage]]:
        collection = read_beir(folder)
        _warn_unknown(collection)
        vectors = None
        if self.vectors is not None:
            order = list(read_queries(folder / "queries.jsonl"))
            vectors = read_vectors(self.vectors, collection, order)
        with built(collection, vectors, columns) as stage:
            yield collection.first(self.limit), stage

    def _run(self, texts: dict[str, str]) -> FirstStage:
        if self.run is None or not texts:
            msg = "--run needs --documents: rerankers read the texts."
            raise click.UsageError(msg)
        return TrecRun(read_run(self.run), texts)

    def _table(self, columns: Sequence[str]) -> FirstStage:
        import lancedb

        if self.db is None or self.table is None:
            msg = "--db needs --table."
            raise click.UsageError(msg)
        connection = lancedb.connect(self.db)
        try:
            table = connection.open_table(self.table)
        except ValueError as error:
            tables = ", ".join(map(repr, connection.list_tables().tables)) or "none"
            msg = f"{str(self.db)!r} has no table {self.table!r}. Tables: {tables}."
            raise InputError(msg) from error
        return Lance(table, id=self.id, text=self.text, columns=columns)


def _warn_unknown(collection: Collection) -> None:
    if unknown := collection.unknown_documents():
        shown = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        note(
            f"{len(unknown)} judged documents are not in the collection ({shown}): "
            "they count as never found."
        )
