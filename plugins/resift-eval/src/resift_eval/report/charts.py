"""Charts: differences, latency, depth, gains, how true probabilities are."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from resift_eval.calibration import Calibration
    from resift_eval.depth import Curve
    from resift_eval.results import Results

__all__ = ["by_depth", "forest", "gains", "quality_and_latency", "reliability"]

_BLUE, _RED, _GREY = "#2f74e0", "#d1495b", "#8d99ae"
_INK = "#010203"  # stands for the colour of the page's text
_INKED = (
    "text.color",
    "axes.edgecolor",
    "axes.labelcolor",
    "axes.titlecolor",
    "xtick.color",
    "ytick.color",
)
_WIDEST = 24  # letters of a name


def forest(results: Results) -> str:
    """Return an SVG: the difference of each contestant, with its interval."""
    rows = [r for r in results.ranked if r.comparison is not None][::-1]
    figure, axes = _figure(7.6, 0.9 + 0.34 * len(rows))
    for place, row in enumerate(rows):
        if (c := row.comparison) is not None:
            colour = _GREY
            if row.significant:
                colour = _BLUE if c.difference > 0 else _RED
            axes.plot([c.low, c.high], [place, place], color=colour, lw=3, alpha=0.5)
            axes.plot(c.difference, place, "o", color=colour)
    axes.axvline(0, color=_INK, lw=0.8)
    axes.set_yticks(range(len(rows)), [_short(row.name) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"difference in {results.measure} from {results.baseline}")
    return _svg(figure, f"Difference of each contestant from {results.baseline}")


def quality_and_latency(results: Results) -> str:
    """Return an SVG: the deciding measure, with its interval, against median latency.

    Legs of the first stage, whose latency is the search's, are lines across. Names
    stand beside the drawing, apart from each other, and a line leads to each.
    """
    figure, axes = _figure(7.6, max(3.6, 0.24 * len(results.rows)))
    points: list[tuple[float | None, float, str]] = []
    for row in results.ranked:
        m = row.measures[results.measure]
        points.append((row.p50 and row.p50 * 1000, m.mean, row.name))
        if not row.p50:
            axes.axhline(m.mean, color=_GREY, lw=1, ls="--")
            continue
        spread = [[m.mean - m.low], [m.high - m.mean]]
        axes.errorbar(
            row.p50 * 1000, m.mean, yerr=spread, fmt="o", color=_BLUE, capsize=3
        )
    _logarithmic(axes)
    axes.margins(x=0.12)
    axes.set_xlabel("median milliseconds of reranking one query")
    axes.set_ylabel(f"{results.measure}, 95 % interval")
    _label(axes, points)
    return _svg(figure, f"{results.measure} against latency")


def _label(axes: Axes, points: Sequence[tuple[float | None, float, str]]) -> None:
    """Write names right of the drawing, none over another, each with a line to it."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    step = max(1 / max(len(points), 1), 0.02) if len(points) > 14 else 0.07
    at = [(y - low) / (high - low) for _, y, _ in points]  # best first
    for i in range(1, len(at)):
        at[i] = min(at[i], at[i - 1] - step)
    if at and at[-1] < 0:  # pushed out below: push all up from there
        at[-1] = 0.0
        for i in range(len(at) - 2, -1, -1):
            at[i] = max(at[i], at[i + 1] + step)
    right = axes.get_xlim()[1]
    line: dict[str, object] = {"arrowstyle": "-", "color": _GREY, "lw": 0.6}
    line |= {"shrinkB": 4, "relpos": (0.0, 0.5)}  # from the left edge of the name
    for (x, y, name), place in zip(points, at, strict=True):
        axes.annotate(
            _short(name), (right if x is None else x, y), xytext=(1.04, place),
            textcoords="axes fraction", va="center", annotation_clip=False, color=_INK,
            arrowprops=line,
        )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…"


def gains(results: Results, name: str) -> str:
    """Return an SVG: the difference to the baseline of every query, sorted."""
    values = results.row(name).measures[results.measure].values
    difference = np.sort(
        values - results.row(results.baseline).measures[results.measure].values
    )[::-1]
    figure, axes = _figure(6.4, 2.4)
    colours = np.where(difference > 0, _BLUE, np.where(difference < 0, _RED, _GREY))
    axes.bar(range(len(difference)), difference, width=1.0, color=colours)
    axes.axhline(0, color=_INK, lw=0.8)
    axes.set_xlabel(f"{len(difference)} queries, by gain")
    axes.set_ylabel(f"gain in {results.measure}")
    return _svg(figure, f"Gain of every query, {name} against {results.baseline}")


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
    return _svg(figure, f"{curve.measure} of {name} by depth")


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
    axes.set_title(
        f"{name}, queries left out of the fit", loc="left", fontsize=10, color=_INK
    )
    axes.legend(frameon=False, loc="upper left", labelcolor=_INK)
    return _svg(figure, f"How true the probabilities of {name} are")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a drawing whose lines and letters take the colour of the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink: Any = dict.fromkeys(_INKED, _INK)
    with mpl.rc_context(ink):
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


def _svg(figure: Figure, title: str) -> str:
    """Return the drawing, the same for the same data, for either theme."""
    import matplotlib as mpl

    stream = io.StringIO()
    rules: Any = {"svg.hashsalt": title, "svg.fonttype": "none", "text.color": _INK}
    with mpl.rc_context(rules):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    drawing = re.sub(r"^.*?(?=<svg)", "", stream.getvalue(), flags=re.DOTALL)
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = drawing.replace(_INK, "currentColor")
    named = html.escape(title, quote=True)
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{named}" ', 1)
