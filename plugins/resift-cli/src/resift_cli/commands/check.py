"""`resift check`: hold an installed reranker to the contract."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resift.errors import PluginError
from resift_cli.output import (
    console,
    is_terminal,
    json_option,
    note,
    write_json,
    write_rows,
)
from resift_cli.parameters import (
    RerankerName,
    config_option,
    find_config,
    options_option,
)
from resift_cli.patience import patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift.authors import Config, Loader
    from resift.testing import Outcome, Report, Run

__all__ = ["check"]

_SIGNS = {
    "kept": ("✓", "green"),
    "broken": ("✗", "red"),
    "expected": ("✗", "yellow"),
    "unexpected": ("✗", "red"),
    "skipped": ("·", "dim"),
    "replaced": ("·", "dim"),
    "blocked": ("?", "yellow"),
    "unchecked": ("?", "yellow"),
}


class _Reason(click.ParamType):  # type: ignore[type-arg]  # of late generic
    """``CHECK=REASON``."""

    name = "check=reason"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        check, _, reason = str(value).partition("=")
        if not reason.strip():
            self.fail(f"must look like CHECK=REASON, got {value!r}.", param, ctx)
        return check.strip().replace("-", "_").replace(" ", "_"), reason.strip()


@click.command
@click.argument("name", type=RerankerName())
@options_option
@click.option(
    "--skip", type=_Reason(), multiple=True, help="Leave out an optional check."
)
@click.option(
    "--expect", type=_Reason(), multiple=True, help="Expect a check to be broken."
)
@click.option(
    "--candidates",
    "candidates_path",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Columns for the texts: a table, or a function 'candidates' in a .py file.",
)
@config_option
@click.option("--network", is_flag=True, help="Let it use the network; may cost money.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1e-4,
    show_default=True,
    help="How far equal scores may lie apart, as a share of the largest.",
)
@click.option("--quick", is_flag=True, help="Run the essential third of the checks.")
@click.option("--slow", is_flag=True, help="Try large sizes, too; takes long.")
@click.option(
    "-k", "only", default="", help="Run the checks of whose name this is part."
)
@click.option(
    "--limit",
    type=click.FloatRange(min=1),
    default=20.0,
    show_default=True,
    help="Seconds after which a call that only waits is given up as hung.",
)
@json_option
def check(
    name: str,
    *,
    options: Sequence[tuple[str, Any]],
    skip: Sequence[tuple[str, str]],
    expect: Sequence[tuple[str, str]],
    candidates_path: Path | None,
    config_path: Path | None,
    network: bool,
    tolerance: float,
    quick: bool,
    slow: bool,
    only: str,
    limit: float,
    as_json: bool,
) -> None:
    """Prove that a reranker keeps its promises.

    NAME is an installed reranker, or one of your own names from the config file, which
    is checked with its options there.

    The promises are the contract that every reranker keeps. The reranker is built,
    which may load a model, and asked to score or to merge in many ways. For each broken
    promise you see the input that broke it and the usual mistake. If the reranker reads
    columns, give them with --candidates: a table, whose rows are lent to the texts, or
    a Python file with a function that makes them.

    Piped, each line holds status, check and reason, separated by tabs. The exit code is
    1 if a promise is broken or could not be checked.

    \b
    Examples:
      resift check bm25
      resift check cascade -o 'stages=["bm25", "bm25"]' -o 'keep=[3]'
      resift check jina -o api_key=... --network
      resift check precise --config search.toml
      resift check newest -o column=published --candidates posts.parquet
      resift check mine --quick
      resift check mine -k top_k
      resift check mine --skip "obvious document wins=random weights"
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift.testing import Run, Settings, Subject
    from resift_cli.candidates import candidates_from

    use, configured = _configured(name, find_config(config_path))
    settings = Settings(
        candidates_from(candidates_path) if candidates_path else None,
        network=network,
        tolerance=tolerance,
        limit=limit,
        slow=slow,
    )
    subject = Subject(use, {**configured, **dict(options)}, settings)
    run = Run(subject, dict(expect), dict(skip), quick=quick, only=only)
    if as_json:
        report = run.everything()
        write_json(report.as_dict())
    elif is_terminal():
        report = _shown(run)
    else:
        report = run.everything()
        write_rows((o.status, o.check.name, o.reason) for o in report.outcomes)
    if not report.ok:
        raise click.exceptions.Exit(1)


def _configured(name: str, config: Config) -> tuple[str, dict[str, object]]:
    """Return the installed reranker that *name* means, and its configured options.

    The module is imported, by a process that gives up where that hangs.

    Raises:
        PluginError: If it is not installed, or RESIFT_PLUGINS leaves it out.
    """
    from resift.authors import Loader, Schema, catalog

    loader = Loader(config)
    entry = loader.resolve(name)[0]
    provider = catalog().find(entry.use, tuple(config.rerankers))
    if settings := entry.settings.given():
        listed = ", ".join(map(repr, settings))
        note(f"the contract is of the reranker alone, without {listed} of the config.")
    if not entry.options:
        with patience(str(provider)), suppress(PluginError):  # a check of its own tells
            provider.load()
        return entry.use, {}
    with patience(str(provider)):
        known = Schema(provider.load(), str(provider)).options
    return entry.use, {
        key: _installed(value, loader) if key in known and known[key].nests else value
        for key, value in entry.options.items()
    }


def _installed(value: object, loader: Loader) -> object:
    """Return a nested reranker by its installed name, for a test without the config."""
    if isinstance(value, list):
        return [_installed(item, loader) for item in value]
    if isinstance(value, str) and loader.config.get(value) is not None:
        use, options = _configured(value, loader.config)
        return {"use": use, "options": options}
    return value


def _shown(run: Run) -> Report:
    """Show each outcome as it comes, then what is wrong, then the verdict."""
    from rich.text import Text

    terminal = console()
    topic = ""
    for outcome in run:
        if outcome.check.topic != topic:
            topic = outcome.check.topic
            terminal.print(Text(f"\n{topic}", style="bold"))
        terminal.print(_line(outcome))
    report = run.report()
    for outcome in report.outcomes:
        if outcome.status in ("broken", "unexpected"):
            terminal.print(Text(f"\n{outcome.reason}", style="red"), soft_wrap=False)
    style = "bold green" if report.ok else "bold red"
    terminal.print(Text(f"\n{report.verdict}", style=style))
    return report


def _line(outcome: Outcome) -> object:
    from rich.text import Text

    sign, style = _SIGNS[outcome.status]
    name = outcome.check.name.replace("_", " ")
    line = Text.assemble((f"  {sign} ", style), (name, style if sign != "✓" else ""))
    if outcome.reason and outcome.status not in ("broken", "unexpected"):
        line.append(f"  {outcome.reason}", style="dim")
    return line
