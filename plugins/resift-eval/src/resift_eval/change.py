"""What changed from one report to another: the same contestants, query by query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resift.errors import InputError
from resift_eval.measures import Comparison, Measured, compared
from resift_eval.results import holm

__all__ = ["Change", "Changes", "changes_between", "read_report"]


@dataclass(frozen=True)
class Change:
    """One contestant, before and after.

    Args:
        name: What it is called.
        before: The deciding measure in the first report.
        after: In the second.
        comparison: The second report against the first, over the queries of both.
        significant: Whether that holds at 5 % after Holm's correction.
        differences: The mean difference by measure.
    """

    name: str
    before: float
    after: float
    comparison: Comparison
    significant: bool
    differences: Mapping[str, float]

    @property
    def outcome(self) -> str:
        """Say in a word or three what happened."""
        if not self.significant:
            return "no clear difference"
        return "better" if self.comparison.difference > 0 else "WORSE"


@dataclass(frozen=True)
class Changes:
    """All contestants of both reports.

    Args:
        measure: The measure that decides: that of the second report.
        queries: The ids of the queries of both.
        rows: The contestants.
        notes: What differs between the reports, and is not compared.
    """

    measure: str
    queries: Sequence[str]
    rows: Sequence[Change]
    notes: Sequence[str]

    def plain(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        rows = [{"outcome": row.outcome, **asdict(row)} for row in self.rows]
        return {
            "measure": self.measure,
            "queries": list(self.queries),
            "contestants": rows,
            "notes": list(self.notes),
        }


def read_report(path: Path) -> dict[str, Any]:
    """Read a report: its folder, or its ``report.json``.

    Raises:
        InputError: If it is none.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text("utf-8"))
        missing = {"measure", "queries", "contestants", "content"} - set(found)
    except (OSError, ValueError, TypeError) as error:
        msg = f"{file} is not a report of `resift eval --out`: {type(error).__name__}."
        raise InputError(msg, who=str(file)) from error
    if missing:
        lacks = f"it has no {min(missing)!r}."
        msg = f"{file} is not a report of `resift eval --out`: {lacks}"
        raise InputError(msg, who=str(file))
    return dict(found)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Compare two reports over the queries and contestants that both have.

    Raises:
        InputError: If they have no query, measure or contestant in common.
    """
    measure = after["measure"]
    old = {row["name"]: row["measures"] for row in before["contestants"]}
    new = {row["name"]: row["measures"] for row in after["contestants"]}
    names = [name for name in new if name in old]
    held = set(before["queries"])
    queries = [query for query in after["queries"] if query in held]
    if not (queries and names and all(measure in old[n] for n in names)):
        what = "query" if not queries else "contestant" if not names else repr(measure)
        msg = f"The reports have no {what} in common: there is nothing to compare."
        raise InputError(msg)

    def values(row: Mapping[str, Any], report: Mapping[str, Any], m: str) -> Measured:
        place = {query: i for i, query in enumerate(report["queries"])}
        kept = np.array([row[m]["values"][place[query]] for query in queries])
        return Measured(kept, float(kept.mean()), np.nan, np.nan)

    pairs = {
        n: (values(old[n], before, measure), values(new[n], after, measure))
        for n in names
    }
    found = {n: compared(now, then) for n, (then, now) in pairs.items()}
    clear = holm({n: c.p for n, c in found.items()})
    rows = [
        Change(
            name=n,
            before=pairs[n][0].mean,
            after=pairs[n][1].mean,
            comparison=found[n],
            significant=n in clear,
            differences={
                m: values(new[n], after, m).mean - values(old[n], before, m).mean
                for m in new[n]
                if m in old[n]
            },
        )
        for n in names
    ]
    notes = list(_differences(before, after, queries, old, new))
    return Changes(measure, queries, rows, notes)


def _differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    queries: Sequence[str],
    old: Mapping[str, object],
    new: Mapping[str, object],
) -> list[str]:
    """Say what the reports do not share."""
    notes = []
    if before["content"] != after["content"]:
        notes.append("The reports have other documents, queries or judgements.")
    if before.get("depth") != after.get("depth"):
        depths = f"{before.get('depth')} before, {after.get('depth')} after"
        notes.append(f"The reports have other depths: {depths}.")
    for report, which in ((before, "first"), (after, "second")):
        if more := len(report["queries"]) - len(queries):
            notes.append(f"{more} queries are in the {which} report only.")
    for mine, others, which in ((old, new, "first"), (new, old, "second")):
        if only := [name for name in mine if name not in others]:
            notes.append(f"In the {which} report only: {', '.join(only)}.")
    return notes
