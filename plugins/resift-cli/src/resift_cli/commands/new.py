"""`resift new`: write a package for a reranker of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from resift_cli.scaffold.package import Kind, License

__all__ = ["new"]

_NEXT = """
Next:
  cd {folder}
  pip install -e ".[test]"
  pytest                    # the contract holds
  resift show {name}
  $EDITOR {module}.py
"""


@click.command
@click.argument("name")
@click.option("--merger", is_flag=True, help="Merge lists instead of scoring.")
@click.option("--http", is_flag=True, help="Ask a server over HTTP.")
@click.option(
    "--license",
    "license_",
    type=click.Choice(["Apache-2.0", "BSD-3-Clause", "MIT"], case_sensitive=False),
    default="Apache-2.0",
    show_default=True,
    help="Its licence.",
)
@click.option("--author", help="Who wrote it and holds the copyright.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where to write it; a folder of its name here by default.",
)
def new(
    name: str,
    *,
    merger: bool,
    http: bool,
    license_: License,
    author: str | None,
    folder: Path | None,
) -> None:
    """Write a package for a reranker of your own.

    It is called NAME and ready to be published. One module that works, an entry point,
    the contract as its tests, a README, and workflows that test and publish it. Nothing
    is overwritten.

    \b
    Examples:
      resift new word-overlap
      resift new votes --merger --license MIT --author "Ada Lovelace"
      resift new our-server --http
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift_cli.scaffold import Package

    if merger and http:
        msg = "--merger and --http exclude each other. Give one of them."
        raise click.UsageError(msg)
    kind: Kind = "merger" if merger else "http" if http else "reranker"
    package = Package(name, kind, license_, author)
    where = folder or Path(package.distribution)
    for path in package.write(where):
        click.echo(path)
    text = _NEXT.format(folder=where, name=package.name, module=package.module)
    click.echo(text, err=True, nl=False)
