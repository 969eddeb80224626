"""`resift rank`: rank the lines of a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from resift.cli.output import (
    console,
    is_terminal,
    json_option,
    note,
    write_json,
    write_rows,
)
from resift.cli.parameters import load, reranker_options
from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from resift.cli.results import Result
    from resift.ranking import RankedDocument

__all__ = ["rank"]


@click.command
@click.argument("query")
@click.argument("file", type=click.File("rb"), default="-")
@reranker_options
@click.option("-k", "--top-k", type=click.IntRange(min=1), help="Results to show.")
@click.option("--text", metavar="FIELD", help="JSON field that holds the text. [text]")
@click.option("--jsonl/--lines", default=None, help="What FILE holds; else guessed.")
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
    text: str | None,
    jsonl: bool | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Rank the lines of FILE by how well they answer QUERY.

    FILE holds one document per line: plain text, or JSON objects with a text field.
    Without FILE, or with '-', documents are read from standard input. Without
    --reranker the config's default is used, else bm25, which needs no model.

    Piped, each line of output holds rank, score, line number and text, separated by
    tabs. --json, or --explain when piped, prints one JSON object per line.

    \b
    Examples:
      python -m this | resift rank "what about errors"
      resift rank "red fox" animals.txt --top-k 3
      resift rank "red fox" animals.jsonl --text body --json
      resift rank "red fox" animals.txt -r cascade \\
          -o 'stages=["bm25", "cross-encoder"]' -o 'keep=[50]'
    """  # noqa: D301  # click keeps the lines after a \b as they are
    documents, lines = _read(file, jsonl=jsonl)
    with load(
        reranker,
        "bm25",
        options=options,
        merge=merge,
        config_path=config_path,
        text=text,
    ) as loaded:
        ranked = loaded.rank(query, documents, top_k)
        field = loaded.text
    for sentence in ranked.notes:
        note(sentence)
    if as_json or (explain and not is_terminal()):
        for item in ranked:
            write_json(_as_json(item, lines[item.index], explain=explain), indent=None)
    elif is_terminal():
        _print([_result(item, field) for item in ranked], explain=explain)
    else:
        write_rows(
            (item.rank, item.score, lines[item.index], _text(item.document, field))
            for item in ranked
        )


def _read(file: BinaryIO, *, jsonl: bool | None) -> tuple[list[Any], list[int]]:
    """Return the documents and the number of the line each stands on, from 1.

    Raises:
        InputError: If the file is not UTF-8, or a line of a JSON file is not JSON.
    """
    name = "standard input" if file is sys.stdin.buffer else file.name
    if file.isatty():
        note("reading documents from the terminal, one per line; Ctrl-D ends them.")
    try:
        content = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"rank: {name} is not UTF-8 text: {error}."
        raise InputError(msg) from error
    numbered = [
        (number, line.rstrip("\r"))
        for number, line in enumerate(content.split("\n"), start=1)
        if line.strip()
    ]
    lines = [number for number, _ in numbered]
    if jsonl is None:
        jsonl = bool(numbered) and numbered[0][1].lstrip().startswith("{")
    if not jsonl:
        return [line for _, line in numbered], lines
    return [_parsed(line, f"{name}, line {number}") for number, line in numbered], lines


def _parsed(line: str, where: str) -> object:
    try:
        document = json.loads(line)
    except ValueError as error:
        msg = f"rank: {where} is not JSON: {error}. For plain text use --lines."
        raise InputError(msg) from error
    if not isinstance(document, str | dict):
        msg = f"rank: {where} must be a JSON object or string, got {line[:40]!r}."
        raise InputError(msg)
    return document


def _text(document: object, field: str | Sequence[str]) -> str:
    """Return the text to show of a document: what was ranked."""
    if not isinstance(document, dict):
        return str(document)
    fields = [field] if isinstance(field, str) else field
    found = [document.get(name) for name in fields]
    return " ".join(str(value) for value in found if value is not None)


def _as_json(item: RankedDocument, line: int, *, explain: bool) -> dict[str, object]:
    row = {"rank": item.rank, "score": item.score, "line": line}
    columns = {
        k: v for k, v in item.columns.items() if explain or not k.startswith("_")
    }
    return {
        **row,
        "document": item.document,
        **({"columns": columns} if columns else {}),
    }


def _result(item: RankedDocument, field: str | Sequence[str]) -> Result:
    from resift.cli.results import Result, told

    scores, evidence = told(item.columns)
    return Result(
        rank=item.rank,
        score=item.score,
        text=_text(item.document, field),
        ranks={"was": item.index + 1},
        scores=scores,
        evidence=evidence,
    )


def _print(results: Sequence[Result], *, explain: bool) -> None:
    from resift.cli.results import explained, table

    if not results:
        note("there are no documents to rank.")
    elif explain:
        for result in results:
            console().print(*explained(result), sep="")
    else:
        terminal = console()
        terminal.print(table(results, terminal.width))
