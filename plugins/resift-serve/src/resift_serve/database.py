"""`Database`: the tables of a LanceDB that may be searched."""

from __future__ import annotations

import threading
from typing import Any, TypeAlias

import pyarrow as pa

from resift.errors import InputError

__all__ = ["Database", "shown"]

_Value: TypeAlias = Any  # what JSON can hold


class Database:
    """One LanceDB; its tables are opened when they are asked for.

    Args:
        address: Where it is.

    Raises:
        InputError: If LanceDB is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            import lancedb
        except ImportError as error:
            msg = "--db needs LanceDB: pip install 'resift[lancedb]'"
            raise InputError(msg) from error
        self._connection = lancedb.connect(address)
        self._lock = threading.Lock()
        self._open: dict[str, Any] = {}

    def tables(self) -> list[str]:
        """Return the names of its tables."""
        return sorted(self._connection.list_tables().tables)

    def search(
        self, table: str, query: str, *, reranker: object, limit: int, timeout: float
    ) -> pa.Table:
        """Return the best rows of a table, by its indices and a reranker.

        Raises:
            InputError: If there is no such table, or it cannot be searched.
        """
        from resift.lancedb import search

        return search(
            self._table(table), query, reranker=reranker, limit=limit, timeout=timeout
        )

    def _table(self, name: str) -> Any:  # noqa: ANN401  # lancedb types its tables loosely
        with self._lock:
            if name not in self._open:
                names = self.tables()
                if name not in names:
                    known = ", ".join(map(repr, names)) or "none"
                    msg = f"There is no table of that name. Tables: {known}."
                    raise InputError(msg)
                self._open[name] = self._connection.open_table(name)
            table = self._open[name]
            table.checkout_latest()
            return table


def shown(value: object, most: int) -> _Value:
    """Return a value of a row as JSON can hold it, texts cut to *most* characters."""
    if isinstance(value, str):
        return value if len(value) <= most else f"{value[:most]}\u2026"
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, list | tuple):
        return [shown(item, most) for item in value[:20]]
    if isinstance(value, dict):
        return {str(k): shown(item, most) for k, item in value.items()}
    return shown(str(value), most)
