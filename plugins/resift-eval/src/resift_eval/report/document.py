"""The results as Markdown and as plain data."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift_calibrate import Bin
    from resift_eval.calibration import Calibration
    from resift_eval.depth import Curve
    from resift_eval.results import Result, Results

__all__ = [
    "as_json",
    "as_markdown",
    "as_text",
    "calibration_as_text",
    "cells",
    "headings",
    "measures_table",
    "pairs_table",
    "sources",
    "summary",
]

_LEGEND = (
    "Brackets hold 95 % bootstrap intervals. *Helped* and *hurt* are differences that "
    "a paired randomisation test finds significant at 5 %, after Holm's correction for "
    "the number of comparisons. `±` counts the queries that got better and worse, `ms` "
    "is the median time of one query, `docs` the documents that models were given for "
    "it, and `cost` its price, where the config has prices."
)

_LEGS = "Rows without an entry are legs of the first stage: what search found."

_ESTIMATE = (
    "Its scores depend on the other documents, so lesser depths are estimates: all "
    "were scored together."
)


def summary(results: Results) -> str:
    """Return the sentence that stands above everything."""
    n = len(results.collection.queries)
    return (
        f"{results.collection.name}: {n} queries, depth {results.depth}, compared with "
        f"{results.baseline} by {results.measure}."
    )


def headings(results: Results) -> list[str]:
    """Return the headings of the table."""
    first, *others = results.rows[0].measures
    gain = f"against {results.baseline}"
    cost = ["cost"] if results.is_priced else []
    return ["verdict", "who", first, gain, "p", "±", *others, "ms", "docs", *cost]


def cells(row: Result, results: Results) -> list[str]:
    """Return one row of the table; the intervals of other measures are details."""
    first, *others = row.measures.values()
    gain = p = counts = ""
    if (c := row.comparison) is not None:
        gain = f"{c.difference:+.4f} [{c.low:+.3f}, {c.high:+.3f}]"
        p = f"{c.p:.3f}" if c.p >= 0.001 else "< 0.001"
        counts = f"+{c.better} -{c.worse}"
    return [
        row.outcome,
        row.name,
        f"{first.mean:.4f} [{first.low:.3f}, {first.high:.3f}]",
        gain,
        p,
        counts,
        *(f"{m.mean:.4f}" for m in others),
        "" if row.p50 is None else f"{row.p50 * 1000:.1f}",
        f"{row.documents:.0f}",
        *([row.cost] if results.is_priced else []),
    ]


def as_markdown(results: Results) -> str:
    """Return a report that reads well in a pull request."""
    lines = ["# Did reranking help?", "", f"**{results.headline}**", ""]
    lines += [summary(results), ""]
    lines += _grid(headings(results), [cells(r, results) for r in results.ranked])
    for row in results.rows:
        if row.failures:
            lines += ["", f"**{row.name}** {row.failed}"]
    for row in results.rows:
        if row.curve is not None:
            lines += ["", "```", as_text(row.name, row.curve), "```"]
        if row.calibration is not None:
            text = calibration_as_text(row.name, row.calibration)
            lines += ["", "```", text, "```"]
    lines += ["", _LEGEND]
    if results.notes:
        lines += ["", *(f"- {note}" for note in results.notes)]
    lines += _folded("What each one is", _origins(results))
    if len(results.pairs) > 1:
        lines += _folded("Every pair", _grid(*pairs_table(results)))
    lines += _folded("All measures, with intervals", _grid(*measures_table(results)))
    for row in results.ranked:
        if details := _details(row, results):
            lines += _folded(row.name, details)
    return "\n".join(lines) + "\n"


def pairs_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows: every two contestants, the better one first."""
    rows = [
        [
            "clear" if pair.significant else "not clear",
            f"{pair.better} over {pair.worse}",
            pair.comparison.change,
            f"+{pair.comparison.better} -{pair.comparison.worse}",
        ]
        for pair in results.pairs
    ]
    return ["verdict", "pair", results.measure, "±"], rows


def measures_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows: all measures with intervals, times and calls."""
    rows = [
        [
            row.name,
            *(
                f"{m.mean:.4f} [{m.low:.3f}, {m.high:.3f}]"
                for m in row.measures.values()
            ),
            _milliseconds(row.p50),
            _milliseconds(row.p95),
            f"{row.documents:.1f}",
            f"{row.calls:.1f}",
        ]
        for row in results.ranked
    ]
    names = list(results.rows[0].measures)
    return ["who", *names, "p50", "p95", "docs", "calls"], rows


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return [*lines, *(f"| {' | '.join(row)} |" for row in escaped)]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    """Return lines that a forge shows on a click."""
    head = ["", "<details>", f"<summary>{html.escape(title)}</summary>", ""]
    return [*head, *lines, "", "</details>"]


def _origins(results: Results) -> list[str]:
    entries = [r.origin.entry for r in results.ranked if r.origin.entry]
    lines = ["```toml", "\n\n".join(entries), "```"] if entries else []
    for who, versions, command in sources(results):
        lines += ["", f"- {who}", f"- {versions}", f"- `{command}`"]
    return [*lines, "", _LEGS]


def sources(results: Results) -> list[tuple[str, str, str]]:
    """Return who was measured when, with which versions, and by which command."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in results.ranked:
        origin = row.origin
        if origin.entry:
            versions = ", ".join(f"{name} {v}" for name, v in origin.versions.items())
            said = (origin.date, versions, origin.command)
            groups.setdefault(said, []).append(row.name)
    return [
        (f"{', '.join(names)}: {date}", versions, command)
        for (date, versions, command), names in groups.items()
    ]


def as_json(results: Results) -> dict[str, object]:
    """Return everything, values of single queries included."""
    return {
        "headline": results.headline,
        "collection": results.collection.name,
        "content": results.collection.fingerprint(),
        "queries": list(results.collection.queries),
        "baseline": results.baseline,
        "measure": results.measure,
        "depth": results.depth,
        "notes": list(results.notes),
        "contestants": [_plain(row, results) for row in results.rows],
        "pairs": [asdict(pair) for pair in results.pairs],
    }


def _plain(row: Result, results: Results) -> dict[str, object]:
    most, least = results.extremes(row.name)
    return {
        "name": row.name,
        "outcome": row.outcome,
        "verdict": row.verdict,
        "origin": row.origin.plain(),
        "measures": {
            name: {
                "mean": m.mean,
                "low": m.low,
                "high": m.high,
                "values": m.values.tolist(),
            }
            for name, m in row.measures.items()
        },
        "comparison": None if row.comparison is None else asdict(row.comparison),
        "significant": row.significant,
        "seconds": {"p50": row.p50, "p95": row.p95},
        "documents_per_query": row.documents,
        "calls_per_query": row.calls,
        "usage_per_query": dict(row.usage),
        "depths": None if row.curve is None else _curve(row.curve),
        "calibration": (
            None if row.calibration is None else _calibration(row.calibration)
        ),
        "failures": dict(row.failures),
        "notes": dict(row.notes),
        "gained_most": most,
        "lost_most": least,
    }


def as_text(name: str, curve: Curve) -> str:
    """Return the measure and the cost by depth, and what to do about it."""
    lines = [f"{name} by depth:"]
    for point in curve.points:
        m = point.measured
        line = (
            f"{point.depth:6d}  {curve.measure} {m.mean:.4f} [{m.low:.4f}, "
            f"{m.high:.4f}]  {point.documents:6.1f} documents"
        )
        if point.seconds is not None:
            line += f"  {point.seconds * 1000:8.1f} ms"
        lines.append(line + "  knee" * (point.depth == curve.knee))
    if not curve.pointwise:
        lines.append(_ESTIMATE)
    return "\n".join([*lines, "", curve.advice(name)])


def calibration_as_text(name: str, found: Calibration) -> str:
    """Return how true probabilities are, what thresholds keep, and what to paste."""
    method = found.options["method"]
    before = (
        f"the scores are no probabilities ({found.kind})"
        if found.error_before is None
        else f"{found.error_before:.4f} before"
    )
    sizes = (
        f"{found.n_queries} queries, {found.n_documents} documents, "
        f"{found.n_relevant} relevant"
    )
    error = f"{before}, {found.error_after:.4f} after, on queries left out of the fit"
    lines = [
        f"{name} calibrated ({method}, {sizes}):",
        f"expected calibration error: {error}",
    ]
    for kept in found.kept:
        share = f"{kept.share * 100:g} % of the relevant documents"
        if not kept.min_score:
            lines.append(f"{share}: too few are judged to promise that")
            continue
        lines.append(
            f"min_score {kept.min_score:.4g} keeps {share}: {kept.seen:.1%} on queries "
            f"left out; {kept.shown:.1f} documents per query are shown"
        )
    return "\n".join([*lines, "", "To paste:", "", found.toml()])


def _calibration(found: Calibration) -> dict[str, object]:
    def plain(bins: Sequence[Bin]) -> list[dict[str, float]]:
        return [asdict(part) for part in bins]

    return {
        "kind": found.kind,
        "queries": found.n_queries,
        "documents": found.n_documents,
        "relevant": found.n_relevant,
        "error_before": found.error_before,
        "error_after": found.error_after,
        "before": None if found.before is None else plain(found.before),
        "after": plain(found.after),
        "thresholds": [asdict(kept) for kept in found.kept],
        "options": dict(found.options),
        "toml": found.toml(),
    }


def _curve(curve: Curve) -> dict[str, object]:
    return {
        "measure": curve.measure,
        "knee": curve.knee,
        "best": curve.best.depth,
        "best_against_knee": asdict(curve.deeper),
        "exact": curve.pointwise,
        "points": [
            {
                "depth": point.depth,
                "mean": point.measured.mean,
                "low": point.measured.low,
                "high": point.measured.high,
                "documents_per_query": point.documents,
                "seconds": point.seconds,
            }
            for point in curve.points
        ],
    }


def _details(row: Result, results: Results) -> list[str]:
    most, least = results.extremes(row.name)
    lines: list[str] = []
    for title, found in (("gained most", most), ("lost most", least)):
        if found:
            lines += ["", f"**{row.name}** {title} on:", ""]
            lines += [f"- {f['gain']:+.4f} `{f['query']}` {f['text']}" for f in found]
    if row.usage:
        used = ", ".join(f"{n:.4g} {name}" for name, n in row.usage.items())
        lines += ["", f"**{row.name}** used per query: {used}"]
    lines += [
        f"\n**{row.name}** noted on {n} queries: {t}" for t, n in row.notes.items()
    ]
    return lines[1:] if lines and not lines[0] else lines


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"
