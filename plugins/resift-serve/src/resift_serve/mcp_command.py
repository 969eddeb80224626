"""``resift mcp``: the configured rerankers as tools of agents."""

from __future__ import annotations

from pathlib import Path

import click

from resift_cli.authors import config_option, find_config

__all__ = ["mcp"]


@click.command("mcp")
@click.option("--db", metavar="ADDRESS", help="LanceDB that agents may search.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds for a call.",
)
@config_option
def mcp(db: str | None, timeout: float, config_path: Path | None) -> None:
    """Give agents the rerankers of the config as tools, over standard input and output.

    The tools are 'rerank' and, with --db, 'search'. A text that could not be reranked
    is an error and never an order that only looks like one.

    \b
    Examples:
      resift mcp
      resift mcp --db ./db --config search.toml
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from importlib.util import find_spec

    from resift import Registry

    config = find_config(config_path)
    if not config.rerankers:
        msg = (
            f"{config.where()} names no reranker. Add a table [rerankers.NAME] to "
            "resift.toml."
        )
        raise click.UsageError(msg)
    if find_spec("mcp") is None:
        msg = "resift mcp needs the MCP package: pip install 'resift-serve[mcp]'"
        raise click.ClickException(msg)
    from resift_serve.agents import agents_server
    from resift_serve.database import Database

    database = None if db is None else Database(db)
    with Registry(config) as registry:
        agents_server(registry, database, timeout).run("stdio")
