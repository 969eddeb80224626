"""Sources: what a job reads its queries from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from resift.errors import InputError
from resift_batch.layout import Columned, Lists, Pairs, layout_of
from resift_batch.plan import Part, planned
from resift_batch.queries import Queries
from resift_batch.rows import ArrowRows, Columns, LanceRows, Rows, rows_of
from resift_batch.staging import TEXT_FILES, Collection, batches_of, stage

__all__ = ["Source"]

_RUN = {"qid", "docno"}


@dataclass(frozen=True)
class Source:
    """Queries and candidates: a table, or a run with what it ranks.

    Args:
        paths: The file or folder; of a run, those of the queries and the corpus, too.
        layout: How queries and candidates stand in the rows.
        version: That of a Lance table.
    """

    paths: tuple[Path, ...]
    layout: Lists | Pairs
    version: int | None = None

    @classmethod
    def found(
        cls,
        path: Path,
        layout: str,
        columns: Columned,
        queries: Path | None = None,
        corpus: Path | None = None,
    ) -> Self:
        """Return the source that *path* is.

        Raises:
            InputError: If it cannot be read, or lacks a column.
        """
        for given in (path, queries, corpus):
            if given is not None and not given.exists():
                msg = f"{given} is not there."
                raise InputError(msg, who=str(given))
        rows = None if _is_text(path) else rows_of(path)
        schema = next(batches_of(path)).schema if rows is None else rows.schema
        is_run = set(schema.names) >= _RUN and not {"text", "query"} & set(schema.names)
        if layout == "run" or (layout == "auto" and is_run):
            return cls._run(path, queries, corpus, columns, is_run=is_run)
        if queries or corpus:
            msg = f"--queries and --corpus have no effect: {path} is no run."
            raise InputError(msg)
        version = rows.version if isinstance(rows, LanceRows) else None
        return cls((path,), layout_of(schema, layout, columns, str(path)), version)

    @classmethod
    def _run(
        cls,
        path: Path,
        queries: Path | None,
        corpus: Path | None,
        columns: Columned,
        *,
        is_run: bool,
    ) -> Self:
        if not is_run:
            msg = f"{path} is no run: it has no query and document ids without texts."
            raise InputError(msg, who=str(path))
        if queries is None or corpus is None:
            msg = f"{path} is a run: it has no texts."
            remedy = "Name them: --queries FILE --corpus FILE."
            raise InputError(msg, remedy=remedy, who=str(path))
        if columns.more:
            msg = f"The reranker reads {columns.more[0]!r}, which a run does not have."
            raise InputError(msg)
        return cls((path, queries, corpus), Pairs("query", "qid", "docno", "text"))

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """Return the source that a manifest describes."""
        given = dict(table["layout"])
        kind = {"lists": Lists, "pairs": Pairs}[given.pop("layout")]
        paths = tuple(map(Path, table["paths"]))
        return cls(paths, kind(**given), table["version"])

    def table(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "paths": [str(path.resolve()) for path in self.paths],
            "layout": self.layout.table(),
            "version": self.version,
        }

    def stage(self, out: Path) -> None:
        """Make Arrow files of text files, in the folder of the job, unless they are."""
        path, *texts = self.paths
        if _is_text(path) and not _staged(out).exists():
            stage(_staged(out), batches_of(path))
        for name, source in zip(("queries", "corpus"), texts, strict=False):
            folder = _staged(out).parent / name
            if not (folder / "rows.npy").exists():
                Collection.build(source, folder)

    def opened(self, out: Path) -> Rows:
        """Return its rows, which `stage` has prepared."""
        path, *texts = self.paths
        if self.version is not None:
            return LanceRows(path, self.version)
        rows = ArrowRows([_staged(out)]) if _is_text(path) else rows_of(path)
        if not texts:
            return rows
        folder = _staged(out).parent
        return _Joined(
            rows, Collection(folder / "queries"), Collection(folder / "corpus")
        )

    def plan(self, out: Path, size: int | None) -> list[Part]:
        """Return the parts to do it in."""
        return planned(self.layout, self.opened(out), size, str(self.paths[0]))

    def read(self, rows: Rows, part: Part) -> Queries:
        """Return the queries of a part."""
        return self.layout.read(rows, part.row, part.rows)


class _Joined(Rows):
    """The rows of a run, with the texts of its queries and documents.

    Args:
        run: Rows of query and document ids.
        queries: The texts of the queries.
        corpus: Those of the documents.
    """

    def __init__(self, run: Rows, queries: Collection, corpus: Collection) -> None:
        self.schema = run.schema
        self._run = run
        self._texts = {"query": ("qid", queries), "text": ("docno", corpus)}

    def __len__(self) -> int:
        return len(self._run)

    def read(self, start: int, n: int, columns: Columns) -> pa.Table:
        table = self._run.read(start, n, {"qid": (), "docno": ()}).combine_chunks()
        for name in set(columns) & set(self._texts):
            key, texts = self._texts[name]
            ids = table[key].combine_chunks().cast(pa.string())
            table = table.append_column(name, texts.texts(ids))
        return table.select(list(columns))


def _is_text(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in TEXT_FILES


def _staged(out: Path) -> Path:
    return out / "staged" / "rows.arrow"
