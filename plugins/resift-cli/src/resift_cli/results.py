"""Ranked results on a terminal: where each one stood, and where it stands now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resift_cli.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["Result", "explained", "moved", "number", "table", "told"]

_CELLS = 4  # columns beside the text; --select and --json show others
_CELL = 30  # characters of each


@dataclass(frozen=True, slots=True)
class Result:
    """One result, ready to be shown.

    Args:
        rank: Its place, counted from 1.
        score: Its score; None where it was not scored.
        text: The text that was ranked.
        cells: What else to show of it.
        ranks: The rank it had in each list it came from, None where it was not found.
        scores: The score that each list and stage gave it.
        evidence: What the reranker says about it.
    """

    rank: int
    score: float | None
    text: str
    cells: Mapping[str, object] = field(default_factory=dict)
    ranks: Mapping[str, int | None] = field(default_factory=dict)
    scores: Mapping[str, float | None] = field(default_factory=dict)
    evidence: Mapping[str, object] = field(default_factory=dict)


def told(
    columns: Mapping[str, object],
) -> tuple[dict[str, float | None], dict[str, object]]:
    """Part what a reranker says into scores, ``_NAME_score``, and everything else."""
    scores: dict[str, float | None] = {}
    evidence: dict[str, object] = {}
    for name, value in columns.items():
        if name.startswith("_") and name.endswith("_score"):
            scores[name[1 : -len("_score")]] = value  # type: ignore[assignment]  # it is a number
        elif value is not None:
            evidence[name.removeprefix("_")] = value
    return scores, evidence


def table(results: Sequence[Result], width: int) -> Table:
    """Lay results out one per line, each list's rank beside the way moved since."""
    from rich.text import Text

    from resift_cli.tables import aligned

    first = results[0]
    names = list(first.cells)[:_CELLS]
    lists = [n if n in ("was", "merged") else f"in {n}" for n in first.ranks]
    header = ["#", "score", *lists, *map(_line, names), "text"]
    rows: list[list[str | Text]] = [
        [
            str(result.rank),
            Text(number(result.score), style="cyan"),
            *(moved(rank, result.rank) for rank in result.ranks.values()),
            *(Text(_cut(_line(result.cells[name])), style="bold") for name in names),
            _line(result.text),
        ]
        for result in results
    ]
    if not any(result.text for result in results):  # it was not selected
        header, rows = header[:-1], [row[:-1] for row in rows]
    return aligned(
        header,
        rows,
        width=width,
        stretch=len(header) - 1,
        styles=("bold",),
        right=(0, 1),
    )


def explained(result: Result) -> Iterator[RenderableType]:
    """Yield one result with everything that is known about it, one fact per line."""
    from rich.padding import Padding
    from rich.text import Text

    cells = "  ".join(_line(cell) for cell in result.cells.values() if cell is not None)
    head = Text.assemble((f"{result.rank:>3}  ", "bold"), (cells, "bold"))
    head.append(f"{'  ' if cells else ''}{number(result.score)}", style="cyan")
    yield head
    yield Padding(_facts(result), (0, 0, 0, 5))
    if not result.text:
        return
    yield Padding(Text(_line(result.text), style="dim"), (0, 0, 1, 5))


def moved(before: int | None, now: int) -> Text:
    """Return a rank and the way from it: ``5 ▲3``; a dash where it was not found."""
    from rich.text import Text

    if before is None:
        return Text("-", style="dim")
    if before == now:
        return Text.assemble(f"{before} ", ("=", "dim"))
    up = before > now
    arrow = f"{'▲' if up else '▼'}{abs(before - now)}"
    return Text.assemble(f"{before} ", (arrow, "green" if up else "red"))


def number(score: float | None) -> str:
    """Return a score in four figures; a dash for what was not scored."""
    return "-" if score is None else f"{score:.4g}"


def _facts(result: Result) -> Table:
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)  # the other columns wrap below their own start
    for name in dict.fromkeys([*result.ranks, *result.scores]):
        came = result.ranks.get(name, 0)
        where = (
            Text() if came == 0 else Text.assemble("rank ", moved(came, result.rank))
        )
        score = result.scores.get(name)
        shown = "" if score is None else f"score {number(score)}"
        facts.add_row(Text(name, style="magenta"), where, shown)
    for name, value in result.evidence.items():
        facts.add_row(Text(_line(name), style="magenta"), Text(_line(value)))
    return facts


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _line(value: object) -> str:
    return "" if value is None else " ".join(printable(str(value)).split())
