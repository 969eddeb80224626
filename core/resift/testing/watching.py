"""Watching what a piece of code opens: files, sockets, processes."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["watched"]

_WATCHED = frozenset({
    "open", "os.mkdir", "os.remove", "os.rename", "os.system", "os.posix_spawn",
    "shutil.copyfile", "socket.bind", "socket.connect", "socket.getaddrinfo",
    "socket.gethostbyname", "sqlite3.connect", "subprocess.Popen", "tempfile.mkdtemp",
    "tempfile.mkstemp", "urllib.Request",
})  # fmt: skip
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".dylib")
_local = threading.local()


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


@cache
def _listen() -> None:
    """Add the audit hook. One is enough, and Python takes none away again."""
    sys.addaudithook(_hear)


def _hear(event: str, args: tuple[object, ...]) -> None:
    seen = getattr(_local, "seen", None)
    if seen is None or event not in _WATCHED:
        return
    what = next((a for a in args if isinstance(a, str | bytes | tuple | list)), "")
    if event == "open" and (isinstance(args[0], int) or str(what).endswith(_CODE)):
        return
    seen.append(f"{event} {what!r}")
