"""Layouts: which fields a kind of file has, by name and by position."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["DOCUMENTS", "JUDGEMENTS", "QUERIES", "RUN", "Layout"]

_QUERY_ID = ("queryid", "qid", "query", "topicid", "topic")
_DOCUMENT_ID = (
    "corpusid", "docid", "docno", "documentid", "document", "pid", "passageid",
    "productid",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """What the rows of a kind of file hold.

    Args:
        row: What one row is, for messages.
        names: The names of each field in JSON objects and header lines, the first one
            that is there counts; letters and digits only, in lower case.
        columns: The fields by position, ``""`` for one that is not read, by how many
            there are on a line.
        optional: Fields that a row may lack.
        form: How a line without a header looks, for messages.
        text: Whether the last field is text: it may hold anything, and is never shown.
    """

    row: str
    names: Mapping[str, Sequence[str]]
    columns: Mapping[int, Sequence[str]]
    form: str
    optional: Sequence[str] = ()
    text: bool = False

    def places(self, header: Sequence[object]) -> dict[str, int]:
        """Return where the fields are among *header*; those not there are left out."""
        known = {plain(name): i for i, name in reversed([*enumerate(header)])}
        found = {
            field: next((known[name] for name in names if name in known), None)
            for field, names in self.names.items()
        }
        return {field: place for field, place in found.items() if place is not None}

    def complete(self, fields: Mapping[str, object]) -> bool:
        """Return whether a row with *fields* lacks none that it needs."""
        return not self.lacking(fields)

    def lacking(self, fields: Mapping[str, object]) -> list[str]:
        """Return the fields that a row with *fields* lacks, though it needs them."""
        return [f for f in self.names if f not in fields and f not in self.optional]


def plain(name: object) -> str:
    """Return the name of a field, or of a column, without what people vary."""
    return re.sub(r"[\W_]", "", str(name)).casefold()


QUERIES = Layout(
    row="a query",
    names={
        "id": ("id", *_QUERY_ID[:2], *_QUERY_ID[3:]),
        "text": ("text", "query", "question", "contents", "content", "title"),
    },
    columns={2: ("id", "text")},
    form="id<TAB>text",
    text=True,
)
DOCUMENTS = Layout(
    row="a document",
    names={
        "id": ("id", *_DOCUMENT_ID[:4], *_DOCUMENT_ID[5:]),
        "text": ("text", "contents", "content", "body", "passage", "abstract"),
        "title": ("title",),
    },
    columns={2: ("id", "text")},
    optional=("title",),
    form="id<TAB>text",
    text=True,
)
JUDGEMENTS = Layout(
    row="a judgement",
    names={
        "query": _QUERY_ID,
        "document": _DOCUMENT_ID,
        "grade": (
            "score",
            "grade",
            "relevance",
            "rel",
            "label",
            "judgement",
            "judgment",
        ),
    },
    columns={
        3: ("query", "document", "grade"),
        4: ("query", "", "document", "grade"),
    },
    form="query document grade, or query 0 document grade",
)
RUN = Layout(
    row="a row of a run",
    names={
        "query": _QUERY_ID,
        "document": _DOCUMENT_ID,
        "rank": ("rank", "position"),
        "score": ("score", "similarity", "sim"),
    },
    columns={
        3: ("query", "document", "rank"),
        5: ("query", "", "document", "rank", "score"),
        6: ("query", "", "document", "rank", "score", ""),
    },
    optional=("rank", "score"),
    form="query Q0 document rank score tag, or query document rank",
)
