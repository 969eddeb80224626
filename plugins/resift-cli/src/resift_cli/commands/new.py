"""`resift new`: write a package for a reranker of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from resift_cli.scaffold.package import Kind, License

__all__ = ["new"]

_NEXT = """
Next:
  cd {folder}
  pip install -e ".[test]"
  pytest                    # {holds}
  {look}
  $EDITOR {module}.py
"""
_LOOKS = {"wrapper": "resift doctor", "command": "resift {name} --help"}
"""What shows that it is there, where it is no reranker."""


@click.command
@click.argument("name")
@click.option("--merger", is_flag=True, help="Merge lists instead of scoring.")
@click.option("--http", is_flag=True, help="Ask a server over HTTP.")
@click.option(
    "--composite", is_flag=True, help="Change the scores of another reranker."
)
@click.option("--wrapper", is_flag=True, help="Watch rerankers at work.")
@click.option("--command", is_flag=True, help="Add a command to this command line.")
@click.option(
    "--license",
    "license_",
    type=click.Choice(["Apache-2.0", "BSD-3-Clause", "MIT"], case_sensitive=False),
    default="Apache-2.0",
    show_default=True,
    help="Licence of the package.",
)
@click.option("--author", help="Author, who holds the copyright.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where to write it; by default a folder of that name here.",
)
def new(
    name: str,
    *,
    license_: License,
    author: str | None,
    folder: Path | None,
    **kinds: bool,
) -> None:
    """Write a package for a reranker of your own.

    Or for a wrapper, or a command. The package is called NAME and is ready to publish:
    a module that works, an entry point, the contract as its tests, a README, and
    workflows that test and publish it. Nothing is overwritten.

    \b
    Examples:
      resift new word-overlap
      resift new votes --merger --license MIT --author "Ada Lovelace"
      resift new our-server --http
      resift new phrase --composite
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_cli.scaffold import Package

    given = [kind for kind, wanted in kinds.items() if wanted]
    if len(given) > 1:
        flags = " and ".join(f"--{kind}" for kind in given)
        msg = f"{flags} exclude each other. Give one of them."
        raise click.UsageError(msg)
    kind = cast("Kind", given[0] if given else "reranker")
    package = Package(name, kind, license_, author)
    where = folder or Path(package.distribution)
    for path in package.write(where):
        click.echo(path)
    text = _NEXT.format(
        folder=where,
        holds="it works" if kind == "command" else "the contract holds",
        look=_LOOKS.get(kind, "resift show {name}").format(name=package.name),
        module=package.module,
    )
    click.echo(text, err=True, nl=False)
