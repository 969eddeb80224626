"""`resift check`: hold an installed reranker to the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from resift_cli.output import console, is_terminal, json_option, write_json, write_rows
from resift_cli.parameters import RerankerName, options_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift.testing.checking import Run
    from resift.testing.report import Outcome, Report

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
@click.option("--network", is_flag=True, help="Let it use the network; may cost money.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1e-4,
    show_default=True,
    help="How far equal scores may lie apart, as a share of the largest.",
)
@json_option
def check(
    name: str,
    *,
    options: Sequence[tuple[str, Any]],
    skip: Sequence[tuple[str, str]],
    expect: Sequence[tuple[str, str]],
    network: bool,
    tolerance: float,
    as_json: bool,
) -> None:
    """Prove that a reranker keeps its promises.

    They are the contract that every reranker keeps. It is built and asked to score, or
    to merge, in many ways: a model is loaded. For each promise that it breaks you are
    told by which input, and what authors usually do wrong. What it reads from columns
    cannot be made up here: such a reranker is checked by a test, see
    resift.testing.RerankerSuite.

    Piped, each line holds status, check and reason, separated by tabs. The exit code is
    1 where a promise is broken, or could not be checked.

    \b
    Examples:
      resift check bm25
      resift check cascade -o 'stages=["bm25", "bm25"]' -o 'keep=[3]'
      resift check jina -o api_key=... --network
      resift check mine --skip "obvious document wins=random weights"
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift.authors import catalog
    from resift.testing.checking import Run
    from resift.testing.subject import Settings, Subject

    if name not in catalog():
        catalog().find(name)  # raises, with near misses and what is installed
    settings = Settings(network=network, tolerance=tolerance)
    run = Run(Subject(name, dict(options), settings), dict(expect), dict(skip))
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
