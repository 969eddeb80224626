"""Test collections: queries, judgements and documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from resift.errors import InputError
from resift_eval.layout import DOCUMENTS, JUDGEMENTS, QUERIES, Layout
from resift_eval.rows import Row, read_rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Collection", "examples", "read_documents", "read_qrels", "read_queries"]

_MOST = 1_000_000  # a table of all grades up to the highest is made
_DECIMALS = 6

Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Collection:
    """What an evaluation is about.

    Args:
        name: What reports call it.
        queries: The judged queries: id -> text, in the order of their file.
        qrels: Relevance by query id and document id; below 0 is not relevant.
        documents: Texts by document id, where they come from a file.
        notes: What of the files is not used.
    """

    name: str
    queries: Mapping[str, str]
    qrels: Qrels
    documents: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        name: str,
        queries: Mapping[str, str],
        qrels: Qrels,
        documents: Mapping[str, str] | None = None,
    ) -> Collection:
        """Keep the queries that have a relevant document, and note the others.

        Raises:
            InputError: If none is left, so that there is nothing to measure.
        """
        known = [i for i in queries if i in qrels]
        if not known:
            msg = (
                f"{name}: none of the {len(queries)} queries is judged. Queries: "
                f"{examples(queries)}; judged: {examples(qrels)}. Do the ids agree?"
            )
            raise InputError(msg)
        judged = {
            i: queries[i]
            for i in known
            if any(grade > 0 for grade in qrels[i].values())
        }
        if not judged:
            msg = (
                f"{name}: none of the {len(known)} judged queries has a relevant "
                "document: no grade is above 0."
            )
            raise InputError(msg)
        gaps = (
            ("not judged", [i for i in queries if i not in qrels], len(queries)),
            ("without text", [i for i in qrels if i not in queries], len(qrels)),
            ("nothing relevant", [i for i in known if i not in judged], len(known)),
        )
        notes = [
            f"Not counted ({why}): {len(ids)} of {n} queries, {examples(ids)}."
            for why, ids, n in gaps
            if ids
        ]
        return cls(
            name,
            judged,
            {i: qrels[i] for i in judged},
            documents or {},
            notes,
        )

    def first(self, n: int | None) -> Collection:
        """Return the collection with its first *n* queries."""
        if n is None:
            return self
        kept = dict(list(self.queries.items())[:n])
        return replace(self, queries=kept, qrels={i: self.qrels[i] for i in kept})

    def relevant(self) -> set[str]:
        """Return the documents that are relevant to a query."""
        return {d for q in self.qrels.values() for d, grade in q.items() if grade > 0}

    def fingerprint(self) -> str:
        """Return a hash of everything in it."""
        content = [[*self.queries.items()], [*self.qrels.items()], self.documents]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def examples(ids: Iterable[str]) -> str:
    """Return the first three ids, for messages."""
    found = list(ids)
    return ", ".join(map(repr, found[:3])) + (", ..." if len(found) > 3 else "")


def read_queries(path: Path) -> dict[str, str]:
    """Read queries: rows with an id and a text.

    Raises:
        InputError: If the file cannot be read, an id is given twice, or a text is
            blank.
    """
    found = _by_id(path, QUERIES)
    for query_id, text in found.items():
        if not text.strip():
            msg = f"the query {query_id!r} is blank."
            raise InputError(msg, who=str(path))
    return found


def read_documents(path: Path) -> dict[str, str]:
    """Read documents: rows with an id, a text, and maybe a title before it.

    Raises:
        InputError: If the file cannot be read, or an id is given twice.
    """
    return _by_id(path, DOCUMENTS)


def read_qrels(path: Path, scale: int | None = None) -> dict[str, dict[str, int]]:
    """Read judgements: BEIR's three columns, TREC's four, or objects.

    Args:
        path: The file.
        scale: Multiply every grade by it, for grades that are fractions.

    Raises:
        InputError: If the file cannot be read, a grade is no whole number, or a
            document is judged twice with different grades.
    """
    exact: dict[str, dict[str, tuple[str, Decimal]]] = {}
    for row in read_rows(path, JUDGEMENTS):
        query, document = row.name("query"), row.name("document")
        grade = _grade(row) * (scale or 1)
        place, before = exact.setdefault(query, {}).setdefault(
            document, (row.place, grade)
        )
        if before != grade:
            msg = (
                f"document {document!r} of query {query!r} is judged "
                f"again, with another grade than at {place}."
            )
            raise InputError(msg, place=row.place)
    every = [found for grades in exact.values() for found in grades.values()]
    _require_whole(every, scale)
    return {
        query: {document: int(grade) for document, (_, grade) in grades.items()}
        for query, grades in exact.items()
    }


def _grade(row: Row) -> Decimal:
    value = row.fields["grade"]
    text = "" if isinstance(value, bool) else str(value).strip()
    try:
        found = Decimal(text if text.isascii() and "_" not in text else "")
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite():
        msg = f"a grade must be a number, got {value!r}."
        raise InputError(msg, place=row.place)
    return found


def _require_whole(grades: Iterable[tuple[str, Decimal]], scale: int | None) -> None:
    """Refuse fractions, with the factor that makes all grades of the file whole."""
    broken = [(place, g) for place, g in grades if g != int(g)]
    if broken:
        place, grade = broken[0]
        decimals = max(-int(g.normalize().as_tuple().exponent) for _, g in broken)
        factor = (scale or 1) * 10 ** min(decimals, _DECIMALS)
        after = f" after --scale-grades {scale}" if scale else ""
        msg = (
            f"a grade must be a whole number, got {grade.normalize():f}{after}"
            f". Multiply all of them: --scale-grades {factor}."
        )
        raise InputError(msg, place=place)
    for place, grade in grades:
        if abs(grade) > _MOST:
            msg = f"a grade must be at most {_MOST}, got {grade:f}."
            raise InputError(msg, place=place)


def _by_id(path: Path, layout: Layout) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in read_rows(path, layout):
        key = row.name("id")
        if key in found:
            msg = f"the id {key!r} is given twice."
            raise InputError(msg, place=row.place)
        parts = (row.text(field) for field in ("title", "text"))
        found[key] = " ".join(part for part in parts if part)
    return found
