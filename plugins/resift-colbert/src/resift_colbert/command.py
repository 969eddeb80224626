"""``resift colbert-index``: fill a column of a LanceDB table with token embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from resift.errors import InputError
from resift_cli.authors import RerankerName, config_option

if TYPE_CHECKING:
    from pathlib import Path

    from lancedb.table import Table

    from resift_colbert.indexing import Indexed
    from resift_colbert.reranker import ColBERT

__all__ = ["colbert_index"]


@click.command
@click.argument("database")
@click.argument("table")
@click.option("--text", default="text", show_default=True, help="Column of texts.")
@click.option("--column", help="Column to fill; the reranker's own, or colbert.")
@click.option(
    "-r",
    "--reranker",
    type=RerankerName(),
    default="colbert",
    show_default=True,
    help="Reranker whose model encodes; one from the config file, say.",
)
@config_option
@click.option("--model", help="Checkpoint: a folder, or a name on the Hub.")
@click.option("--revision", help="Branch, tag or commit of the checkpoint.")
@click.option("--device", help="Where the model runs: cpu, cuda, mps.")
@click.option("--dtype", help="Precision of the weights: float32, float16, bfloat16.")
@click.option("--batch-size", type=int, help="Documents that are encoded together.")
@click.option("--document-length", type=int, help="Tokens of a document to read.")
@click.option("--local-files-only", is_flag=True, help="Never download anything.")
@click.option("--float16", is_flag=True, help="Store half precision: half the size.")
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Rows to write at once: what a kill can lose.",
)
@click.option("--overwrite", is_flag=True, help="Drop the column, and fill all of it.")
def colbert_index(
    database: str,
    table: str,
    text: str,
    column: str | None,
    rows: int,
    *,
    float16: bool,
    overwrite: bool,
    **reranker: Any,  # noqa: ANN401  # click's own
) -> None:
    """Fill a column of TABLE in DATABASE with token embeddings for reranking.

    Rows that are filled stay as they are: run it again to resume after a stop, or when
    rows were added. DATABASE is a folder or a URI that LanceDB knows.

    \b
    Example:
      resift colbert-index my-db docs --column colbert --float16
      resift search my-db docs "red fox" -r colbert -o embeddings=colbert
    """  # noqa: D301  # click reads the backspace
    from resift_colbert.indexing import index

    plugin = _plugin(**reranker)
    column = column or plugin.embeddings or "colbert"
    opened = _opened(database, table)
    plugin.warmup()  # what loading prints would tear the bar
    with _bar(column) as on_progress:
        done = index(
            opened,
            plugin,
            text=text,
            column=column,
            float16=float16,
            rows=rows,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    click.echo(_summary(done, column, plugin))


def _plugin(
    reranker: str, config_path: Path | None, **options: Mapping[str, object]
) -> ColBERT:
    """Build the reranker, with the options that were given on the command line."""
    import resift
    from resift_colbert.reranker import ColBERT

    given: dict[str, Any] = {name: value for name, value in options.items() if value}
    loaded = resift.load(reranker, config=config_path or ..., **given)
    if not isinstance(loaded.plugin, ColBERT):
        msg = (
            f"--reranker must name a colbert reranker, but {reranker!r} "
            f"is a {type(loaded.plugin).__name__}."
        )
        raise InputError(msg, who="colbert-index")
    loaded.plugin.show_progress = False  # there is a bar already
    return loaded.plugin


def _opened(database: str, name: str) -> Table:
    try:
        import lancedb
    except ModuleNotFoundError as error:
        msg = (
            "colbert-index needs LanceDB, which is not installed: pip install "
            "'resift-colbert[lancedb]'"
        )
        raise InputError(msg) from error
    connection = lancedb.connect(database)
    try:
        return connection.open_table(name)
    except ValueError as error:
        names = connection.list_tables().tables
        tables = ", ".join(map(repr, names)) or "none: is it a LanceDB?"
        msg = f"{database!r} has no table {name!r}. Tables: {tables}."
        raise InputError(msg, who="colbert-index") from error


@contextmanager
def _bar(column: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(column, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(done: Indexed, column: str, plugin: ColBERT) -> str:
    lines = [f"{column}: {done.rows} rows filled, {done.kept} were filled before."]
    if done.rows:
        lines.append(f"{done.tokens} token embeddings, {done.blank} rows without text.")
    if done.cut:
        length = plugin.encoder().document_length
        lines.append(
            f"{done.cut} rows are longer than the {length:g} tokens that the model "
            "reads: the rest was left out (--document-length)."
        )
    if done.rows:
        lines.append("Now run table.optimize(): it joins pieces and updates indexes.")
    return "\n".join(lines)
