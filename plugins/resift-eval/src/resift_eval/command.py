"""``resift eval``: did reranking help?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resift.errors import InputError
from resift_cli.authors import (
    RerankerName,
    config_option,
    console,
    find_config,
    note,
    progress_console,
    write_json,
)
from resift_eval.gate import Gate
from resift_eval.source import Source, source_options

if TYPE_CHECKING:
    from ir_measures import Measure

    from resift import Reranker
    from resift.authors import Config
    from resift_calibrate import Method
    from resift_eval.collection import Collection
    from resift_eval.experiment import Contestant, Experiment
    from resift_eval.first_stage import FirstStage
    from resift_eval.journal import Answer
    from resift_eval.results import Results
    from resift_eval.tuning import Trial, Tuned, Value, Values

__all__ = ["evaluate"]

_ARGUMENTS = "resift_eval.arguments"


def _numbers(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> list[float] | None:
    """Read numbers with commas between them."""
    try:
        found = [float(number) for number in text.split(",")] if text else None
    except ValueError:
        found = [math.nan]
    if found is not None and not all(map(math.isfinite, found)):
        msg = f"must be numbers with commas between them, got {text!r}."
        raise click.BadParameter(msg, context, parameter)
    return found


def _gates(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Gate, ...]:
    """Read bounds on differences."""
    try:
        return tuple(map(Gate.parsed, texts))
    except InputError as error:
        raise click.BadParameter(str(error), context, parameter) from error


_OWN_OPTIONS = (
    click.option(
        "--compare",
        nargs=2,
        type=click.Path(exists=True, path_type=Path),
        metavar="BEFORE AFTER",
        help="Say what changed between two reports; measures nothing.",
    ),
    click.option(
        "--gate",
        multiple=True,
        callback=_gates,
        metavar="'MEASURE >= NUMBER'",
        help="Exit with 1 if a difference is less; for continuous integration.",
    ),
    click.option("-m", "--measure", multiple=True, help="Measure; the first decides."),
    click.option(
        "--depth",
        type=click.IntRange(1),
        default=100,
        show_default=True,
        help="Candidates of each query.",
    ),
    click.option(
        "--depths", is_flag=True, help="Measure at every depth up to --depth, too."
    ),
    click.option(
        "--calibrate",
        metavar="NAME",
        type=RerankerName(),
        help="Find out what its scores mean as probabilities.",
    ),
    click.option(
        "--curve",
        type=click.Choice(["platt", "temperature", "isotonic"]),
        help="Of --calibrate: its method, platt by default.",
    ),
    click.option(
        "--keep",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="Of --calibrate: the share of relevant documents to keep, 0.9 by default.",
    ),
    click.option("--baseline", help="Compare with it; by default rrf, or the leg."),
    click.option(
        "-o",
        "--option",
        multiple=True,
        metavar="NAME.OPTION=VALUE",
        help="Option of one reranker. Repeat it.",
    ),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="Write the reports to this folder.",
    ),
    click.option("--overwrite", is_flag=True, help="Forget what --out holds."),
    click.option(
        "--add",
        is_flag=True,
        help="Add to the report in --out, or replace there, and run no other again.",
    ),
    click.option(
        "--tune",
        multiple=True,
        metavar="OPTION[=VALUES]",
        help="Find values: k1, merge.alpha=0.2,0.5, weights; together if repeated.",
    ),
    click.option(
        "--grid", callback=_numbers, help="Values of one --tune, separated by commas."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do with the candidates."""

    compare: tuple[Path, Path] | None
    gate: tuple[Gate, ...]
    measure: tuple[str, ...]
    depth: int
    depths: bool
    calibrate: str | None
    curve: Method | None
    keep: float | None
    baseline: str | None
    option: tuple[str, ...]
    out: Path | None
    overwrite: bool
    add: bool
    tune: tuple[str, ...]
    grid: list[float] | None
    as_json: bool

    def check(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            click.UsageError: If there is one.
        """
        tuned = bool(self.tune)
        not_fitted = self.calibrate is None
        unused = (
            ("--calibrate", self.calibrate, tuned, "--tune fits no probabilities"),
            ("--curve", self.curve, not_fitted, "it needs --calibrate"),
            ("--keep", self.keep, not_fitted, "it needs --calibrate"),
            ("--depths", self.depths, tuned, "--tune scores at one depth"),
            ("--gate", self.gate, tuned, "--tune compares no rerankers"),
            ("--grid", self.grid, not tuned, "it holds values for --tune"),
            (
                "--grid",
                self.grid,
                len(self.tune) > 1,
                "of several options each has its values: --tune k1=0.8,1.2",
            ),
            ("--out", self.out, tuned, "--tune writes no report"),
            ("--overwrite", self.overwrite, self.out is None, "it needs --out"),
            ("--add", self.add, self.out is None, "it needs --out"),
            ("--add", self.add, self.overwrite, "--overwrite forgets the report"),
            ("--baseline", self.baseline, tuned, "values are compared with not set"),
            (
                "--option",
                self.option,
                tuned,
                "set it in the config, under a name of its own, and tune that name",
            ),
            ("--measure", self.measure[1:], tuned, "--tune decides by one measure"),
        )
        for flag, given, in_vain, why in unused:
            if given and in_vain:
                msg = f"{flag} has no effect here: {why}."
                raise click.UsageError(msg)

    @property
    def measures(self) -> list[Measure]:
        from resift_eval.measures import DEFAULT, parsed

        return parsed(self.measure or DEFAULT)


_COMPARED = {"compare", "gate", "as_json"}


def _compare(paths: tuple[Path, Path], plan: Plan) -> None:
    """Say what changed between two reports."""
    from resift_eval.change import changes_between, read_report

    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _COMPARED and context.get_parameter_source(name) is (
            click.core.ParameterSource.COMMANDLINE
        ):
            shown = parameter.opts[-1] if name != "rerankers" else "a reranker"
            msg = f"{shown} has no effect here: --compare reads two reports."
            raise click.UsageError(msg)
    found = changes_between(*map(read_report, paths))
    for sentence in found.notes:
        note(sentence)
    if plan.as_json:
        write_json(found.plain())
    else:
        click.echo(
            f"{found.measure}, {len(found.queries)} queries: {paths[0]}, then "
            f"{paths[1]}"
        )
        for row in found.rows:
            click.echo(
                f"  {row.name}: {row.before:.4f}, then {row.after:.4f}: {row.outcome}, "
                f"{row.comparison.change}"
            )
    _require(plan.gate, {row.name: row.differences for row in found.rows}, "before")


def _require(
    gates: Sequence[Gate], differences: Mapping[str, Mapping[str, float]], against: str
) -> None:
    """Say whether each gate holds, and exit with 1 where one does not."""
    failed = False
    for gate in gates:
        below = {}
        for name, by_measure in differences.items():
            difference = by_measure[gate.named(by_measure)]
            if not gate.holds(difference):
                below[name] = difference
        for name, difference in below.items():
            note(f"gate: {gate} fails: {name} {difference:+.4f} against {against}.")
        if not below:
            note(f"gate: {gate} holds for {', '.join(differences)}.")
        failed |= bool(below)
    if failed:
        click.get_current_context().exit(1)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed((*source_options, *_OWN_OPTIONS)):
        command = option(command)
    return command


class _Told(click.Command):
    """A command that remembers what was typed, for the report."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.command("eval", cls=_Told)
@click.argument("rerankers", nargs=-1, type=RerankerName())
@_with_options
@config_option
def evaluate(
    rerankers: tuple[str, ...],
    config_path: Path | None,
    **given: Any,  # noqa: ANN401  # the options of Source and Plan, as click has them
) -> None:
    """Measure rerankers on judged queries, and say whether each one helped.

    Every reranker gets the same candidates: the legs of a LanceDB table (its full-text
    indices and vectors), or a run that you have. What it does to them is compared with
    a baseline, query by query.

    \b
    Examples:
      resift eval --data scifact --vectors minilm.npz dbsf bm25 --out report
      resift eval --db ./db --table docs --queries q.tsv --qrels q.qrels precise
      resift eval --data scifact --run bm25.trec precise
      resift eval --data scifact --vectors minilm.npz --tune alpha convex
      resift eval --data scifact --calibrate bm25 --out report
      resift eval --data scifact precise --out report --add
      resift eval --data scifact precise --gate "ndcg@10 >= -0.005"
      resift eval --compare before after

    --out DIR gets report.md, report.json, report.html and a journal. After an
    interruption, the same command goes on from the journal.
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_eval.coverage import gaps
    from resift_eval.vectors import embedder

    config = find_config(config_path)
    source = Source(**{name: given.pop(name) for name in Source.__annotations__})
    plan = Plan(**given)
    if plan.compare is not None:
        _compare(plan.compare, plan)
        return
    source.check()
    plan.check()
    for gate in plan.gate:
        gate.named(dict.fromkeys(map(str, plan.measures)))
    if plan.calibrate is not None and plan.calibrate not in rerankers:
        rerankers = (*rerankers, plan.calibrate)
    contestants = _load((*rerankers, *filter(None, [source.embed])), config, plan)
    embeds = None
    if source.embed is not None:
        loaded = contestants[source.embed]
        if source.embed not in rerankers:
            del contestants[source.embed]
        embeds = embedder(loaded.reranker)
    read = _columns_read(contestants)
    with source.opened(read, embeds) as (collection, stage):
        notes = gaps(collection, stage, plan.depth, plan.measures)
        for sentence in notes:
            note(sentence)
        if plan.tune:
            _tune(rerankers, plan, config, collection, stage)
            return
        results = _run(plan, config, contestants, collection, stage)
    _show(replace(results, notes=notes), plan)
    _require(plan.gate, _differences(results), results.baseline)


def _differences(results: Results) -> dict[str, dict[str, float]]:
    """Return the mean difference of every reranker from the baseline, by measure."""
    baseline = results.row(results.baseline).measures
    return {
        row.name: {
            m: found.mean - baseline[m].mean for m, found in row.measures.items()
        }
        for row in results.rows
        if row.origin.entry and row.comparison is not None
    }


def _columns_read(contestants: Mapping[str, Contestant]) -> list[str]:
    """Return the columns of the results that the contestants declare."""
    return [
        column
        for contestant in contestants.values()
        for column in contestant.reranker.columns or ()
        if not column.startswith("_")
    ]


def _load(names: Sequence[str], config: Config, plan: Plan) -> dict[str, Contestant]:
    from resift_eval.experiment import Contestant

    given: dict[str, dict[str, object]] = {name: {} for name in names}
    for text in plan.option:
        target, equals, value = text.partition("=")
        name, dot, key = target.partition(".")
        if not (equals and dot) or name not in given:
            known = " or ".join(map(repr, given)) or "a reranker of this command"
            msg = f"must look like NAME.OPTION=VALUE, NAME {known}, got {text!r}."
            raise click.BadParameter(msg, param_hint="'-o' / '--option'")
        try:
            given[name][key] = json.loads(value)
        except ValueError:
            given[name][key] = value
    return {
        name: Contestant.load(name, config=config, **settings)
        for name, settings in given.items()
    }


def _run(
    plan: Plan,
    config: Config,
    contestants: dict[str, Contestant],
    collection: Collection,
    stage: FirstStage,
) -> Results:
    from resift_eval.experiment import Contestant, Experiment
    from resift_eval.results import results_of

    baseline = plan.baseline
    if baseline is None:
        baseline = stage.legs[0] if len(stage.legs) == 1 else "rrf"
    if baseline not in (*stage.legs, *contestants):
        loaded = Contestant.load(baseline, config=config)
        contestants = {baseline: loaded, **contestants}
    scorers = {n: c.reranker for n, c in contestants.items() if c.reranker.can_score}
    if plan.depths and not scorers:
        msg = "--depths needs a reranker that scores; these only merge."
        raise click.UsageError(msg)
    if plan.calibrate is not None and plan.calibrate not in scorers:
        msg = f"--calibrate needs a reranker that scores; {plan.calibrate} only merges."
        raise click.UsageError(msg)
    pasted = _pasted(plan, contestants)
    contestants = _with_origins(plan, config, contestants)
    experiment = Experiment(
        collection,
        stage,
        contestants,
        plan.depth,
        by_depth=plan.depths,
        calibrated=plan.calibrate,
    )
    answers = _answered(experiment, plan)
    origins = experiment.origins
    results = results_of(
        answers, collection, plan.measures, baseline, plan.depth, origins
    )
    if plan.depths:
        results = _with_curves(results, answers, collection, plan)
    if plan.calibrate is not None:
        results = _with_calibration(results, answers, collection, scorers, plan, pasted)
    return results


def _with_origins(
    plan: Plan, config: Config, contestants: Mapping[str, Contestant]
) -> dict[str, Contestant]:
    """Say of each contestant what it is, and which command measures it."""
    from resift_eval.origin import command_line, origin_of

    changed: dict[str, dict[str, object]] = {}
    for text in plan.option:
        target, _, value = text.partition("=")
        name, _, key = target.partition(".")
        changed.setdefault(name, {})[key] = value
    secrets = {
        name: set(options) - set(_options_of(contestants[name]))
        for name, options in changed.items()
        if name in contestants
    }
    arguments = click.get_current_context().meta.get(_ARGUMENTS, [])
    command = command_line(arguments, secrets)
    return {
        name: replace(
            c, origin=origin_of(name, c.reranker, config, changed.get(name), command)
        )
        for name, c in contestants.items()
    }


def _options_of(contestant: Contestant) -> list[str]:
    """Return the names of the options and settings that are no secret."""
    options = contestant.reranker.describe().get("options")
    named = list(options) if isinstance(options, Mapping) else []
    return [*named, *contestant.reranker.defaults.given()]


def _answered(experiment: Experiment, plan: Plan) -> dict[str, dict[str, Answer]]:
    """Run the experiment, and say what becomes of a report that is there."""
    journal = None if plan.out is None else plan.out / "journal.jsonl"
    if journal is not None and plan.overwrite:
        journal.unlink(missing_ok=True)
    with _progress("Reranking", len(experiment.collection.queries)) as done:
        try:
            answers = experiment.run(journal, done, add=plan.add)
        except KeyboardInterrupt:
            if plan.out is not None:
                note("Interrupted. The same command goes on from here.")
            raise
    for name in experiment.replaced:
        note(f"{name} is not what it was in the report: it was measured again.")
    return answers


def _pasted(plan: Plan, contestants: Mapping[str, Contestant]) -> object:
    """Return how a config names what is calibrated: whole where --option changes it.

    Raises:
        InputError: If a secret was given in the open.
    """
    name = plan.calibrate
    if name is None or not any(o.partition(".")[0] == name for o in plan.option):
        return name
    return contestants[name].reranker.settings()


def _with_calibration(
    results: Results,
    answers: Mapping[str, Mapping[str, Answer]],
    collection: Collection,
    scorers: Mapping[str, Reranker],
    plan: Plan,
    pasted: object,
) -> Results:
    """Add to the row of the reranker what its scores mean."""
    from resift_eval.calibration import calibration_of

    name = str(plan.calibrate)
    found = calibration_of(
        answers[name],
        collection,
        scorers[name],
        method=plan.curve or "platt",
        keep=plan.keep or 0.9,
        pasted=pasted,
    )
    rows = [
        replace(row, calibration=found) if row.name == name else row
        for row in results.rows
    ]
    return replace(results, rows=rows)


def _with_curves(
    results: Results,
    answers: Mapping[str, Mapping[str, Answer]],
    collection: Collection,
    plan: Plan,
) -> Results:
    """Add to each row of a scorer its quality and cost by depth."""
    from resift_eval.depth import curve_of

    curves = {
        row.name: curve_of(
            answers[row.name],
            collection,
            plan.measures[0],
            plan.depth,
            seconds=row.p50,
            pointwise=row.origin.pointwise,
        )
        for row in results.rows
        if row.origin.pointwise is not None  # it scores
    }
    rows = [replace(row, curve=curves.get(row.name)) for row in results.rows]
    return replace(results, rows=rows)


def _tune(
    names: Sequence[str],
    plan: Plan,
    config: Config,
    collection: Collection,
    stage: FirstStage,
) -> None:
    from resift_eval.tuning import Trial, combined

    if len(names) != 1:
        msg = "--tune takes exactly one reranker."
        raise click.UsageError(msg)
    grids = _grids(plan, stage)
    measure = plan.measures[0]
    trial = Trial(names[0], config)
    grid = combined(grids)
    with _progress("Tuning", len(collection.queries)) as done:
        found = trial.run(grid, collection, stage, measure, plan.depth, done)

    def told(values: Values | None) -> object:
        return next(iter(values.values())) if values and len(values) == 1 else values

    if plan.as_json:
        options = list(grids)
        write_json(
            {
                "option": options[0] if len(options) == 1 else options,
                "measure": str(measure),
                "values": [
                    {"value": told(values), "mean": mean}
                    for values, mean in zip(found.grid, found.means, strict=True)
                ],
                "not_set": found.default,
                "best": told(found.best),
                "held_out": found.held_out,
                "failures": dict(found.failures),
            }
        )
    else:
        _show_tuned(trial, found, str(measure))
    _tell_failures({names[0]: found.failures}, len(collection.queries))


def _grids(plan: Plan, stage: FirstStage) -> dict[str, Sequence[Value]]:
    """Return the values to try of each option.

    Raises:
        InputError: If an option is asked for twice, or has no values to try.
    """
    from resift_eval.tuning import WEIGHTS, asked, default_grid, weight_grid

    grids: dict[str, Sequence[Value]] = {}
    for text in plan.tune:
        path, values = asked(text)
        if path in grids:
            msg = f"--tune {path} is given twice."
            raise click.UsageError(msg)
        if values is not None and plan.grid is not None:
            msg = f"--tune {text} holds the values: --grid has no effect here."
            raise click.UsageError(msg)
        if path == WEIGHTS and not (values and isinstance(values[0], Mapping)):
            numbers = plan.grid or [
                v for v in values or [] if isinstance(v, int | float)
            ]
            grids[path] = weight_grid(stage.legs, numbers or None)
        else:
            grids[path] = values or plan.grid or default_grid(path)
    return grids


def _show_tuned(trial: Trial, found: Tuned, measure: str) -> None:
    from resift_eval.tuning import shown

    paths = list(found.grid[0])
    for values, mean in zip(found.grid, found.means, strict=True):
        mark = "  best" if values == found.best else ""
        what = shown(values) if len(paths) > 1 else f"{paths[0]} = {shown(values):<6}"
        click.echo(f"{what} {measure} {mean:.4f}{mark}")
    mark = "  best" if found.best is None else ""
    click.echo(
        f"not set: {found.default:.4f}{mark}; expect {found.held_out:.4f} on new "
        "queries (5-fold cross-validation)\n"
    )
    if found.best is None:
        named = ", ".join(map(repr, paths))
        left = "it is" if len(paths) == 1 else "they are"
        click.echo(f"No value is better than leaving {named} as {left}.")
    else:
        click.echo(trial.toml(found.best))


def _show(results: Results, plan: Plan) -> None:
    from resift_eval.report import (
        as_html,
        as_json,
        as_markdown,
        as_text,
        calibration_as_text,
    )

    if plan.out is not None:
        plan.out.mkdir(parents=True, exist_ok=True)
        (plan.out / "report.md").write_text(as_markdown(results), "utf-8")
        (plan.out / "report.html").write_text(as_html(results), "utf-8")
        text = json.dumps(as_json(results), ensure_ascii=False, indent=1)
        (plan.out / "report.json").write_text(text, "utf-8")
        note(f"Reports: {plan.out / 'report.md'}, report.html, report.json")
    if plan.as_json:
        write_json(as_json(results))
    else:
        click.echo(_table(results))
        for row in results.rows:
            if row.curve is not None:
                click.echo(f"\n{as_text(row.name, row.curve)}")
            if row.calibration is not None:
                click.echo(f"\n{calibration_as_text(row.name, row.calibration)}")
    failures = {row.name: row.failures for row in results.rows}
    _tell_failures(failures, len(results.collection.queries))


def _tell_failures(failures: Mapping[str, Mapping[str, str]], n_queries: int) -> None:
    """Say who failed, and exit with 1 where somebody answered no query at all."""
    from resift_eval.results import failed

    for name, reasons in failures.items():
        if reasons:
            note(f"{name} {failed(reasons)}")
    if any(0 < n_queries == len(reasons) for reasons in failures.values()):
        click.get_current_context().exit(1)


def _table(results: Results) -> str:
    from rich.table import Table

    from resift_eval.report.document import summary

    table = Table(title=summary(results), title_justify="left", box=None)
    table.add_column("")
    for name in results.rows[0].measures:
        table.add_column(name, justify="right")
    table.add_column("ms", justify="right")
    if results.is_priced:
        table.add_column("cost", justify="right")
    table.add_column("against the baseline")
    for row in results.rows:
        style = None
        if row.significant and row.comparison is not None:
            style = "green" if row.comparison.difference > 0 else "red"
        p50 = "" if row.p50 is None else f"{row.p50 * 1000:.1f}"
        means = [f"{m.mean:.4f}" for m in row.measures.values()]
        cost = [row.cost] if results.is_priced else []
        table.add_row(row.name, *means, p50, *cost, row.verdict, style=style)
    printer = console()
    with printer.capture() as captured:
        printer.print(table)
    return captured.get().rstrip("\n")


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    shown = bars.Progress(*columns, console=progress_console(), transient=True)
    with shown as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
