"""The results as one HTML page that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resift_eval.report.charts import (
    by_depth,
    forest,
    gains,
    quality_and_latency,
    reliability,
)
from resift_eval.report.document import (
    calibration_as_text,
    cells,
    headings,
    measures_table,
    pairs_table,
    sources,
    summary,
)

if TYPE_CHECKING:
    from jinja2 import Template

    from resift_eval.results import Results

__all__ = ["as_html"]


def as_html(results: Results) -> str:
    """Return the page: table, charts, and the queries that changed most."""
    contestants = [
        {
            "row": row,
            "chart": gains(results, row.name),
            "extremes": results.extremes(row.name),
        }
        for row in results.ranked
        if row.comparison is not None
    ]
    return _template().render(
        results=results,
        summary=summary(results),
        headings=headings(results),
        rows=[(row, cells(row, results)) for row in results.ranked],
        sources=sources(results),
        measures=measures_table(results),
        pairs=pairs_table(results) if len(results.pairs) > 1 else None,
        forest=forest(results) if contestants else None,
        overview=quality_and_latency(results) if _is_timed(results) else None,
        contestants=contestants,
        curves=[
            (by_depth(row.name, row.curve), row.curve.advice(row.name))
            for row in results.rows
            if row.curve is not None
        ],
        calibrations=[
            (
                reliability(row.name, row.calibration),
                calibration_as_text(row.name, row.calibration),
            )
            for row in results.rows
            if row.calibration is not None
        ],
    )


def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("resift_eval", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _is_timed(results: Results) -> bool:
    return any(row.p50 for row in results.rows)
