"""The command line: `resift`.

Results go to standard output and nothing else does: a table on a terminal, lines
separated by tabs when piped, JSON with ``--json``. Notes, progress and errors go to
standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import click

from resift import __version__
from resift_cli.group import Commands

__all__ = ["main"]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
)
@click.version_option(__version__, prog_name="resift")
@click.option("--traceback", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(context: click.Context, *, traceback: bool) -> None:
    """Rerank search results with any reranker, picked by name.

    Start with `resift demo`: it builds a small search engine over the documentation
    of your own Python and shows what reranking does to its results.
    """
    context.obj = {"traceback": traceback}
