"""The results as Markdown and as plain data."""

from __future__ import annotations

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
    "summary",
]

_LEGEND = (
    "Brackets hold 95 % bootstrap intervals. *Helped* and *hurt* are differences that "
    "a paired randomisation test finds significant at 5 %, after Holm's correction for "
    "the number of comparisons. `docs` counts documents that models were given per "
    "query."
)

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
    return ["", *results.rows[0].measures, "p50", "p95", "docs", "against the baseline"]


def cells(row: Result) -> list[str]:
    """Return one row of the table."""
    return [
        row.name,
        *(f"{m.mean:.4f} [{m.low:.3f}, {m.high:.3f}]" for m in row.measures.values()),
        _milliseconds(row.p50),
        _milliseconds(row.p95),
        f"{row.documents:.0f}",
        row.verdict,
    ]


def as_markdown(results: Results) -> str:
    """Return a report that reads well in a pull request."""
    head = headings(results)
    lines = ["# Did reranking help?", "", summary(results), ""]
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cells(row))} |" for row in results.rows]
    lines += ["", _LEGEND]
    if results.notes:
        lines += ["", *(f"- {note}" for note in results.notes)]
    for row in results.rows:
        lines += _details(row, results)
    return "\n".join(lines) + "\n"


def as_json(results: Results) -> dict[str, object]:
    """Return everything, values of single queries included."""
    return {
        "collection": results.collection.name,
        "queries": list(results.collection.queries),
        "baseline": results.baseline,
        "measure": results.measure,
        "depth": results.depth,
        "notes": list(results.notes),
        "contestants": [_plain(row, results) for row in results.rows],
    }


def _plain(row: Result, results: Results) -> dict[str, object]:
    most, least = results.extremes(row.name)
    return {
        "name": row.name,
        "verdict": row.verdict,
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
    if row.curve is not None:
        lines += ["", "```", as_text(row.name, row.curve), "```"]
    if row.calibration is not None:
        text = calibration_as_text(row.name, row.calibration)
        lines += ["", "```", text, "```"]
    if row.failures:
        lines += ["", f"**{row.name}** {row.failed}"]
    lines += [
        f"\n**{row.name}** noted on {n} queries: {t}" for t, n in row.notes.items()
    ]
    return lines


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"
