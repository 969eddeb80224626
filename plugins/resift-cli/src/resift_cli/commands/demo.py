"""`resift demo`: a search engine over your Python's documentation, reranked."""

from __future__ import annotations

import platform
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import click

from resift_cli.databases import require_lancedb
from resift_cli.output import console, json_option, progress_console, write_json

if TYPE_CHECKING:
    from rich.progress import Progress

    from resift_cli.databases import LanceTable
    from resift_cli.demo.experiment import Measured

__all__ = ["demo"]

QUESTIONS = (
    "replace every match of a pattern and tell me how many there were",
    "how many days does a month have",
)
LEGEND = "✓ a right answer   ▲▼ places moved from the full text's list"


@click.command
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the database in DIR, to search it afterwards.",
)
@click.option("-q", "--query", multiple=True, help="Ask this instead. Repeat it.")
@json_option
def demo(*, keep: Path | None, query: tuple[str, ...], as_json: bool) -> None:
    """See reranking at work on your Python's docs.

    Builds a search engine over them, and reranks what it finds. The documents are the
    docstrings of the standard library of the Python that runs this, several thousand,
    read from its source. They go into a LanceDB in a temporary folder, with a full-text
    index and with vectors: static embeddings where resift-static is installed, else
    hashed words. A few questions are then asked in six ways, side by side, and a
    hundred judged questions that come with resift measure each way by nDCG@10. Nothing
    is downloaded.

    \b
    Examples:
      resift demo
      resift demo --keep demo-db
      resift demo -q "how do I undo a commit in a database"
    """  # noqa: D301  # click keeps the lines after a \b as they are
    require_lancedb("demo")
    if any(not question.strip() for question in query):
        msg = "must not be blank"
        raise click.BadParameter(msg, param_hint="'--query'")
    with tempfile.TemporaryDirectory(
        prefix="resift-demo-", ignore_cleanup_errors=True
    ) as temporary:
        engine = _built(keep or Path(temporary))
        if as_json:
            write_json(_as_json(engine))
            return
        _show_head(engine)
        for question in query or QUESTIONS:
            _show_question(engine, question)
        _show_measures(engine)
    _show_next(keep)


@dataclass(frozen=True)
class _Engine:
    """The search engine that was built: its table, and the names in it."""

    table: LanceTable
    names: frozenset[str]
    seconds: float


def _built(folder: Path) -> _Engine:
    """Read the corpus and index it, with a progress bar."""
    with _progress() as progress:
        started = time.perf_counter()
        from resift_cli.demo.database import build, read_corpus

        task = progress.add_task("reading the standard library")
        corpus = read_corpus(
            lambda done, total: progress.update(task, completed=done, total=total)
        )
        task = progress.add_task(f"indexing {len(corpus):,} docstrings")
        table = build(
            folder,
            corpus,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    names = frozenset(document.name for document in corpus)
    return _Engine(table, names, time.perf_counter() - started)


def _measured(engine: _Engine) -> list[Measured]:
    """Ask the judged questions by every method, with a progress bar."""
    from resift_cli.demo.evaluation import answerable, judgements
    from resift_cli.demo.experiment import METHODS, measure

    judged = answerable(judgements(), engine.names)
    with _progress() as progress:
        task = progress.add_task(
            f"asking {len(judged)} judged questions", total=len(judged) * len(METHODS)
        )
        return measure(
            engine.table, judged, progress=lambda: progress.update(task, advance=1)
        )


def _show_head(engine: _Engine) -> None:
    from rich.text import Text

    python = platform.python_version()
    console().print(
        Text.assemble(
            ("resift demo", "bold"),
            f"  {len(engine.names):,} docstrings of Python {python}, ",
            f"read and indexed in {engine.seconds:.1f} s\n",
            (LEGEND, "dim"),
        )
    )


def _show_question(engine: _Engine, question: str) -> None:
    from rich.text import Text

    from resift_cli.demo.evaluation import judgements
    from resift_cli.demo.experiment import METHODS
    from resift_cli.demo.report import side_by_side

    rankings = {
        method.name: method.search(engine.table, question)
        for method in METHODS
        if method.name != "bm25"  # measured below; six do not fit side by side
    }
    answers = judgements().get(question, frozenset())
    terminal = console()
    terminal.print(Text(f"\n“{question}”", style="bold cyan"))
    terminal.print(side_by_side(rankings, answers, terminal.width))


def _show_measures(engine: _Engine) -> None:
    from rich.text import Text

    from resift_cli.demo.database import is_static
    from resift_cli.demo.report import measures, verdict

    measured = _measured(engine)
    static = is_static(engine.table)
    terminal = console()
    n = len(measured[0].ndcg)
    terminal.print(
        Text(f"\n{n} judged questions, the right answers known", style="bold cyan")
    )
    terminal.print(measures(measured, static=static))
    terminal.print(
        Text("[ ]: 95 % interval of the difference   p: of a randomisation test", "dim")
    )
    terminal.print(Text(f"\n{verdict(measured, static=static)}"))


def _show_next(keep: Path | None) -> None:
    """Say which three commands to type next; each works as it stands."""
    from rich.text import Text

    folder = shlex.quote(str(keep or "demo-db"))
    steps = [
        *([] if keep else [f"resift demo --keep {folder}"]),
        f'resift search {folder} stdlib "read a zip file" -n 3 --explain',
        'python -m this | resift rank "what about errors" --top-k 3',
        *(["resift show dbsf"] if keep else []),
    ]
    console().print(Text("\nNow try", style="bold cyan"))
    for step in steps:
        console().print(Text(f"  {step}"), soft_wrap=True)


def _as_json(engine: _Engine) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "documents": len(engine.names),
        "methods": {
            one.method.name: {
                "ndcg@10": fmean(one.ndcg),
                "rr": fmean(one.reciprocal_ranks),
                "questions": len(one.ndcg),
                "seconds": one.seconds,
            }
            for one in _measured(engine)
        },
    }


def _progress() -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=progress_console(),
        transient=True,
    )
