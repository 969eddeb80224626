"""The folder of a job: what is in it, and how it is written so that a kill is safe."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from resift.errors import InputError

__all__ = ["Folder"]

_ORPHANS = 15.0  # seconds: a worker whose parent was killed ends sooner


class Folder:
    """The folder of a job.

    Every file is written beside its place, flushed, and renamed into it: what has its
    name is whole. A part is done when its Parquet file is there, which is written last.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "manifest.json"
        self.success = path / "_SUCCESS"

    def part(self, number: int) -> Path:
        """Return the file of a part's answers."""
        return self.path / "parts" / f"part-{number:06d}.parquet"

    def rejects(self, number: int) -> Path:
        """Return the file of a part's queries that have no answer."""
        return self.path / "rejects" / f"part-{number:06d}.jsonl"

    def notes(self, number: int) -> Path:
        """Return the file of what a part's answers say."""
        return self.path / "notes" / f"part-{number:06d}.jsonl"

    def suspect(self, number: int) -> Path:
        """Return the file that says which block of a part is being ranked."""
        return self.path / "suspects" / f"part-{number:06d}"

    def write(self, path: Path, data: bytes) -> None:
        """Write a file that is there as a whole, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too, outlives a power cut
        finally:
            os.close(folder)

    def write_json(self, path: Path, value: Mapping[str, object]) -> None:
        """Write a table of plain data, a line for each key."""
        lines = [
            f" {json.dumps(key)}: {json.dumps(item, ensure_ascii=False)}"
            for key, item in value.items()
        ]
        self.write(path, "\n".join(["{", ",\n".join(lines), "}\n"]).encode())

    def write_lines(self, path: Path, values: list[dict[str, object]]) -> None:
        """Write JSON Lines; without any, no file stays."""
        if not values:
            path.unlink(missing_ok=True)
            return
        lines = [json.dumps(value, ensure_ascii=False) for value in values]
        self.write(path, "".join(f"{line}\n" for line in lines).encode())

    def read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None where there is none.

        Raises:
            InputError: If it is no manifest of ours.
        """
        try:
            found = json.loads(self.manifest.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            found = None
        if not isinstance(found, Mapping) or "parts" not in found:
            msg = f"{self.manifest} is no manifest of resift batch."
            raise InputError(
                msg,
                remedy="Choose another folder, or --overwrite.",
                who=str(self.manifest),
            )
        return dict(found)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run, after workers of a killed one have ended.

        Raises:
            InputError: If another run holds it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("a")
        except OSError as error:
            msg = f"{self.path} must be a folder that can be written: {error.strerror}."
            raise InputError(msg, who=str(self.path)) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                msg = f"{self.path} is in use by another run."
                remedy = "Wait for it, or choose another folder."
                raise InputError(msg, remedy=remedy, who=str(self.path)) from None
            self._await_orphans()
            yield

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Show that a worker is at work here."""
        with (self.path / ".workers").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def _await_orphans(self) -> None:
        end = time.monotonic() + _ORPHANS
        with (self.path / ".workers").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > end:
                        msg = f"{self.path} is in use by workers of another run."
                        remedy = "End them, or choose another folder."
                        raise InputError(
                            msg, remedy=remedy, who=str(self.path)
                        ) from None
                    time.sleep(0.05)
                else:
                    return

    def tidy(self) -> None:
        """Remove what killed writers have left."""
        for left in self.path.glob("**/*.tmp"):
            left.unlink(missing_ok=True)
        for left in self.path.glob("suspects/*"):
            left.unlink(missing_ok=True)
        with suppress(OSError):
            (self.path / "suspects").rmdir()

    def clear(self) -> None:
        """Remove a job: its files, and nothing else that lies in the folder."""
        self.manifest.unlink(missing_ok=True)
        self.success.unlink(missing_ok=True)
        for pattern in (
            *("parts/part-*.parquet", "rejects/part-*.jsonl", "notes/part-*.jsonl"),
            *("staged/*", "staged/*/*", "suspects/*"),
        ):
            for file in self.path.glob(pattern):
                if not file.is_dir():
                    file.unlink(missing_ok=True)
        for name in (
            *("parts", "rejects", "notes", "suspects"),
            *("staged/queries", "staged/corpus", "staged"),
        ):
            with suppress(OSError):
                (self.path / name).rmdir()
