"""The columns of `resift check --candidates`: made by a function, or lent by a file."""

from __future__ import annotations

import zlib
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["MakeCandidates", "candidates_from"]

MakeCandidates: TypeAlias = "Callable[[Sequence[str]], pa.Table]"
_FORMATS = (".arrow", ".csv", ".feather", ".json", ".jsonl", ".ndjson", ".parquet")


def candidates_from(path: Path) -> MakeCandidates:
    """Return what makes columns from texts: one row each, equal ones for equal texts.

    Args:
        path: A Python file that defines ``candidates(documents)``, or a table, whose
            rows are lent to the texts.

    Raises:
        InputError: If it is neither.
    """
    if path.suffix == ".py":
        return _function(path)
    if path.suffix not in _FORMATS:
        msg = (
            f"--candidates must end in .py or one of {', '.join(_FORMATS)}, got "
            f"{str(path)!r}. Name a Python file or a table."
        )
        raise InputError(msg, who="check")
    try:
        table = _table(path)
    except (pa.ArrowException, OSError) as error:
        msg = f"{str(path)!r} cannot be read: {error}."
        raise InputError(msg, who="check") from error
    if not table.num_rows:
        msg = f"{str(path)!r} has no row. Give it one at least."
        raise InputError(msg, who="check")

    def lend(documents: Sequence[str]) -> pa.Table:
        keys = [text.encode("utf-8", "surrogatepass") for text in documents]
        return table.take([zlib.crc32(key) % table.num_rows for key in keys])

    return lend


def _function(path: Path) -> MakeCandidates:
    spec = spec_from_file_location("resift_check_candidates", path)
    if spec is None or spec.loader is None:
        msg = f"{str(path)!r} cannot be imported."
        raise InputError(msg, who="check")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found: MakeCandidates = module.candidates
    except AttributeError as error:
        msg = f"{str(path)!r} must define 'candidates(documents)': {error}."
        raise InputError(msg, who="check") from error
    except Exception as error:
        msg = f"{str(path)!r} cannot be imported: {error!r}."
        raise InputError(msg, who="check") from error
    return found


def _table(path: Path) -> pa.Table:
    """Read a table by the name of its file."""
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_table

        return read_table(path)
    if path.suffix == ".csv":
        from pyarrow.csv import read_csv

        return read_csv(path)
    if path.suffix in (".arrow", ".feather"):
        from pyarrow.feather import read_table as read_arrow

        return read_arrow(path)
    from pyarrow.json import read_json

    return read_json(path)
