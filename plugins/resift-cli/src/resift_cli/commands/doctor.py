"""`resift doctor`: import every plugin, each in a process of its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from resift.authors import catalog, normalized
from resift.errors import ConfigError
from resift_cli.examination import examine_apart
from resift_cli.output import (
    console,
    is_terminal,
    json_option,
    progress_console,
    write_json,
    write_rows,
)
from resift_cli.parameters import Number, RerankerName, config_option, find_config
from resift_cli.strays import GROUPS, misspelt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from resift.authors import Catalog

__all__ = ["doctor"]

HARMLESS = (
    *("ok", "not allowed", "unconfigured"),
    *("hidden by core", "hidden by resift-cli"),
)
_COLUMNS = ("kind", "name", "distribution", "version", "state", "implements", "message")
Row = dict[str, Any]


@click.command
@click.argument("names", nargs=-1, type=RerankerName())
@click.option(
    "--deep", is_flag=True, help="Load models and ask servers; that may cost money."
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Number(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long each may take before it is given up.",
)
@config_option
@json_option
def doctor(
    names: Sequence[str],
    *,
    deep: bool,
    timeout: float,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Find out what is broken, and why.

    Examines everything that is installed or configured, or only NAMES. Each reranker
    and each command of a package is imported in a process of its own, so that a crash
    or a hang affects no other. Then each name of the config file is built, with the
    default and the wrappers.

    Without --deep, no model is loaded and nothing is sent. With it, each reranker that
    is configured or in NAMES is also warmed up and checks itself, or scores one short
    text if it has no check.

    \b
    Besides the states of `resift list` there are:
      broken          it cannot be imported
      incompatible    it was written for another version of the hooks
      invalid         it breaks a rule of the hooks, its options are wrong, or the
                      config file is
      failing         its model cannot be loaded, or its server does not answer
      unconfigured    it needs options before it can be used
      misspelt group  resift does not read the entry-point group that it is in
      hidden by resift-cli
                      a command of our own has its name: run DIST:NAME

    The exit code is 1 when anything is wrong. 'not allowed', 'unconfigured' and
    'hidden by ...' are not wrong.

    \b
    Examples:
      resift doctor
      resift doctor precise --deep --config search.toml
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from rich.progress import track

    rows = _rows(names, config_path)
    examine = partial(
        _examined,
        timeout=timeout,
        config=str(config_path or ""),
        deep=(lambda row: bool(names) or row["kind"] == "configured") if deep else None,
    )
    with ThreadPoolExecutor(1 if deep else min(4, os.cpu_count() or 1)) as pool:
        findings = pool.map(examine, rows)
        for row, found in zip(
            rows,
            track(
                findings,
                "asking" if deep else "importing",
                total=len(rows),
                console=progress_console(),
                transient=True,
            ),
            strict=True,
        ):
            row.update(found)
    _report(rows, as_json=as_json)
    if any(row["state"] not in HARMLESS for row in rows):
        raise click.exceptions.Exit(1)


def _rows(names: Sequence[str], config_path: Path | None) -> list[Row]:
    """Return what there is to examine, with the state that metadata tells.

    A config file that is wrong is always told: any name may be one of its own.

    Raises:
        UsageError: If one of *names* is neither installed nor configured.
    """
    configured = _configured(config_path)
    rows = [*_installed(), *misspelt(), *configured]
    if not names:
        return rows
    unread = [row for row in configured if "ask" not in row]
    wanted = {name: [row for row in rows if _is_called(row, name)] for name in names}
    absent = next((name for name, found in wanted.items() if not found), None)
    if absent and not unread:
        msg = f"Nothing called {absent!r} is installed or configured."
        raise click.UsageError(msg)
    asked = [row for row in rows if any(row in found for found in wanted.values())]
    return [*asked, *unread]


def _is_called(row: Row, name: str) -> bool:
    home, _, bare = name.rpartition(":")
    return row["name"] == normalized(bare) and (
        not home or normalized(row.get("distribution", "")) == normalized(home)
    )


def _installed() -> list[Row]:
    return [row for group in GROUPS for row in _provided(catalog(group))]


def _configured(config_path: Path | None) -> list[Row]:
    """Return what the config file asks for, or one row that says why that is nothing.

    Its wrappers stand around whatever is loaded: around a merger, to be examined.
    """
    try:
        config = find_config(config_path)
    except ConfigError as error:
        text = str(error)
        return [
            {"kind": "configured", "name": "-", "state": "invalid", "message": text}
        ]
    asked = {name: name for name in config.rerankers}
    default = os.environ.get("RESIFT_RERANKER") or config.default
    if default:
        asked.setdefault(normalized(default), default)
    if config.wrappers:
        asked.setdefault("wrappers", "resift:rrf")
    return [
        {"kind": "configured", "name": name, "ask": ask, "state": "ok"}
        for name, ask in asked.items()
    ]


def _provided(known: Catalog) -> Iterator[Row]:
    for provider in known.providers:
        row = {
            "kind": provider.kind,
            "name": provider.name,
            "ask": provider.qualified,
            "distribution": provider.distribution,
            "version": provider.version,
            "state": known.state(provider),
        }
        if row["state"] == "clash":
            row["message"] = (
                f"{provider.name!r} is in several distributions: ask for "
                f"{provider.qualified!r}."
            )
        elif row["state"].startswith("hidden"):
            row["message"] = (
                f"{provider.name!r} means the {provider.kind} of {known.owner}: ask "
                f"for {provider.qualified!r}."
            )
        yield row


def _examined(
    row: Row, *, timeout: float, config: str, deep: Callable[[Row], bool] | None
) -> Row:
    """Examine one row; what metadata has found wrong outlives a successful import."""
    if row["state"] == "not allowed" or "ask" not in row:
        return {}
    kind = row["kind"]
    findings = examine_apart(
        kind,
        row["ask"],
        timeout,
        config=config,
        deep=deep is not None and kind in ("reranker", "configured") and deep(row),
    )
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

    from resift_cli.tables import aligned

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
        text = row.get("message", row["state"])
        console().print(Text.assemble(("\n✗ ", "red"), text))
    verdict = "everything works"
    if wrong:
        verdict = f"{len(wrong)} of {len(rows)} need attention"
    console().print(Text(f"\n{verdict}", style="bold red" if wrong else "bold green"))
