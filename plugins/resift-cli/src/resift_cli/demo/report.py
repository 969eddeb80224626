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
_BAR = 8  # cells of the longest bar


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


def measures(measured: Sequence[Measured], *, static: bool) -> Table:
    """Return the table of nDCG@10, and how far each method is from full text.

    Args:
        measured: What each method reached.
        static: Whether the vectors are static embeddings, not hashed words.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("", style="dim", no_wrap=True)
    table.add_column("nDCG@10", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=_BAR)
    table.add_column("over full text", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    baseline = next(m for m in measured if m.method is BASELINE)
    best = _best(measured)
    for one in measured:
        style = "green" if one is best else ""
        hashed = one.method.name == "vector" and not static
        table.add_row(
            one.method.name,
            "hashed spelling" if hashed else one.method.summary,
            Text(f"{fmean(one.ndcg):.3f}", style=f"bold {style}"),
            Text(_bar(fmean(one.ndcg) / fmean(best.ndcg)), style=style or "dim"),
            *_gain(one, baseline),
        )
    return table


def _gain(one: Measured, baseline: Measured) -> tuple[Text, Text]:
    from rich.text import Text

    if one is baseline:
        return Text("the baseline", style="dim"), Text("")
    gain = one.gain(baseline)
    sure = gain.low > 0 or gain.high < 0
    style = ("green" if gain.mean > 0 else "red") if sure else ""
    interval = f"{gain.mean:+.3f} [{gain.low:+.2f}, {gain.high:+.2f}]"
    return Text(interval, style=style), Text(_p(gain.p), style="dim")


def _p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"


def verdict(measured: Sequence[Measured], *, static: bool) -> str:
    """Say in words what the numbers say, whichever way they fall."""
    baseline = next(m for m in measured if m.method is BASELINE)
    return " ".join(
        [_first(measured, baseline, static=static), _second(measured, baseline)]
    )


def _first(measured: Sequence[Measured], baseline: Measured, *, static: bool) -> str:
    """Say whether anything beats full text."""
    best = _best(measured)
    if best is baseline:
        words = "No: nothing beats full text here."
        spelling = " These vectors match spelling, not meaning: pip install"
        return words if static else f"{words}{spelling} 'resift-cli[static]'."
    gain = best.gain(baseline)
    better, worse = best.compared_with(baseline)
    sure = "Yes" if gain.low > 0 else "Perhaps"
    return (
        f"{sure}: {best.method.name} is {gain.mean:+.3f} nDCG@10 over full text, "
        f"{better} questions better and {worse} worse."
    )


def _second(measured: Sequence[Measured], baseline: Measured) -> str:
    """Say what bm25 alone does to the candidates."""
    rescored = next(one for one in measured if one.method.name == "bm25")
    gain = rescored.gain(baseline)
    if gain.high < 0:
        return (
            f"Rescoring the candidates by bm25 alone hurts ({gain.mean:+.3f}): it "
            "throws away what the searches knew. Measure before you rerank."
        )
    return f"Rescoring the candidates by bm25 alone makes {gain.mean:+.3f}."


def _best(measured: Sequence[Measured]) -> Measured:
    return max(measured, key=lambda one: fmean(one.ndcg))


def _bar(share: float) -> str:
    eighths = round(8 * _BAR * share)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
