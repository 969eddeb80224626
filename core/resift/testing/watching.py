"""Watching what a piece of code opens: files, sockets, processes."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stamp", "stamp", "switched", "watched", "written"]

Stamp: TypeAlias = tuple[int, int] | None
"""Size and time of a file; None where it is not there."""

_WATCHED = frozenset({
    "open", "os.mkdir", "os.remove", "os.rename", "os.system", "os.posix_spawn",
    "shutil.copyfile", "socket.bind", "socket.connect", "socket.getaddrinfo",
    "socket.gethostbyname", "sqlite3.connect", "subprocess.Popen", "tempfile.mkdtemp",
    "tempfile.mkstemp", "urllib.Request",
})  # fmt: skip
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".dylib")
_local = threading.local()
_writing: list[dict[Path, Stamp]] = []
_switching: list[list[tuple[str, str, str]]] = []
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note what this thread opens meanwhile; importing modules is not counted.

    Yields:
        A list that grows: ``"open '/tmp/weights.bin'"``.
    """
    _listen()
    seen: list[str] = []
    _local.seen = seen
    try:
        yield seen
    finally:
        _local.seen = None


@contextmanager
def written() -> Iterator[dict[Path, Stamp]]:
    """Note what the process opens for writing meanwhile, in any thread.

    Yields:
        A mapping that grows: the files, and the stamp that each had before.
    """
    _listen()
    seen: dict[Path, Stamp] = {}
    _writing.append(seen)
    try:
        yield seen
    finally:
        _writing.remove(seen)


@contextmanager
def switched() -> Iterator[list[tuple[str, str, str]]]:
    """Note each change of the environment or the directory, also to what it is already.

    Yields:
        A list that grows, of any thread: ``("os.putenv", "NAME", "value")`` or
        ``("os.chdir", "/path", "")``.
    """
    _listen()
    seen: list[tuple[str, str, str]] = []
    _switching.append(seen)
    try:
        yield seen
    finally:
        _switching.remove(seen)


def stamp(path: Path) -> Stamp:
    """Return what shows that a file was written."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@cache
def _listen() -> None:
    """Add the audit hook. One is enough, and Python takes none away again."""
    sys.addaudithook(_hear)


def _hear(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _writing:
        _note(*args[:3])
    if event in ("os.putenv", "os.chdir") and _switching:
        first, second = (*map(str, map(_decoded, args)), "")[:2]
        for switches in _switching:
            switches.append((event, first, second))
    seen = getattr(_local, "seen", None)
    if seen is None or event not in _WATCHED:
        return
    what = next((a for a in args if isinstance(a, str | bytes | tuple | list)), "")
    if event == "open" and (isinstance(args[0], int) or _is_of_packages(str(what))):
        return
    seen.append(f"{event} {what!r}")


def _decoded(value: object) -> object:
    return os.fsdecode(value) if isinstance(value, bytes | os.PathLike) else value


def _is_of_packages(path: str) -> bool:
    """Return whether it is code, or what Python reads to find packages."""
    return path.endswith(_CODE) or ".dist-info" in path or path in sys.path


def _note(path: object, mode: object, flags: object) -> None:
    """Note a file that is opened for writing."""
    text = os.fsdecode(path) if isinstance(path, str | bytes) else ""
    writes = isinstance(flags, int) and bool(flags & _FOR_WRITING)
    if not text or not writes or text.startswith(("/dev/", "/proc/")):
        return
    del mode
    if text.endswith((".pyc", ".lock")) or "__pycache__" in text:
        return
    for seen in _writing:
        seen.setdefault(Path(text), stamp(Path(text)))
