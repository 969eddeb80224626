"""The demo on a terminal: rankings side by side, and what they are worth."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from resift_cli.demo.experiment import BASELINE, METHODS, Measured

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["measures", "side_by_side", "verdict"]

_FIRST_STAGE = {method.name for method in METHODS[:2]}
_WIDE = 112  # columns from which all rankings stand in one row
_SHOWN = 6  # results of each
_BAR = 10  # cells of the longest bar


def side_by_side(
    rankings: Mapping[str, Sequence[str]], answers: Collection[str], width: int
) -> RenderableType:
    """Lay the first results of each method side by side, answers marked.

    Behind a name stands how far it has moved from its place in the full text's list.

    Args:
        rankings: The names found, by the method's name.
        answers: The right ones; may be empty.
        width: Columns of the terminal.
    """
    from rich.console import Group

    names = list(rankings)
    bands = [names] if width >= _WIDE else [names[:2], names[2:]]
    return Group(*(_band(band, rankings, answers, width) for band in bands))


def _band(
    names: Sequence[str],
    rankings: Mapping[str, Sequence[str]],
    answers: Collection[str],
    width: int,
) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1))
    table.add_column("#", justify="right", style="dim", width=2)
    cell = (width - 2 - 2 * (len(names) + 1)) // len(names)
    for name in names:
        table.add_column(name, width=cell, no_wrap=True)
    baseline = {n: rank for rank, n in enumerate(rankings[BASELINE.name], start=1)}
    for index in range(_SHOWN):
        row = []
        for name in names:
            found = rankings[name][index] if index < len(rankings[name]) else ""
            was = index + 1 if name in _FIRST_STAGE else baseline.get(found)
            mark = "✓ " if found in answers else ""
            row.append(_cell(found, index + 1, was, mark, cell))
        table.add_row(str(index + 1), *row)
    return table


def _cell(name: str, rank: int, was: int | None, mark: str, width: int) -> Text:
    """Return a name with the way it moved, cut at its left to fit."""
    from rich.text import Text

    moved, style = _move(rank, was) if name else ("", "")
    short = _shortened(name, width - len(mark) - len(moved) - 1)
    shown = (mark + short, "bold green" if mark else "")
    return Text.assemble(shown, " ", (moved, style))


def _move(rank: int, was: int | None) -> tuple[str, str]:
    if was is None:
        return "new", "yellow"
    if was == rank:
        return "", ""
    return (f"▲{was - rank}", "green") if was > rank else (f"▼{rank - was}", "red")


def _shortened(name: str, width: int) -> str:
    """Drop leading parts of a dotted name until it fits."""
    parts = name.split(".")
    for first in range(len(parts)):
        short = ("…" if first else "") + ".".join(parts[first:])
        if len(short) <= width:
            return short
    return short[: width - 1] + "…"


def measures(measured: Sequence[Measured]) -> Table:
    """Return the table of nDCG@10 and RR, and of questions better or worse."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("", style="dim", no_wrap=True)
    for name in ("nDCG@10", "", "RR", "better", "worse", "ms"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    baseline = next(m for m in measured if m.method is BASELINE)
    best = _best(measured)
    for one in measured:
        better, worse = one.compared_with(baseline)
        style = "green" if one is best else ""
        table.add_row(
            one.method.name,
            one.method.summary,
            Text(f"{fmean(one.ndcg):.3f}", style=f"bold {style}"),
            Text(_bar(fmean(one.ndcg) / fmean(best.ndcg)), style=style or "dim"),
            f"{fmean(one.reciprocal_ranks):.3f}",
            Text("" if one is baseline else str(better), style="green"),
            Text("" if one is baseline else str(worse), style="red"),
            Text(f"{1000 * one.seconds / len(one.ndcg):.0f}", style="dim"),
        )
    return table


def verdict(measured: Sequence[Measured]) -> str:
    """Say in words what the numbers say, whichever way they fall."""
    values = {one.method.name: fmean(one.ndcg) for one in measured}
    best = _best(measured)
    gain = fmean(best.ndcg) - values[BASELINE.name]
    if best.method is BASELINE:
        first = "Nothing beats full text here."
    else:
        first = f"Best here: {best.method.name}, {gain:+.3f} nDCG@10 over full text."
    fused = max(values["rrf"], values["dbsf"])
    if fused > max(values["vector"], values["full text"]):
        second = "Merging the two lists beats each of them alone."
    else:
        second = (
            "Merging alone does not beat the better list: these vectors match "
            "spelling, not meaning, and rrf trusts both lists alike."
        )
    return f"{first} {second}"


def _best(measured: Sequence[Measured]) -> Measured:
    return max(measured, key=lambda one: fmean(one.ndcg))


def _bar(share: float) -> str:
    eighths = round(8 * _BAR * share)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
