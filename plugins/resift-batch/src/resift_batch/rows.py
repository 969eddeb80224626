"""Rows: tables that are read by position, without holding them in memory."""

from __future__ import annotations

import bisect
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resift.errors import InputError

__all__ = ["ArrowRows", "LanceRows", "ParquetRows", "Rows", "rows_of"]

_BUFFER = 1 << 20  # bytes of a column chunk that are read at once
_STEP = 256  # rows that are decoded at once: a row may hold a hundred documents
Columns = Mapping[str, Sequence[str]]
"""The columns that are wanted; of a column of structs, the fields that are."""


class Rows(ABC):
    """A table that is read by position."""

    schema: pa.Schema

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def read(self, start: int, n: int, columns: Columns) -> pa.Table:
        """Return *n* rows, the first of them *start*.

        Columns of structs may come with more fields than are wanted.
        """

    def scan(self, columns: Columns, step: int = 4096) -> Iterator[pa.Table]:
        """Yield all rows, some at a time."""
        for start in range(0, len(self), step):
            yield self.read(start, min(step, len(self) - start), columns)


@dataclass
class _Cursor:
    """A reader that stands at a row, with what it has decoded beyond."""

    columns: Columns
    row: int
    batches: Iterator[pa.RecordBatch]
    decoded: pa.Table


class ParquetRows(Rows):
    """The rows of Parquet files, one file after the other.

    Reading on from where the last call ended decodes nothing twice; a row group is
    never held as a whole, since a writer may have made one of a million rows.

    Args:
        files: The files, of one schema.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [pq.ParquetFile(file, buffer_size=_BUFFER) for file in files]
        self.schema = self._files[0].schema_arrow
        for path, file in zip(files, self._files, strict=True):
            if not file.schema_arrow.equals(self.schema):
                msg = f"{path} has other columns than {files[0]}."
                raise InputError(msg, remedy="Give files of one schema.", who=str(path))
        self._groups = [
            (number, group, file.metadata.row_group(group).num_rows)
            for number, file in enumerate(self._files)
            for group in range(file.metadata.num_row_groups)
        ]
        self._starts = [0, *accumulate(rows for _, _, rows in self._groups)]
        self._cursor: _Cursor | None = None

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, n: int, columns: Columns) -> pa.Table:
        cursor = self._cursor
        if cursor is None or cursor.columns != columns or not self._near(start):
            group = bisect.bisect_right(self._starts, start) - 1
            batches = self._batches(group, columns)
            cursor = _Cursor(columns, self._starts[group], batches, pa.table({}))
            self._cursor = cursor
        found: list[pa.Table] = []
        while n > 0:
            if not cursor.decoded.num_rows:
                cursor.decoded = pa.Table.from_batches([next(cursor.batches)])
            skipped = min(start - cursor.row, cursor.decoded.num_rows)
            taken = cursor.decoded.slice(skipped, n)
            cursor.decoded = cursor.decoded.slice(skipped + taken.num_rows)
            cursor.row += skipped + taken.num_rows
            start += taken.num_rows
            n -= taken.num_rows
            found.append(taken)
        return pa.concat_tables([part for part in found if part.num_rows])

    def _near(self, start: int) -> bool:
        """Return whether the cursor comes by *start* in its row group."""
        row = self._cursor.row if self._cursor else 0
        groups = [bisect.bisect_right(self._starts, at) for at in (row, start)]
        return row <= start and groups[1] - groups[0] <= 1

    def _batches(self, group: int, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Yield what is decoded from row group *group* on."""
        for number, file in enumerate(self._files):
            groups = [g for f, g, _ in self._groups[group:] if f == number]
            if groups:
                leaves = _leaves(file, columns)
                yield from file.iter_batches(_STEP, row_groups=groups, columns=leaves)


def _leaves(file: pq.ParquetFile, columns: Columns) -> list[str]:
    """Return the paths of the leaves that hold the columns.

    Writers differ in how they call what lies between a list and its items.
    """
    paths = [file.schema.column(i).path for i in range(len(file.schema))]
    found = []
    for name, fields in columns.items():
        under = [path for path in paths if path == name or path.startswith(f"{name}.")]
        chosen = [p for p in under if p.rpartition(".")[2] in fields]
        found += chosen if fields else under
    return found


class ArrowRows(Rows):
    """The rows of Arrow files, mapped into memory: streams, or files with a footer.

    Args:
        files: The files, of one schema.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        tables = [_mapped(file) for file in files]
        self.schema = tables[0].schema
        try:
            self._table = pa.concat_tables(tables)
        except pa.ArrowException:
            msg = f"The files beside {files[0]} have other columns than it has."
            raise InputError(msg, remedy="Give files of one schema.") from None

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def read(self, start: int, n: int, columns: Columns) -> pa.Table:
        return self._table.select(list(columns)).slice(start, n)


def _mapped(file: Path) -> pa.Table:
    source = pa.memory_map(str(file))
    try:
        return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_stream(source).read_all()


class LanceRows(Rows):
    """The rows of a LanceDB table, as it was at one version.

    Args:
        path: The folder of the table, ``DATABASE/NAME.lance``.
        version: The version; the latest by default.
    """

    def __init__(self, path: Path, version: int | None = None) -> None:
        import lancedb

        database = lancedb.connect(path.parent)
        self._table = database.open_table(path.stem)
        if version is not None:
            self._table.checkout(version)
        self.schema = self._table.schema
        self.version = int(self._table.version)
        self._rows = self._table.count_rows()

    def __len__(self) -> int:
        return int(self._rows)

    def read(self, start: int, n: int, columns: Columns) -> pa.Table:
        wanted = list(range(start, start + n))
        return self._table.take_offsets(wanted).select(list(columns)).to_arrow()


def rows_of(path: Path) -> Rows:
    """Return the rows of a file or folder, by what it is.

    Raises:
        InputError: If it is nothing that is read by position.
    """
    if path.is_dir() and path.suffix == ".lance":
        return LanceRows(path)
    files = files_of(path)
    try:
        if files[0].suffix == ".parquet":
            return ParquetRows(files)
        return ArrowRows(files)
    except pa.ArrowInvalid as error:
        msg = f"{path} cannot be read as {files[0].suffix[1:].title()}: {error}."
        raise InputError(msg, who=str(path)) from None


def files_of(path: Path) -> list[Path]:
    """Return the files that hold the rows, in order.

    Raises:
        InputError: If there are none.
    """
    if not path.is_dir():
        return [path]
    if (path / "dataset_dict.json").is_file():
        splits = json.loads((path / "dataset_dict.json").read_text("utf-8"))["splits"]
        msg = f"{path} holds the splits {', '.join(map(repr, splits))}."
        raise InputError(msg, remedy=f"Name one: {path / splits[0]}.", who=str(path))
    if (path / "state.json").is_file():  # saved by Hugging Face's datasets
        state = json.loads((path / "state.json").read_text("utf-8"))
        return [path / file["filename"] for file in state["_data_files"]]
    for ending in ("parquet", "arrow"):
        if found := sorted(path.rglob(f"*.{ending}")):
            return found
    msg = f"{path} holds no Parquet or Arrow files."
    raise InputError(msg, who=str(path))
