"""One file of all answers: Parquet, JSON Lines, or a TREC run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from resift.errors import InputError
from resift_batch.folder import Folder
from resift_batch.part import missing_parts

__all__ = ["FORMATS", "export"]

FORMATS = ("jsonl", "trec", "parquet")


def export(out: Path, sink: BinaryIO, form: str, tag: str) -> None:
    """Write the answers of a finished job to *sink*.

    Args:
        out: The folder of the job.
        sink: Where to write.
        form: One of `FORMATS`.
        tag: What a TREC run calls itself.

    Raises:
        InputError: If the job is not finished, or a run cannot hold its answers.
    """
    files = _files(out)
    if form == "parquet":
        if files:
            with pq.ParquetWriter(sink, pq.read_schema(files[0])) as writer:
                for file in files:
                    writer.write_table(pq.read_table(file))
        return
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches():
            rows = batch.to_pylist()
            lines = map(_json, rows) if form == "jsonl" else _trec(rows, tag)
            sink.writelines(f"{line}\n".encode() for line in lines)


def _files(out: Path) -> list[Path]:
    """Return the parts of a finished job."""
    missing = missing_parts(out)
    folder = Folder(out)
    if missing or not folder.success.exists():
        msg = f"{out} is not finished: {len(missing)} parts are missing."
        raise InputError(
            msg, remedy="Run its command again: it goes on from there.", who=str(out)
        )
    return sorted((out / "parts").glob("part-*.parquet"))


def _json(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _trec(rows: list[dict[str, object]], tag: str) -> Iterator[str]:
    """Yield lines of a run: query, Q0, document, rank, score, tag."""
    for row in rows:
        ids = str(row["qid"]), str(row["id"])
        for name in ids:
            if not name or name.split() != [name]:
                msg = f"row {row['row']}: a run cannot hold the id {name!r}."
                raise InputError(msg, remedy="Ids of a run have no white space.")
        if row["score"] is None:
            msg = f"row {row['row']}: a run cannot hold {ids[1]!r}, which has no score."
            raise InputError(msg, remedy="Write it as --format jsonl.")
        yield f"{ids[0]} Q0 {ids[1]} {row['rank']} {row['score']:.9g} {tag}"
