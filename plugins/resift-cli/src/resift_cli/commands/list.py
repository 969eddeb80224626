"""`resift list`: what is installed, without importing any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resift.errors import ConfigError
from resift_cli.output import (
    console,
    is_terminal,
    json_option,
    note,
    write_json,
    write_rows,
)
from resift_cli.parameters import config_option, find_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

__all__ = ["list_rerankers"]

_COLUMNS = ("name", "distribution", "version", "state", "summary")


@click.command("list")
@config_option
@json_option
def list_rerankers(*, config_path: Path | None, as_json: bool) -> None:
    """List the installed rerankers and mergers.

    Names of your own, from the config file, come first. Nothing is imported, so the
    list is there at once, however heavy they are. What one implements and which options
    it takes is in `resift show NAME`; whether each can be imported, `resift doctor`
    finds out.

    \b
    The state is what metadata can tell:
      ok              nothing speaks against it
      not allowed     RESIFT_PLUGINS leaves its distribution out
      clash           several distributions have the name: ask for DIST:NAME
      hidden by core  the core has the name too: ask for DIST:NAME
      malformed       its entry point is not 'package.module:Class'
      module missing  the package that its entry point names is not there
      not installed   your own name uses a reranker that is not there

    Piped, each line holds name, distribution, version, state and summary, separated
    by tabs.

    \b
    Examples:
      resift list
      resift list --config search.toml --json
    """  # noqa: D301  # click keeps the lines after a \b as they are
    rows = [*_configured(config_path), *_installed()]
    if as_json:
        write_json(rows)
    elif is_terminal():
        terminal = console()
        terminal.print(_table(rows, terminal.width))
    else:
        write_rows([row[column] for column in _COLUMNS] for row in rows)


def _configured(config_path: Path | None) -> list[dict[str, str]]:
    """Return the names of the config; a note stands in for one that cannot be read."""
    from resift.authors import catalog

    try:
        config = find_config(config_path)
    except ConfigError as error:
        if config_path is not None:
            raise
        note(str(error))
        return []
    rows = []
    for name, entry in config.rerankers.items():
        known = config.get(entry.use) or entry.use in catalog()
        row = {
            "name": name,
            "distribution": config.path.name if config.path else "",
            "version": "",
            "state": "ok" if known else "not installed",
            "summary": f"Configured: {entry.use}.",
            "target": "",
        }
        rows.append(row)
    return rows


def _installed() -> list[dict[str, str]]:
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
