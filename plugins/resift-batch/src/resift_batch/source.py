"""Sources: what a job reads its queries from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from resift.errors import InputError
from resift_batch.layout import Columned, Lists, Pairs, layout_of
from resift_batch.plan import Part, planned
from resift_batch.queries import Queries
from resift_batch.rows import LanceRows, Rows, rows_of

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """A table of queries and candidates.

    Args:
        path: The file or folder.
        rows: Its rows.
        layout: How queries and candidates stand in them.
    """

    path: Path
    rows: Rows
    layout: Lists | Pairs

    @classmethod
    def found(cls, path: Path, layout: str, columns: Columned) -> Self:
        """Return the source that *path* is.

        Raises:
            InputError: If it cannot be read, or lacks a column.
        """
        if not path.exists():
            msg = f"{path} is not there."
            raise InputError(msg)
        rows = rows_of(path)
        return cls(path, rows, layout_of(rows, layout, columns, str(path)))

    @classmethod
    def opened(cls, table: Mapping[str, Any], out: Path) -> Self:
        """Return the source that a manifest describes."""
        del out
        path = Path(table["paths"][0])
        given = dict(table["layout"])
        kind = {"lists": Lists, "pairs": Pairs}[given.pop("layout")]
        version = table.get("version")
        rows = rows_of(path) if version is None else LanceRows(path, version)
        return cls(path, rows, kind(**given))

    def table(self) -> dict[str, object]:
        """Return it as plain data."""
        found: dict[str, object] = {
            "paths": [str(self.path.resolve())],
            "layout": self.layout.table(),
        }
        if isinstance(self.rows, LanceRows):
            found["version"] = self.rows.version
        return found

    def plan(self, size: int | None) -> list[Part]:
        """Return the parts to do it in."""
        return planned(self.layout, self.rows, size, str(self.path))

    def read(self, part: Part) -> Queries:
        """Return the queries of a part."""
        return self.layout.read(self.rows, part.row, part.rows)
