"""Staging: text files made into Arrow files, once, so that parts read by position."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
from numpy.typing import NDArray

from resift.errors import InputError
from resift_batch.layout import as_text
from resift_batch.rows import rows_of

__all__ = ["TEXT_FILES", "Collection", "batches_of", "stage"]

TEXT_FILES = (".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".trec", ".run")
_BLOCK = 1 << 24  # bytes that are parsed at once
_FIELDS = {
    2: ("id", "text"),
    3: ("qid", "docno", "rank"),
    4: ("qid", "docno", "query", "text"),
    6: ("qid", "Q0", "docno", "rank", "score", "tag"),
}
"""The fields of a line without a header, by their number: a query or a document, a run
of MS MARCO, its pairs, and a run of TREC."""


def batches_of(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a text file, in order.

    Raises:
        InputError: If it is none.
    """
    try:
        if path.suffix in (".jsonl", ".ndjson"):
            options = pa.json.ReadOptions(block_size=_BLOCK)
            yield from pa.json.open_json(path, read_options=options)
        else:
            yield from _columns(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        kind = str(error).partition(":")[0]  # what follows may quote a text
        msg = f"{path} cannot be read: {kind}."
        raise InputError(
            msg, remedy="Every line must have the same fields.", who=str(path)
        ) from None


def fields_of(path: Path) -> tuple[str, Sequence[str] | None]:
    """Return what separates the fields of a file, and their names without a header."""
    with path.open("rb") as file:
        line = file.readline(1 << 20).decode("utf-8", "replace").rstrip("\r\n")
    if path.suffix == ".csv":
        return ",", None
    separator = "\t" if "\t" in line else " "
    found = line.split(separator)
    if len(found) == 3 and not found[2].strip().isdigit():
        msg = f"{path} has two texts for each query: examples to train with."
        raise InputError(
            msg, remedy="Give candidates: a run, or a row each.", who=str(path)
        )
    if {"qid", "query", "text", "docno", "_id", "id", "query_id"} & set(found):
        return separator, None
    if len(found) not in _FIELDS:
        known = ", ".join(map(str, _FIELDS))
        msg = f"{path} must have {known} fields on a line, got {len(found)}."
        raise InputError(msg, who=str(path))
    return separator, _FIELDS[len(found)]


def _columns(path: Path) -> Iterator[pa.RecordBatch]:
    separator, names = fields_of(path)
    header = names
    if header is None:
        with path.open("rb") as file:
            header = (
                file.readline(1 << 20).decode("utf-8").rstrip("\r\n").split(separator)
            )
    yield from pa.csv.open_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK, column_names=names),
        parse_options=pa.csv.ParseOptions(
            delimiter=separator, quote_char='"' if separator == "," else False
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), check_utf8=False
        ),
    )


def stage(path: Path, batches: Iterator[pa.RecordBatch]) -> None:
    """Write batches to an Arrow file that is there as a whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        first = next(batches, None)
        if first is None:
            msg = f"There are no rows for {path.name}."
            raise InputError(msg)
        with pa.ipc.new_file(str(temporary), first.schema) as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


class Collection:
    """Texts by id, in files that are mapped into memory.

    A lookup is a search in sorted digests of the ids; the ids themselves are compared
    then, so that two with one digest stay two.

    Args:
        folder: Where the files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._table = pa.ipc.open_file(
            pa.memory_map(str(folder / "collection.arrow"))
        ).read_all()
        self._digests = np.load(folder / "digests.npy", mmap_mode="r")
        self._rows = np.load(folder / "rows.npy", mmap_mode="r")

    @classmethod
    def build(cls, source: Path, folder: Path) -> None:
        """Make the files for the documents in *source*."""
        digests: list[NDArray[np.uint64]] = []

        def documents() -> Iterator[pa.RecordBatch]:
            for ids, texts in _documents(source):
                digests.append(_digests(ids))
                yield pa.record_batch({"id": ids, "text": texts})

        stage(folder / "collection.arrow", documents())
        found = np.concatenate(digests)
        order = np.argsort(found, kind="stable")
        for name, array in (("digests", found[order]), ("rows", order)):
            temporary = folder / f"{name}.{os.getpid()}.tmp"
            with temporary.open("wb") as file:
                np.save(file, array)
            temporary.replace(folder / f"{name}.npy")

    def texts(self, ids: pa.Array) -> pa.Array:
        """Return the text of each document, null where there is none."""
        unique = pc.unique(ids)
        digests = _digests(unique)
        first = np.searchsorted(self._digests, digests)
        rows: list[int | None] = []
        known = self._table["id"]
        for id_, digest, place in zip(unique, digests, first.tolist(), strict=True):
            row = None
            at = place
            while (
                row is None and at < len(self._digests) and self._digests[at] == digest
            ):
                if known[int(self._rows[at])].as_py() == id_.as_py():
                    row = int(self._rows[at])
                at += 1
            rows.append(row)
        found = self._table["text"].take(pa.array(rows, pa.int64())).combine_chunks()
        return found.take(pc.index_in(ids, value_set=unique))


def _documents(source: Path) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the ids and texts of the documents in a file or folder."""
    tables: Iterable[pa.Table]
    if source.is_file() and source.suffix in TEXT_FILES:
        tables = (pa.Table.from_batches([batch]) for batch in batches_of(source))
    else:
        rows = rows_of(source)
        tables = rows.scan(dict.fromkeys(_named(rows.schema.names, source), ()))
    for table in tables:
        id_, *parts = _named(table.schema.names, source)
        texts = [as_text(table[name]) for name in parts]
        joined = texts[0]
        if len(texts) > 1:  # a title, which may be missing, and a text
            joined = pc.binary_join_element_wise(*texts, "\n", null_handling="skip")
            joined = pc.utf8_trim_whitespace(joined)
        yield table[id_].combine_chunks().cast(pa.string()), joined


def _named(names: Sequence[str], source: Path) -> list[str]:
    """Return the columns of ids, of titles if there is one, and of texts."""
    known = {name.casefold(): name for name in names}
    ids = ("_id", "id", "docno", "doc_id", "docid", "pid", "qid", "query_id")
    id_ = next((known[n] for n in ids if n in known), None)
    text = next(
        (
            known[n]
            for n in ("text", "contents", "passage", "body", "query")
            if n in known
        ),
        None,
    )
    if id_ is None or text is None:
        shown = ", ".join(map(repr, names))
        msg = f"{source} must have a column of ids and one of texts. Columns: {shown}."
        raise InputError(msg)
    return [id_, *([known["title"]] if "title" in known else []), text]


def _digests(ids: pa.Array) -> NDArray[np.uint64]:
    texts = ids.cast(pa.binary()).to_pylist()
    joined = b"".join(
        hashlib.blake2b(text or b"", digest_size=8).digest() for text in texts
    )
    return np.frombuffer(joined, dtype=np.uint64)
