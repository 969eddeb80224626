"""Charts: quality against latency and depth, gains, how true probabilities are."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from resift_eval.calibration import Calibration
    from resift_eval.depth import Curve
    from resift_eval.results import Results

__all__ = ["by_depth", "gains", "quality_and_latency", "reliability"]

_BLUE, _RED, _GREY = "#2a6fdb", "#d1495b", "#8d99ae"


def quality_and_latency(results: Results) -> str:
    """Return an SVG: the deciding measure, with its interval, against median latency.

    Legs of the first stage, whose latency is the search's, are lines across.
    """
    figure, axes = _figure(6.4, 4.0)
    for row in results.rows:
        m = row.measures[results.measure]
        if row.p50 is None:
            axes.axhline(m.mean, color=_GREY, lw=1, ls="--")
            axes.annotate(row.name, (0.01, m.mean), xycoords=("axes fraction", "data"))
            continue
        spread = [[m.mean - m.low], [m.high - m.mean]]
        axes.errorbar(row.p50 * 1000, m.mean, yerr=spread, fmt="o", capsize=3)
        axes.annotate(
            f" {row.name}", (row.p50 * 1000, m.mean), va="bottom", fontweight="bold"
        )
    if any(row.p50 for row in results.rows):
        _logarithmic(axes)
    axes.set_xlabel("median milliseconds of reranking one query")
    axes.set_ylabel(f"{results.measure}, 95 % interval")
    return _svg(figure)


def gains(results: Results, name: str) -> str:
    """Return an SVG: the difference to the baseline of every query, sorted."""
    values = results.row(name).measures[results.measure].values
    difference = np.sort(
        values - results.row(results.baseline).measures[results.measure].values
    )[::-1]
    figure, axes = _figure(6.4, 2.4)
    colours = np.where(difference > 0, _BLUE, np.where(difference < 0, _RED, _GREY))
    axes.bar(range(len(difference)), difference, width=1.0, color=colours)
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xlabel(f"{len(difference)} queries, by gain")
    axes.set_ylabel(f"gain in {results.measure}")
    axes.set_title(f"{name} against {results.baseline}", loc="left", fontsize=10)
    return _svg(figure)


def by_depth(name: str, curve: Curve) -> str:
    """Return an SVG: the measure, with its interval, against the depth."""
    figure, axes = _figure(6.4, 3.2)
    depths = [point.depth for point in curve.points]
    means = [point.measured.mean for point in curve.points]
    low = [point.measured.low for point in curve.points]
    high = [point.measured.high for point in curve.points]
    axes.fill_between(depths, low, high, color=_BLUE, alpha=0.15, lw=0)
    axes.plot(depths, means, color=_BLUE, marker="o", ms=4)
    axes.axhline(means[0], color=_GREY, lw=1, ls="--")
    if curve.knee:
        axes.axvline(curve.knee, color=_RED, lw=1)
        axes.annotate(
            f" window = {curve.knee}", (curve.knee, 0), va="bottom", color=_RED,
            xycoords=("data", "axes fraction"),
        )  # fmt: skip
    axes.set_xlabel("documents scored per query")
    axes.set_ylabel(f"{curve.measure}, 95 % interval")
    axes.set_title(f"{name} by depth", loc="left", fontsize=10)
    return _svg(figure)


def reliability(name: str, found: Calibration) -> str:
    """Return an SVG: the share that is relevant against the probability said."""
    figure, axes = _figure(4.4, 4.0)
    axes.plot([0, 1], [0, 1], color=_GREY, lw=1, ls="--")
    sides = [("after", found.after, found.error_after, _BLUE)]
    if found.before is not None and found.error_before is not None:
        sides.insert(0, ("before", found.before, found.error_before, _RED))
    for when, bins, error, colour in sides:
        said = [part.said for part in bins]
        seen = [part.seen for part in bins]
        label = f"{when}: error {error:.3f}"
        axes.plot(said, seen, color=colour, marker="o", ms=4, label=label)
    axes.set_xlabel("probability said")
    axes.set_ylabel("share that is relevant")
    axes.set_title(f"{name}, queries left out of the fit", loc="left", fontsize=10)
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _logarithmic(axes: Axes) -> None:
    """Make the x axis logarithmic, its ticks plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _svg(figure: Figure) -> str:
    """Return the drawing, the same for the same data."""
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "resift", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", stream.getvalue(), flags=re.DOTALL)
