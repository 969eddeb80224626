"""`resift doctor`: import every plugin, each in a process of its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from resift.cli.examination import examine_apart
from resift.cli.output import (
    console,
    is_terminal,
    json_option,
    progress_console,
    write_json,
    write_rows,
)
from resift.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

    from resift.catalog import Catalog

__all__ = ["doctor"]

HARMLESS = ("ok", "not allowed", "hidden by core")
_COLUMNS = ("kind", "name", "distribution", "version", "state", "implements", "message")
Row = dict[str, Any]


@click.command
@json_option
def doctor(*, as_json: bool) -> None:
    """Check that everything installed and configured works.

    Each reranker and each command of a package is imported in a process of its own,
    so that one which crashes or hangs spoils nothing; each name of the config file is
    built. No model is loaded and nothing is sent anywhere.

    \b
    Besides the states of `resift list` there are:
      broken        it cannot be imported
      incompatible  it was written for another version of the hooks
      invalid       it breaks a rule of the hooks, or its options are wrong

    The exit code is 1 when anything is wrong; what RESIFT_PLUGINS leaves out, or the
    core hides, is not.
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from rich.progress import track

    rows = _rows()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        findings = pool.map(_examined, rows)
        for row, found in zip(
            rows,
            track(
                findings,
                "importing",
                total=len(rows),
                console=progress_console(),
                transient=True,
            ),
            strict=True,
        ):
            row.update(found)
    rows += _config_problem()
    _report(rows, as_json=as_json)
    if any(row["state"] not in HARMLESS for row in rows):
        raise click.exceptions.Exit(1)


def _rows() -> list[Row]:
    """Return what there is to examine, with the state that metadata tells."""
    from resift.catalog import COMMANDS, catalog
    from resift.config import Config

    rows = [*_provided("reranker", catalog()), *_provided("command", catalog(COMMANDS))]
    try:
        config = Config.find()
    except ConfigError:  # reported by itself
        return rows
    return rows + [
        {"kind": "configured", "name": name, "ask": name, "state": "ok"}
        for name in config.rerankers
    ]


def _provided(kind: str, known: Catalog) -> Iterator[Row]:
    for provider in known.providers:
        state = known.state(provider)
        yield {
            "kind": kind,
            "name": provider.name,
            "ask": provider.qualified,
            "distribution": provider.distribution,
            "version": provider.version,
            "state": state,
        }


def _config_problem() -> list[Row]:
    from resift.config import Config

    try:
        Config.find()
    except ConfigError as error:
        return [
            {
                "kind": "configured",
                "name": "-",
                "state": "invalid",
                "message": str(error),
            }
        ]
    return []


def _examined(row: Row) -> Row:
    """Examine one row; what metadata has found wrong outlives a successful import."""
    if row["state"] == "not allowed":
        return {}
    findings = examine_apart(row["kind"], row["ask"])
    if row["state"] == "ok" or (row["state"] == "clash" and findings["state"] != "ok"):
        return findings
    return {**findings, "state": row["state"]}


def _report(rows: Sequence[Row], *, as_json: bool) -> None:
    shown = [{k: v for k, v in row.items() if k != "ask"} for row in rows]
    if as_json:
        write_json(shown)
    elif not is_terminal():
        write_rows([_cell(row.get(column)) for column in _COLUMNS] for row in shown)
    else:
        terminal = console()
        terminal.print(_table(rows, terminal.width))
        _problems(rows)


def _cell(value: object) -> object:
    return ",".join(value) if isinstance(value, list) else value


def _table(rows: Sequence[Row], width: int) -> Table:
    from rich.text import Text

    from resift.cli.tables import aligned

    cells = []
    for row in rows:
        style = "green" if row["state"] == "ok" else "yellow"
        if row["state"] not in HARMLESS:
            style = "red"
        origin = f"{row.get('distribution', 'config')} {row.get('version', '')}"
        implements = ", ".join(row.get("implements", [])) or f"({row['kind']})"
        seconds = f"{row['seconds']:.2f} s" if "seconds" in row else ""
        state = Text(row["state"], style=style)
        cells.append((row["name"], state, implements, origin, seconds))
    header = ("name", "state", "implements", "from", "import")
    return aligned(header, cells, width=width, stretch=2, styles=("bold",), right=(4,))


def _problems(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.text import Text

    wrong = [row for row in rows if row["state"] not in HARMLESS]
    for row in wrong:
        text = row.get("message") or (
            f"{row['name']!r} is in several distributions: ask for {row['ask']!r}."
        )
        console().print(Text.assemble(("\n✗ ", "red"), text))
    verdict = "everything works"
    if wrong:
        verdict = f"{len(wrong)} of {len(rows)} need attention"
    console().print(Text(f"\n{verdict}", style="bold red" if wrong else "bold green"))
