"""Local LanceDBs: opened, or a word on why that is not possible."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, TypeAlias

from resift.errors import InputError

__all__ = ["LanceTable", "open_table", "require_lancedb"]

LanceTable: TypeAlias = Any  # lancedb types its tables loosely


def require_lancedb(command: str) -> None:
    """Refuse to go on without LanceDB.

    Raises:
        InputError: With what to install.
    """
    if find_spec("lancedb") is None:
        msg = f"{command} needs LanceDB: pip install 'resift[lancedb]'"
        raise InputError(msg)


def open_table(database: str, name: str, *, embeds: bool) -> LanceTable:
    """Open a table; the demo's vectors are made known where it is the demo's.

    Args:
        database: The folder of the database.
        name: The table.
        embeds: Whether its embedding functions are needed.

    Raises:
        InputError: If there is no such table, or its embedding function is unknown.
    """
    import lancedb

    from resift_cli.demo.database import is_demo

    connection = lancedb.connect(database)
    try:
        table = connection.open_table(name)
    except ValueError as error:
        names = connection.list_tables().tables
        tables = ", ".join(map(repr, names)) or "none"
        msg = f"{database!r} has no table {name!r}. Tables: {tables}."
        raise InputError(msg, who="search") from error
    if is_demo(table):
        import resift_cli.demo.embedding  # noqa: F401  # registers itself with lancedb
    try:
        _ = embeds and table.embedding_functions  # looked up when first read
    except KeyError as error:
        msg = (
            f"table {name!r} was written with the embedding function {error}, "
            "which is not registered here. Search it with --no-vector, or from Python "
            "after importing the module that registers it."
        )
        raise InputError(msg, who="search") from error
    return table
