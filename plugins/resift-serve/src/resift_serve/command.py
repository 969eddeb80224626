"""``resift serve``: any configured reranker over HTTP."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from resift_cli.authors import config_option, find_config

__all__ = ["serve"]

_VARIABLE = "RESIFT_API_KEYS"


def _require_keys(host: str, keys: object) -> None:
    """Refuse to listen beyond this machine without a key."""
    from resift_serve.visit import is_loopback

    if not (keys or is_loopback(host)):
        msg = (
            f"--host {host} can be reached from other machines, which needs a key. Set "
            f"{_VARIABLE}, or give --keys."
        )
        raise click.UsageError(msg)


def _keys(path: Path | None) -> list[str]:
    """Return the keys of a file, one a line, or of the environment."""
    text = os.environ.get(_VARIABLE, "")
    if path is not None:
        text = path.read_text("utf-8")
    return [key for key in re.split(r"[\s,]+", text) if key]


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=7979, show_default=True)
@click.option(
    "--keys",
    "keys_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"File with a key in each line, instead of {_VARIABLE}.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds for a request, waiting included.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    help="Calls of a reranker at once.  [default: 4, or 16 where it asks a server]",
)
@click.option(
    "--queue",
    type=click.IntRange(0),
    default=256,
    show_default=True,
    help="Requests that may wait for a reranker.",
)
@click.option(
    "--max-documents",
    type=click.IntRange(1),
    default=2048,
    show_default=True,
    help="Documents of a request.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1),
    default=8 * 2**20,
    show_default=True,
    help="Bytes of a request.",
)
@click.option(
    "--drain-delay",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds to go on after SIGTERM, so that a load balancer notices.",
)
@click.option("--db", metavar="ADDRESS", help="LanceDB that the playground may search.")
@click.option(
    "--allow-host", multiple=True, help="Name by which it may be called. Repeat it."
)
@click.option(
    "--cors", multiple=True, metavar="ORIGIN", help="Web page that may ask. Repeat it."
)
@config_option
def serve(
    *,
    host: str,
    port: int,
    keys_path: Path | None,
    drain_delay: float,
    db: str | None,
    allow_host: tuple[str, ...],
    cors: tuple[str, ...],
    config_path: Path | None,
    **limits: Any,  # noqa: ANN401  # the fields of Limits, as click has them
) -> None:
    """Serve the rerankers of the config to every client that speaks rerank.

    Clients of Cohere, Jina, Voyage, Text Embeddings Inference, vLLM, infinity, NVIDIA
    and more find their own paths. A request's 'model' is a name of the config.

    The page at / compares rerankers side by side. SIGHUP reads the config again; a
    wrong one changes nothing. SIGTERM answers what is here, then ends. Beyond this
    machine it listens only with keys.

    \b
    Examples:
      resift serve
      resift serve --config search.toml --port 9000
      resift serve --host 0.0.0.0 --keys keys.txt --db ./db
    """  # noqa: D301  # click keeps the lines after a \b as they are
    from resift import Registry
    from resift_serve.app import application
    from resift_serve.database import Database
    from resift_serve.limits import Limits
    from resift_serve.server import Server
    from resift_serve.service import Service

    config = find_config(config_path)
    if not config.rerankers:
        msg = (
            f"{config.where()} names no reranker, and nothing else is served. Add a "
            "table [rerankers.NAME] to resift.toml."
        )
        raise click.UsageError(msg)
    keys = _keys(keys_path)
    _require_keys(host, keys)
    hosts = None
    if allow_host or not keys:
        hosts = ("localhost", "127.0.0.1", "[::1]", host, *allow_host)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    known = {field.name for field in fields(Limits)}
    service = Service(
        Registry(config.path), Limits(**{k: v for k, v in limits.items() if k in known})
    )
    database = None if db is None else Database(db)
    app = application(service, database=database, keys=keys, hosts=hosts, origins=cors)
    server = Server(app, service, host=host, port=port, drain_delay=drain_delay)
    try:
        server.run()
    finally:
        service.close()
