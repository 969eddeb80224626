"""``resift batch``: rerank many queries, from files to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resift_cli.authors import (
    RerankerName,
    config_option,
    find_config,
    note,
    options_option,
    progress_console,
    write_json,
)

if TYPE_CHECKING:
    from resift.authors import Config
    from resift_batch.engine import Engine
    from resift_batch.job import Job, Request
    from resift_batch.part import Done

__all__ = ["batch"]


class _Batch(click.Group):
    """``resift batch cat OUT``, and for all else ``resift batch SOURCE OUT``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("batch", cls=_Batch, add_help_option=False)
def batch() -> None:
    """Rerank many queries, from files to files, resumable."""


_OPTIONS = (
    click.option(
        "-r",
        "--reranker",
        required=True,
        type=RerankerName(),
        help="Reranker to use, from the config or installed.",
    ),
    options_option,
    click.option("--top-k", type=click.IntRange(1), help="Documents of each query."),
    click.option(
        "--layout",
        type=click.Choice(["auto", "lists", "pairs", "run"]),
        default="auto",
        show_default=True,
        help="A row per query with a list, a row per pair, or a TREC run.",
    ),
    click.option(
        "--queries",
        type=click.Path(exists=True, path_type=Path),
        help="The queries of a run: JSON Lines, or id and text separated by a tab.",
    ),
    click.option(
        "--corpus",
        type=click.Path(exists=True, path_type=Path),
        help="The documents of a run: as --queries, Parquet, or a Lance table.",
    ),
    click.option("--query", help="Column of the query's text."),
    click.option("--qid", help="Column of the query's id."),
    click.option("--candidates", help="Column of the lists of candidates."),
    click.option("--id", help="Column or field of the candidates' ids."),
    click.option("--text", help="Column or field of the candidates' texts."),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Processes of this machine, or actors of Ray.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes; one for each core by default.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Threads of each process.",
    ),
    click.option(
        "--devices",
        metavar="0,1",
        help="GPUs; each has one process, with a model of its own.",
    ),
    click.option(
        "--on-bad-row",
        type=click.Choice(["reject", "stop"]),
        default="reject",
        show_default=True,
        help="Set bad rows aside, or stop at the first.",
    ),
    click.option(
        "--max-candidates",
        type=click.IntRange(1),
        default=1_000_000,
        show_default=True,
        help="Candidates of a query; a query with more is a bad row.",
    ),
    click.option(
        "--max-text",
        type=click.IntRange(1),
        default=1_000_000,
        show_default=True,
        help="Bytes of a text.",
    ),
    click.option(
        "--pairs-per-part",
        type=click.IntRange(1),
        help="How much is done at once, and lost by a kill.",
    ),
    click.option(
        "--patience",
        type=click.FloatRange(0),
        default=120.0,
        show_default=True,
        help="Seconds to wait for a server that fails.",
    ),
    click.option(
        "--evidence", is_flag=True, help="Keep what the reranker says beyond scores."
    ),
    click.option("--overwrite", is_flag=True, help="Forget what OUT holds."),
    click.option("--json", "as_json", is_flag=True, help="Print events as JSON Lines."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@batch.command("run")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@_with_options
@config_option
def run(
    source: Path,
    out: Path,
    *,
    overwrite: bool,
    as_json: bool,
    engine: str,
    workers: int | None,
    devices: str | None,
    **given: Any,  # noqa: ANN401  # what `_request` takes
) -> None:
    """Rerank the candidates of every query in SOURCE, and write to the folder OUT.

    SOURCE is a Parquet file or a folder of them, JSON Lines, CSV, TSV, Arrow files, a
    data set saved by Hugging Face's datasets, or the folder of a Lance table; with a
    list of candidates for each query, or a row for each pair. Or it is a run of TREC or
    MS MARCO, with --queries and --corpus.

    Interrupt it, or kill it: the same command goes on from there.

    \b
    Examples:
      resift batch queries.parquet out -r precise --top-k 10
      resift batch pairs.parquet out -r bm25 --layout pairs --workers 8
      resift batch cat out --format trec > ranked.trec
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_batch.job import Job

    request = _request(source, **given)
    mapper = _engine(engine, workers, devices, request.threads)
    tell = write_event if as_json else None
    with Job.begun(out, request, overwrite=overwrite) as job:
        if tell is not None:
            tell("plan", parts=job.parts, queries=job.queries, done=len(job.done))
        elif job.done:
            note(f"{len(job.done)} of {job.parts} parts are done already.")
        try:
            with _progress(job, tell) as progress:
                summary = job.run(mapper, progress)
        except KeyboardInterrupt:
            note("Interrupted. The same command goes on from here.")
            raise
    if tell is not None:
        tell("done", **summary)
        return
    click.echo(
        f"{summary['answered']} queries ranked, {summary['rejected']} set aside: {out}"
    )
    if summary["rejected"]:
        note(f"{out / 'rejects'} says which and why.")


@batch.command("cat")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "trec", "parquet"]),
    default="jsonl",
    show_default=True,
)
@click.option("--tag", default="resift", show_default=True, help="Name of a TREC run.")
def cat(out: Path, form: str, tag: str) -> None:
    """Write all answers of a finished job, one after the other, to standard output.

    \b
    Examples:
      resift batch cat out --format trec > reranked.trec
      resift batch cat out --format parquet > reranked.parquet
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_batch.export import export

    if form == "parquet" and sys.stdout.isatty():
        msg = "--format parquet is not for a terminal: write it to a file, with '>'."
        raise click.UsageError(msg)
    export(out, sys.stdout.buffer, form, tag)


def write_event(event: str, **values: object) -> None:
    """Print one event."""
    write_json({"event": event, **values}, indent=None)
    sys.stdout.flush()


def _request(
    source: Path,
    *,
    reranker: str,
    options: tuple[tuple[str, object], ...],
    top_k: int | None,
    config_path: Path | None,
    **given: Any,  # noqa: ANN401  # those below
) -> Request:
    import resift
    from resift_batch.job import Request
    from resift_batch.layout import Columned
    from resift_batch.queries import Limits
    from resift_batch.source import Source

    config = find_config(config_path)
    chosen: dict[str, Any] = dict(options)
    loaded = resift.load(reranker, top_k=top_k, config=config, **chosen)
    if not loaded.can_score:
        msg = f"{loaded.who} only merges lists: it cannot rank candidates by a query."
        raise resift.InputError(msg, remedy="Choose a reranker that scores.")
    names = ("query", "qid", "candidates", "id", "text")
    columns = Columned(
        **{name: given.pop(name) for name in names},
        more=[c for c in loaded.columns or () if not c.startswith("_")],
    )
    return Request(
        source=Source.found(
            source,
            given.pop("layout"),
            columns,
            given.pop("queries"),
            given.pop("corpus"),
        ),
        reranker=loaded,
        wrappers=_wrappers(config),
        limits=Limits(given.pop("max_candidates"), given.pop("max_text")),
        **given,
    )


def _wrappers(config: Config) -> tuple[str, ...]:
    """Return the config's wrappers that are names: a table may hold a secret."""
    for wrapper in config.wrappers:
        if not isinstance(wrapper, str):
            name = wrapper.get("use")
            note(f"the wrapper {name!r} has options, so that workers do not use it.")
    return tuple(w for w in config.wrappers if isinstance(w, str))


def _engine(
    engine: str, workers: int | None, devices: str | None, threads: int
) -> Engine:
    from resift_batch.engine import LocalEngine

    cores = len(os.sched_getaffinity(0))
    if engine == "ray":
        from resift_batch.ray_engine import RayEngine

        if devices is not None:
            msg = "--devices has no effect with Ray, which hands out devices itself."
            raise click.UsageError(msg)
        return RayEngine(workers or max(1, cores // threads), threads)
    if devices is None:
        return LocalEngine(workers or max(1, cores // threads), threads)
    names = [name.strip() for name in devices.split(",")]
    if workers not in (None, len(names)):
        msg = f"--workers must be one for each device ({len(names)}), got {workers}."
        raise click.UsageError(msg)
    return LocalEngine(len(names), threads, names)


@contextmanager
def _progress(
    job: Job, tell: Callable[..., None] | None
) -> Iterator[Callable[[Done], None]]:
    """Show what is done on standard error, or tell it as events."""
    from rich import progress as bars

    if tell is not None:
        yield lambda done: tell("part", **asdict(done))
        return
    columns = (
        bars.TextColumn("Reranking"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    before = sum(done.queries for done in job.done.values())
    console = progress_console()
    shown = bars.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    )
    with shown as progress:
        task = progress.add_task("", total=job.queries, completed=before)
        yield lambda done: progress.advance(task, done.queries)
