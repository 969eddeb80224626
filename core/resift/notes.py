"""Notes: what a user must know of an answer, beside the answer itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    import pyarrow as pa

__all__ = ["DEGRADED", "Note", "is_degraded", "notes_of", "usage_of", "with_notes"]

DEGRADED = "_degraded"
"""A column of true in an answer that is not the preferred reranker's: not to be kept,
since the next call may do better."""

_NOTES = b"resift.notes"
_USAGE = b"resift.usage"
_DEGRADED = b"resift.degraded"


class Note(str):
    """A sentence that a user must know; reads as the string it is.

    Args:
        text: The sentence.
        code: What kind of note it is, lower-case words with hyphens, to count and
            filter by.
        reranker: The name of the reranker that says it.
    """

    __slots__ = ("code", "reranker")
    code: str
    reranker: str

    def __new__(cls, text: str, code: str = "", reranker: str = "") -> Self:
        """Make a string that knows its code and its reranker."""
        note = super().__new__(cls, text)
        note.code = code
        note.reranker = reranker
        return note

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]  # its own
        return str(self), self.code, self.reranker


def with_notes(
    rows: pa.Table,
    notes: Iterable[str],
    usage: Mapping[str, float] = {},
    *,
    degraded: bool = False,
) -> pa.Table:
    """Write notes, each once, and usage into the schema metadata; none leave it.

    They are written for pandas, too: a frame of the table has them in its ``attrs``.

    Args:
        rows: The answer.
        notes: What is to be said of it.
        usage: What it cost.
        degraded: Whether it is less than what was asked for.
    """
    said: dict[bytes, object] = {}
    if distinct := list(dict.fromkeys(map(str, notes))):
        said[_NOTES] = distinct
    if usage:
        said[_USAGE] = dict(usage)
    if degraded:
        said[_DEGRADED] = True
    if not said:
        return rows
    metadata = dict(rows.schema.metadata or {})
    frame: dict[str, Any] = {"index_columns": [], "column_indexes": [], "columns": []}
    frame |= json.loads(metadata.get(b"pandas", b"{}"))
    attributes = {key.decode(): value for key, value in said.items()}
    frame["attributes"] = {**frame.get("attributes", {}), **attributes}
    for key, value in {**said, b"pandas": frame}.items():
        metadata[key] = json.dumps(value, ensure_ascii=False).encode()
    return rows.replace_schema_metadata(metadata)


def is_degraded(table: pa.Table) -> bool:
    """Return whether an answer says that it is less than what was asked for."""
    return _DEGRADED in (table.schema.metadata or {})


def notes_of(table: pa.Table) -> list[str]:
    """Return the notes that a reranked table carries."""
    return [str(note) for note in _read(table, _NOTES) or ()]


def usage_of(table: pa.Table) -> dict[str, float]:
    """Return what a reranked table cost, as numbers by name."""
    return dict(_read(table, _USAGE) or {})


def _read(table: pa.Table, key: bytes) -> Any:  # noqa: ANN401  # what JSON holds
    metadata = table.schema.metadata
    return json.loads(metadata[key]) if metadata and key in metadata else None
