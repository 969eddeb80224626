"""`resift cache`: see what is kept, and drop it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from resift_cache.store import Store, Usage

__all__ = ["cache"]

_Command = TypeVar("_Command", bound=Callable[..., object])
_HEADINGS = ("reranker", "scores", "found", "not found", "options")


@click.group()
def cache() -> None:
    """Show or drop the scores that the reranker `cache` keeps."""


def _directory_option(command: _Command) -> _Command:
    return click.option(
        "--directory",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where they are, if not in RESIFT_CACHE_DIR or the user's cache.",
    )(command)


@cache.command()
@_directory_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stats(directory: Path | None, *, as_json: bool) -> None:
    """Show how many scores are kept, and how often they helped.

    \b
    Example:
      resift cache stats --directory scores
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_cli.authors import console, is_terminal, write_json, write_rows

    with _store(directory) as store:
        usage = store.usage() if store.path.exists() else []
        size = store.size() if usage else 0
    rows = [_row(used) for used in usage]
    if as_json:
        write_json(
            {
                "file": str(store.path),
                "bytes": size,
                "rerankers": [
                    {
                        "reranker": json.loads(used.description),
                        "scores": used.entries,
                        "found": used.hits,
                        "not_found": used.misses,
                    }
                    for used in usage
                ],
            }
        )
    elif not is_terminal():
        write_rows(rows)
    else:
        from rich.table import Table

        table = Table(*_HEADINGS, title=f"{store.path}, {size / 1e6:.1f} MB")
        for row in rows:
            table.add_row(*map(str, row))
        console().print(table)


@cache.command()
@_directory_option
@click.option("-r", "--reranker", help="Drop the scores of this reranker only.")
def clear(directory: Path | None, reranker: str | None) -> None:
    """Drop the scores that are kept.

    They are computed again when they are needed. A damaged file is removed too.
    Programs that use the cache may keep running.

    \b
    Example:
      resift cache clear --directory scores -r bm25
    """  # noqa: D301  # click keeps the lines after a \b as they are
    with _store(directory) as store:
        dropped: int | None = 0
        if store.path.exists():
            wanted = None if reranker is None else _of(store, reranker)
            dropped = store.clear(wanted)
    what = "a damaged file" if dropped is None else f"{dropped} scores"
    click.echo(f"Removed {what} from {store.path.parent}", err=True)


@contextmanager
def _store(directory: Path | None) -> Iterator[Store]:
    from resift_cache.store import Store, StoreError, default_directory

    store = Store(directory or default_directory())
    try:
        yield store
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    finally:
        store.close()


def _row(used: Usage) -> tuple[str, int, int, int, str]:
    made_of = json.loads(used.description)
    options = json.dumps(made_of.get("options", {}), ensure_ascii=False)
    return _name(made_of), used.entries, used.hits, used.misses, options


def _name(made_of: dict[str, object]) -> str:
    return f"{made_of['use']} {made_of.get('version', '')}".strip()


def _of(store: Store, reranker: str) -> list[str]:
    """Return the descriptions of the reranker that a user calls *reranker*."""
    known = {u.description: json.loads(u.description)["use"] for u in store.usage()}
    found = [d for d, use in known.items() if reranker in (use, use.partition(":")[2])]
    if not found:
        names = ", ".join(sorted(map(repr, set(known.values())))) or "none"
        msg = f"No scores of {reranker!r} are kept. Rerankers: {names}."
        raise click.ClickException(msg)
    return found
