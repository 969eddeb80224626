"""`resift rank`: rank the lines of a file."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, BinaryIO

import click

from resift.errors import InputError
from resift_cli.documents import Documents, text_of
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
    instruction_option,
    load,
    min_score_option,
    query_argument,
    reranker_options,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from resift import RankedDocument, Reranker
    from resift_cli.results import Result

__all__ = ["rank"]


@click.command(cls=FlaggedCommand)
@query_argument
@click.argument("file", type=click.File("rb"), default="-")
@reranker_options
@click.option(
    "-k",
    "--top-k",
    metavar="N",
    type=click.IntRange(min=1),
    help="Results to show; all by default.",
)
@min_score_option
@instruction_option
@click.option(
    "--text", metavar="FIELD", help="JSON field that holds the text.  [default: text]"
)
@click.option(
    "--jsonl/--lines",
    default=None,
    help="Read JSON Lines, or plain lines; by default FILE shows which.",
)
@click.option("--explain", is_flag=True, help="Show what each stage says.")
@json_option
def rank(
    query: str,
    file: BinaryIO,
    *,
    reranker: str | None,
    options: Sequence[tuple[str, object]],
    merge: str | None,
    config_path: Path | None,
    top_k: int | None,
    min_score: float | None,
    instruction: str | None,
    text: str | None,
    jsonl: bool | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Rank the documents of a file by a query.

    The best answer to QUERY comes first. FILE holds one document per line, plain text
    or JSON objects with a text field (.jsonl, .ndjson), or one JSON array of strings
    or objects (.json); gzip may have compressed it. Without FILE, or with '-',
    documents are read from standard input. Without --reranker the config's default is
    used, else bm25, which needs no model. A reranker that only merges lists is refused.

    Piped, each line of output holds rank, score, line number and text, separated by
    tabs; of an array, the number of the item. --json, or --explain when piped, prints
    one JSON object per line.

    \b
    Examples:
      python -m this | resift rank "what about errors"
      resift rank "red fox" animals.txt --top-k 3
      resift rank "red fox" animals.jsonl.gz --text body --json
      resift rank "red fox" animals.txt -r cascade \\
          -o 'stages=["bm25", "cross-encoder"]' -o 'keep=[50]'
    """  # noqa: D301  # click keeps the lines after a \b as they are
    documents = Documents.read(file, jsonl=jsonl)
    with (
        redirect_stdout(sys.stderr),
        load(  # what a plugin prints is no result
            reranker,
            "bm25",
            options=options,
            merge=merge,
            config_path=config_path,
            text=text,
            min_score=min_score,
            instruction=instruction,
        ) as loaded,
    ):
        _require_scorer(loaded)
        documents.require_text(loaded)
        ranked = loaded.rank(query, documents.content, top_k)
        field = loaded.text
    for sentence in ranked.notes:
        note(sentence)
    if as_json or (explain and not is_terminal()):
        for item in ranked:
            place = {documents.unit: documents.numbers[item.index]}
            write_json(_as_json(item, place, explain=explain), indent=None)
    elif not is_terminal():
        write_rows(
            (i.rank, i.score, documents.numbers[i.index], text_of(i.document, field))
            for i in ranked
        )
    elif ranked:
        _print([_result(item, field) for item in ranked], explain=explain)
    else:
        empty = not documents.content
        note(f"{'there are no documents to rank' if empty else TOO_LOW}.")


def _require_scorer(reranker: Reranker) -> None:
    """Refuse a reranker that only merges: of one list it would return the order.

    Raises:
        InputError: If it does not score.
    """
    if not reranker.can_score:
        msg = (
            f"the reranker must score documents, but {reranker.name!r} only "
            "merges ranked lists, and FILE is one list. Give one that scores with -r, "
            "such as bm25 ('resift list' shows all). To merge the lists of a LanceDB "
            "use 'resift search', to merge your own Reranker.rerank in Python."
        )
        raise InputError(msg, who="rank")


def _as_json(
    item: RankedDocument, place: Mapping[str, int], *, explain: bool
) -> dict[str, object]:
    row = {"rank": item.rank, "score": item.score, **place}
    columns = {
        k: v for k, v in item.columns.items() if explain or not k.startswith("_")
    }
    return {
        **row,
        "document": item.document,
        **({"columns": columns} if columns else {}),
    }


def _result(item: RankedDocument, field: str | Sequence[str]) -> Result:
    from resift_cli.results import Result, told

    scores, evidence = told(item.columns)
    return Result(
        rank=item.rank,
        score=item.score,
        text=text_of(item.document, field),
        ranks={"was": item.index + 1},
        scores=scores,
        evidence=evidence,
    )


def _print(results: Sequence[Result], *, explain: bool) -> None:
    from resift_cli.results import explained, table

    if explain:
        for result in results:
            console().print(*explained(result), sep="")
    else:
        terminal = console()
        terminal.print(table(results, terminal.width))
