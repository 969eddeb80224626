"""Test collections: queries, judgements and documents, in the formats people have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from resift.errors import InputError

__all__ = ["Collection", "read_beir", "read_documents", "read_qrels", "read_queries"]


@dataclass(frozen=True)
class Collection:
    """What an evaluation is about.

    Args:
        name: What reports call it.
        queries: The judged queries: id -> text, in the order of their file.
        qrels: Relevance by query id and document id, 0 or more.
        documents: Texts by document id, where they come from a file.
    """

    name: str
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    documents: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        queries: Mapping[str, str],
        qrels: Mapping[str, Mapping[str, int]],
        documents: Mapping[str, str] | None = None,
    ) -> Collection:
        """Keep the queries that are judged.

        Raises:
            InputError: If none is, so that there is nothing to measure.
        """
        judged = {
            i: text for i, text in queries.items() if any(qrels.get(i, {}).values())
        }
        if not judged:
            msg = (
                f"{name}: none of the {len(queries)} queries has a relevant document "
                f"in the judgements, which name {len(qrels)} queries. Do the ids agree?"
            )
            raise InputError(msg)
        return cls(name, judged, {i: qrels[i] for i in judged}, documents or {})

    def first(self, n: int | None) -> Collection:
        """Return the collection with its first *n* queries."""
        if n is None:
            return self
        kept = dict(list(self.queries.items())[:n])
        qrels = {i: self.qrels[i] for i in kept}
        return Collection(self.name, kept, qrels, self.documents)

    def fingerprint(self) -> str:
        """Return a hash of everything in it."""
        content = [[*self.queries.items()], [*self.qrels.items()], self.documents]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def unknown_documents(self) -> list[str]:
        """Return judged relevant documents that the collection does not hold."""
        if not self.documents:
            return []
        judged = {d for q in self.qrels.values() for d, grade in q.items() if grade > 0}
        return sorted(judged - self.documents.keys())


def read_beir(folder: Path) -> Collection:
    """Read a folder in BEIR layout.

    ``corpus.jsonl``, ``queries.jsonl``, and ``qrels.tsv`` or ``qrels/test.tsv``.
    """
    split = folder / "qrels" / "test.tsv"
    qrels = split if split.is_file() else folder / "qrels.tsv"
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl", qrels):
        if not path.is_file():
            other = " (or qrels/test.tsv)" if path == qrels else ""
            msg = f"{folder} is not a BEIR folder: it has no {path.name}{other}."
            raise InputError(msg)
    return Collection.of(
        folder.resolve().name,
        read_queries(folder / "queries.jsonl"),
        read_qrels(qrels),
        read_documents(folder / "corpus.jsonl"),
    )


def read_queries(path: Path) -> dict[str, str]:
    """Read queries: JSONL with ``_id`` and ``text``, or ``id<TAB>text`` lines."""
    return _by_id(path, lambda row: str(row["text"]))


def read_documents(path: Path) -> dict[str, str]:
    """Read documents: JSONL with ``_id``, ``text`` and maybe ``title``, or TSV."""

    def text(row: Mapping[str, object]) -> str:
        return " ".join(str(row[k]) for k in ("title", "text") if row.get(k))

    return _by_id(path, text)


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read judgements: BEIR's three columns, or TREC's four.

    Raises:
        InputError: If a line is neither.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        parts = line.split("\t") if "\t" in line else line.split()
        if number == 1 and parts[-1].strip().lower() in ("score", "relevance"):
            continue
        try:
            query, document = parts[0], parts[2 if len(parts) == 4 else 1]
            relevance = int(float(parts[-1]))
        except (IndexError, ValueError) as error:
            msg = (
                f"{path}:{number}: a judgement must be 'query document relevance' or "
                f"'query 0 document relevance', got {line!r}."
            )
            raise InputError(msg) from error
        qrels.setdefault(query, {})[document] = relevance
    return qrels


def _by_id(path: Path, text: Callable[[Mapping[str, object]], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            if path.suffix == ".jsonl":
                row = json.loads(line)
                key, value = str(row.get("_id", row.get("id"))), text(row)
            else:
                key, value = line.split("\t", 1)
        except (ValueError, KeyError, AttributeError) as error:
            msg = (
                f"{path}:{number}: a line must be JSON with '_id' and 'text', or "
                f"'id<TAB>text': {error}."
            )
            raise InputError(msg) from error
        if key in found:
            msg = f"{path}:{number}: the id {key!r} is given twice."
            raise InputError(msg)
        found[key] = value
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}."
        raise InputError(msg) from error
