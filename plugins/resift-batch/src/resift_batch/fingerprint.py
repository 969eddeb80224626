"""Fingerprints: what a job depends on, so that another one never goes on with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from resift.errors import InputError

__all__ = ["Input", "models", "versions"]

_CHUNK = 1 << 20


class Input:
    """The files that a job reads.

    Args:
        paths: Files, and folders of files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def table(self) -> list[dict[str, object]]:
        """Return the name, size, time and content's digest of each file."""
        return [
            {**_state(file), "blake2b": _digest(file)} for file in _files(self._paths)
        ]

    def same(self, table: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether the files are those of *table*, by content where in doubt."""
        files = list(_files(self._paths))
        if len(files) != len(table):
            return False
        for file, known in zip(files, table, strict=True):
            state = _state(file)
            if (state["name"], state["bytes"]) != (known["name"], known["bytes"]):
                return False
            moved = state["modified"] != known["modified"]
            if moved and _digest(file) != known["blake2b"]:
                return False
        return True

    def require_untouched(self, table: Sequence[Mapping[str, Any]]) -> None:
        """Refuse files that were written since *table* was made.

        Raises:
            InputError: If one was.
        """
        states = [_state(file) for file in _files(self._paths)]
        known = [{k: v for k, v in row.items() if k != "blake2b"} for row in table]
        if states != known:
            names = ", ".join(map(str, self._paths))
            msg = f"{names} changed while it was read."
            raise InputError(msg, remedy="Start again with --overwrite.")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        else:
            yield path


def _state(file: Path) -> dict[str, object]:
    status = file.stat()
    return {"name": file.name, "bytes": status.st_size, "modified": status.st_mtime_ns}


def _digest(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def versions(table: Mapping[str, object]) -> dict[str, str]:
    """Return the versions of what takes part in ranking, by distribution.

    Args:
        table: What `Reranker.settings` says.
    """
    names = {"resift", "resift-batch", "numpy", "pyarrow"}
    for home in {str(use).partition(":")[0] for use in _values(table, "use")} - names:
        for name in (home, *_needs(home, extras=True)):
            names |= {name, *_needs(name, extras=False)}
    return {n: metadata.version(n) for n in sorted(names) if _is_installed(n)}


def _needs(name: str, *, extras: bool) -> set[str]:
    """Return what a distribution requires; with *extras* for any of its extras, too."""
    lines = (metadata.requires(name) or ()) if _is_installed(name) else ()
    wanted = [line for line in lines if extras or "extra ==" not in line]
    return {re.split(r"[^\w.-]", line)[0].lower() for line in wanted}


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def models(table: Mapping[str, object]) -> dict[str, str]:
    """Return a digest of every file and folder that an option names.

    Of its files the names, sizes and times: models are large.
    """
    found = {}
    for value in _strings(table.get("options")):
        path = Path(value)
        if len(value) < 1024 and path.exists():
            files = [(str(f), *_state(f).values()) for f in _files([path])]
            digest = hashlib.blake2b(repr(files).encode(), digest_size=16)
            found[value] = digest.hexdigest()
    return found


def _values(table: object, key: str) -> Iterator[object]:
    if isinstance(table, Mapping):
        if key in table:
            yield table[key]
        for value in table.values():
            yield from _values(value, key)
    elif isinstance(table, list):
        for value in table:
            yield from _values(value, key)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
