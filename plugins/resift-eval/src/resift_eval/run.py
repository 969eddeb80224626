"""Runs: the documents that somebody ranked for each query, as files hold them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resift.errors import InputError
from resift_eval.layout import RUN
from resift_eval.rows import Row, read_rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Ranked", "Run", "read_run"]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One document of a run.

    Args:
        document: Its id.
        rank: Its rank, from the file; 0 where the file has none.
        score: Its score; None where the file has ranks only.
    """

    document: str
    rank: float
    score: float | None


@dataclass(frozen=True)
class Run:
    """A run.

    Args:
        ranked: The documents by query id, best first.
        notes: What of the file is not used.
    """

    ranked: Mapping[str, Sequence[Ranked]]
    notes: Sequence[str] = ()

    @property
    def longest(self) -> int:
        """How many documents it holds for one query at most."""
        return max(map(len, self.ranked.values()), default=0)

    def documents(self) -> set[str]:
        """Return all documents that it ranks."""
        return {r.document for ranked in self.ranked.values() for r in ranked}


def read_run(path: Path) -> Run:
    """Read a run: TREC's six columns, MS MARCO's three, or objects.

    The scores decide the order. Equal ones follow the rank column, and where that is
    equal, too, the document ids, falling, as in trec_eval; so the order of the lines
    never matters.

    Raises:
        InputError: If the file cannot be read, or a row has neither score nor rank.
    """
    found: dict[str, dict[str, Ranked]] = {}
    repeated = 0
    for row in read_rows(path, RUN):
        ranked = _ranked(row)
        mine = found.setdefault(row.name("query"), {})
        before = mine.get(ranked.document)
        repeated += before is not None
        if before is None or _key(ranked) < _key(before):
            mine[ranked.document] = ranked
    queries = {query: _sorted(mine.values()) for query, mine in found.items()}
    for query, ranking in queries.items():
        _require_order(path, query, ranking)
    notes = []
    if repeated:
        notes.append(
            f"{path.name} ranks a document again for the same query in {repeated} "
            "rows: the best place counts."
        )
    if odd := [query for query, ranking in queries.items() if _disagree(ranking)]:
        notes.append(
            f"{path.name}: scores and ranks disagree on {len(odd)} queries "
            f"({odd[0]!r} first): the scores count, as in trec_eval."
        )
    return Run(queries, notes)


def _ranked(row: Row) -> Ranked:
    rank, score = _number(row, "rank"), _number(row, "score")
    document = row.name("document")
    if score is not None:
        return Ranked(document, 0.0 if rank is None else rank, score)
    if rank is None:
        raw = row.fields.get("score", row.fields.get("rank"))
        msg = f"a score or a rank must be a number, got {raw!r}."
        raise InputError(msg, place=row.place)
    return Ranked(document, rank, None)


def _number(row: Row, field: str) -> float | None:
    """Return a number; None for a rank that is none, as some tools write.

    Raises:
        InputError: If a score is no number.
    """
    value = row.fields.get(field)
    text = "" if isinstance(value, bool) or value is None else str(value).strip()
    if _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text)
    if field == "score" and value is not None:
        msg = f"a score must be a number, got {value!r}."
        raise InputError(msg, place=row.place)
    return None


def _key(ranked: Ranked) -> tuple[float, float]:
    return -(ranked.score or 0.0), ranked.rank


def _sorted(ranking: Iterable[Ranked]) -> list[Ranked]:
    by_document = sorted(ranking, key=lambda r: r.document, reverse=True)
    return sorted(by_document, key=_key)


def _require_order(path: Path, query: str, ranking: Sequence[Ranked]) -> None:
    """Refuse a ranking without scores in which a rank is given twice."""
    for a, b in itertools.pairwise(ranking):
        if (a.score is None) != (b.score is None):
            msg = f"query {query!r} has rows with a score and rows without."
            raise InputError(msg, who=str(path))
        if a.score is None and a.rank == b.rank:
            msg = (
                f"query {query!r} has two documents of rank {a.rank:g}, "
                f"{b.document!r} and {a.document!r}. Is it a run?"
            )
            raise InputError(msg, who=str(path))


def _disagree(ranking: Sequence[Ranked]) -> bool:
    pairs = itertools.pairwise(ranking)
    return any(a.rank > b.rank and a.score != b.score for a, b in pairs)
