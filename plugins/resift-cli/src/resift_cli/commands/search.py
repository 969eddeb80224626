"""`resift search`: search a LanceDB table, and see what reranking does."""

from __future__ import annotations

import math
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resift_cli.databases import open_table, require_lancedb
from resift_cli.flags import FlaggedCommand
from resift_cli.output import (
    console,
    is_terminal,
    json_option,
    note,
    write_json,
    write_rows,
)
from resift_cli.parameters import (
    TOO_LOW,
    Number,
    instruction_option,
    load,
    min_score_option,
    query_argument,
    reranker_options,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from click.shell_completion import CompletionItem

    from resift import Reranker
    from resift_cli.databases import LanceTable
    from resift_cli.page import Page

__all__ = ["search"]


class _TableName(click.ParamType):  # type: ignore[type-arg]  # of late generic
    """A table's name; the shell completes it from the database's folder."""

    name = "table"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002  # click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        folders = Path(ctx.params.get("database") or ".").glob(f"{incomplete}*.lance")
        return [CompletionItem(folder.stem) for folder in sorted(folders)]


def _weight(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, float] | None:
    """Read ``COLUMN=NUMBER`` pairs."""
    weights = {}
    for value in values:
        column, _, number = value.rpartition("=")
        try:
            weights[column] = float(number)
        except ValueError:
            weights[column] = math.nan
        if not column or not weights[column] >= 0:
            msg = (
                f"must look like COLUMN=NUMBER, the number not negative, got {value!r}."
            )
            raise click.BadParameter(msg, context, parameter)
    return weights or None


@click.command(cls=FlaggedCommand)
@click.argument("database", type=click.Path(exists=True, file_okay=False))
@click.argument("table", type=_TableName())
@query_argument
@reranker_options
@click.option(
    "-n",
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Rows of a page.",
)
@click.option(
    "--offset",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Rows before the page.",
)
@min_score_option
@instruction_option
@click.option(
    "--window",
    metavar="N",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Rows that each leg fetches, and that are scored.",
)
@click.option("--where", metavar="SQL", help="Filter, applied before searching.")
@click.option(
    "--select", metavar="COLUMNS", help="Columns to show, separated by commas."
)
@click.option(
    "--text", metavar="COLUMN", help="Column that holds the text.  [default: text]"
)
@click.option(
    "--vector",
    "vectors",
    metavar="COLUMN",
    multiple=True,
    help="Vector column to search, instead of all. Repeat it.",
)
@click.option(
    "--fts",
    metavar="COLUMN",
    multiple=True,
    help="Full-text column to search, instead of all. Repeat it.",
)
@click.option("--no-vector", is_flag=True, help="Search no vector column.")
@click.option("--no-fts", is_flag=True, help="Search no full-text column.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="COLUMN=NUMBER",
    callback=_weight,
    help="What a leg counts for in the merge; 1 by default. Repeat it.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Number(min=0, min_open=True),
    help="How long a search may take; a leg that is late is left out.",
)
@click.option("--explain", is_flag=True, help="Show what each leg and stage says.")
@json_option
def search(database: str, table: str, query: str, **given: Any) -> None:  # noqa: ANN401  # click's own
    """Search a LanceDB table, and rerank the hits.

    TABLE is in the LanceDB in the folder DATABASE. Each vector column that has an
    embedding function and each full-text index is a leg of the search; what the legs
    find is merged, then scored. Without --reranker the config's default is used, else
    rrf. Each result shows its rank in each leg and how far it has moved.

    Piped, each line holds rank, score and the columns shown, separated by tabs.
    --json, or --explain when piped, prints one JSON object per line.

    \b
    Examples (`resift demo --keep demo-db` makes the database):
      resift search demo-db stdlib "sort a list"
      resift search demo-db stdlib "sort a list" -r dbsf --weight vector=0.5
      resift search demo-db stdlib "sort a list" -n 3 --explain
      resift search demo-db stdlib "sort a list" --where "kind = 'function'"
      resift search demo-db stdlib "sort a list" --select name | head -3
    """  # noqa: D301  # click keeps the lines after a \b as they are
    _require_sense(given)
    require_lancedb("search")
    opened = open_table(database, table, embeds=not given["no_vector"])
    with (
        redirect_stdout(sys.stderr),
        load(  # what a plugin prints is no result
            given["reranker"],
            "rrf",
            options=given["options"],
            merge=given["merge"],
            config_path=given["config_path"],
            text=given["text"],
        ) as reranker,
    ):
        page = _search(opened, query, reranker, given)
    _print(page, given)


def _require_sense(given: Mapping[str, Any]) -> None:
    """Refuse flags that contradict each other.

    Raises:
        UsageError: If one flag forbids what another asks for.
    """
    for kind, columns in (("vector", given["vectors"]), ("fts", given["fts"])):
        if columns and given[f"no_{kind}"]:
            msg = f"--{kind} and --no-{kind} exclude each other. Give one of them."
            raise click.UsageError(msg)
    if given["no_vector"] and given["no_fts"]:
        msg = "--no-vector and --no-fts leave nothing to search. Give one of them."
        raise click.UsageError(msg)
    offset, limit, window = given["offset"], given["limit"], given["window"]
    if offset + limit > window:
        msg = (
            f"--offset + --limit ({offset} + {limit}) must not go beyond --window "
            f"({window}). Raise --window, and keep it the same for all pages."
        )
        raise click.UsageError(msg)


def _search(
    table: LanceTable, query: str, reranker: Reranker, given: Mapping[str, Any]
) -> Page:
    import resift.lancedb
    from resift.authors import notes_of
    from resift_cli.page import Page

    select = given["select"]
    found = resift.lancedb.search(
        table,
        query,
        reranker=reranker,
        vectors=False if given["no_vector"] else (given["vectors"] or None),
        fts=False if given["no_fts"] else (given["fts"] or None),
        where=given["where"],
        select=select and [name.strip() for name in select.split(",")],
        limit=given["limit"],
        offset=given["offset"],
        window=given["window"],
        weights=given["weights"],
        min_score=given["min_score"],
        instruction=given["instruction"],
        explain=True,  # the ranks before are always shown
        timeout=given["timeout"],
    )
    for sentence in notes_of(found):
        note(sentence)
    text = reranker.text if isinstance(reranker.text, str) else reranker.text[0]
    return Page(found, text, given["offset"] + 1, scored=reranker.can_score)


def _print(page: Page, given: Mapping[str, Any]) -> None:
    from resift_cli.results import explained, table

    explain = given["explain"]
    if given["as_json"] or (explain and not is_terminal()):
        for row in page.objects(explain=explain):
            write_json(row, indent=None)
    elif not is_terminal():
        write_rows(page.lines())
    elif not page.rows:
        too_low = given["min_score"] is not None
        note(f"{TOO_LOW if too_low else 'nothing was found'}.")
    elif explain:
        for result in page.results():
            console().print(*explained(result), sep="")
    else:
        terminal = console()
        terminal.print(table(page.results(), terminal.width))
