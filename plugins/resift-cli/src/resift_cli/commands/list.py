"""`resift list`: what is installed, without importing any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resift_cli.output import console, is_terminal, json_option, write_json, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

__all__ = ["list_rerankers"]

_COLUMNS = ("name", "distribution", "version", "state", "summary")


@click.command("list")
@json_option
def list_rerankers(*, as_json: bool) -> None:
    """List the installed rerankers and mergers.

    Nothing is imported, so the list is there at once, however heavy they are. What
    one implements and which options it takes is in `resift show NAME`; whether each
    can be imported, `resift doctor` finds out.

    \b
    The state is what metadata can tell:
      ok              nothing speaks against it
      not allowed     RESIFT_PLUGINS leaves its distribution out
      clash           several distributions have the name: ask for DIST:NAME
      hidden by core  the core has the name too: ask for DIST:NAME
      malformed       its entry point is not 'package.module:Class'
      module missing  the package that its entry point names is not there

    Piped, each line holds name, distribution, version, state and summary, separated
    by tabs.
    """  # noqa: D301  # click keeps the lines after a \b as they are
    rows = _rows()
    if as_json:
        write_json(rows)
    elif is_terminal():
        terminal = console()
        terminal.print(_table(rows, terminal.width))
    else:
        write_rows([row[column] for column in _COLUMNS] for row in rows)


def _rows() -> list[dict[str, str]]:
    from resift.authors import catalog
    from resift_cli.synopsis import synopsis

    known = catalog()
    return [
        {
            "name": provider.name,
            "distribution": provider.distribution,
            "version": provider.version,
            "state": known.state(provider),
            "summary": synopsis(provider),
            "target": provider.target,
        }
        for provider in known.providers
    ]


def _table(rows: Sequence[Mapping[str, str]], width: int) -> Table:
    from rich.text import Text

    from resift_cli.tables import aligned

    header = ("name", "what it does", "distribution", "version", "state")
    cells = [
        (
            row["name"],
            row["summary"],
            row["distribution"],
            row["version"],
            Text(row["state"], style="green" if row["state"] == "ok" else "red"),
        )
        for row in rows
    ]
    styles = ("bold", "", "", "dim")
    return aligned(header, cells, width=width, stretch=1, styles=styles)
