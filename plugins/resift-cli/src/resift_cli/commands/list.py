"""`resift list`: what is installed, without importing any of it."""

from __future__ import annotations

from itertools import groupby
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
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

__all__ = ["list_rerankers"]

_COLUMNS = ("name", "distribution", "version", "state", "summary")


@click.command("list")
@config_option
@json_option
def list_rerankers(*, config_path: Path | None, as_json: bool) -> None:
    """List the installed rerankers and mergers.

    Each is listed under its package, after your own names from the config file. A state
    is shown only if it is not ok. Nothing is imported, so the list appears at once,
    however heavy the packages are. `resift show NAME` shows what a reranker implements
    and its options; `resift doctor` finds out whether each can be imported.

    \b
    The state is what the metadata can tell:
      ok              nothing is wrong with it
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
        for part in _page(rows):
            console().print(part)
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


def _page(rows: Sequence[Mapping[str, str]]) -> Iterator[RenderableType]:
    """Yield each package and a table of its names; long summaries are wrapped."""
    from rich.table import Table
    from rich.text import Text

    widest = max(len(row["name"]) for row in rows)
    for home, group in groupby(sorted(rows, key=_place), _home):
        yield Text(home, style="dim")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(min_width=widest + 2, no_wrap=True, overflow="fold")
        table.add_column(overflow="fold")
        for row in group:
            summary = Text(row["summary"])
            if row["state"] != "ok":
                summary = Text.assemble((f"{row['state']}: ", "red"), summary)
            table.add_row(Text(f"  {row['name']}", style="bold"), summary)
        yield table


def _place(row: Mapping[str, str]) -> tuple[bool, bool, str]:
    """Return where a package stands: your own names, the core, the others."""
    return bool(row["target"]), row["distribution"] != "resift", row["distribution"]


def _home(row: Mapping[str, str]) -> str:
    return f"{row['distribution']} {row['version']}".rstrip()
