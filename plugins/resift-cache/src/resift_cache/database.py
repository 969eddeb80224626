"""The file: opened when needed, shared by threads, and every fault in plain words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Database", "StoreError"]

_PATIENCE = 1.0  # seconds to wait for another process that is writing
_ATTEMPTS = 20  # to open it while other processes are making it
_LONGEST_LOG = 4 * 1024 * 1024  # bytes that the write-ahead log keeps
_left_behind: list[sqlite3.Connection] = []  # by a fork: must not even be closed


class StoreError(Exception):
    """The file cannot be used; the message says which, why, and what to do.

    Args:
        message: The sentence.
        damaged: Whether the file itself is at fault, and only a new one will do.
    """

    def __init__(self, message: str, *, damaged: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged


class Database:
    """One SQLite file. May be used by many threads, one after the other.

    Args:
        path: The file; its folder is made if need be, for this user only.
        tables: Statements that make the tables where they are missing.
        version: Of the tables; a file with another version is refused.
    """

    def __init__(self, path: Path, tables: str, version: int) -> None:
        self.path = path
        self._tables = tables
        self._version = version
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int, int] | None = None

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread.

        Raises:
            StoreError: If the file cannot be opened, or a statement fails.
        """
        with self._lock:
            try:
                yield self._open()
            except (sqlite3.Error, OSError, UnicodeError) as error:
                self.close()  # the next call starts afresh
                raise self._explained(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for changes that are made all or none.

        Raises:
            StoreError: As `use`; nothing is changed then.
        """
        with self.use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error is the one to report
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; `use` opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._identity and self._identity[0] != os.getpid():
                _left_behind.append(connection)
                return
            connection.close()

    def remove(self) -> None:
        """Delete the file. Processes that have it open make a new one."""
        with self._lock:
            self.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == self._current():
            return self._connection
        self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path,
            timeout=_PATIENCE,
            isolation_level=None,
            check_same_thread=False,  # the lock sees to it
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._identity = self._current()
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables; waits while another process does so."""
        for attempt in range(_ATTEMPTS):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PATIENCE / _ATTEMPTS)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_LONGEST_LOG:d}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(self._tables)
            connection.execute(f"PRAGMA user_version = {self._version:d}")
        elif version != self._version:
            msg = (
                f"{self.path} has version {version}, but this resift-cache writes "
                f"version {self._version}. Choose another directory."
            )
            raise StoreError(msg)

    def _current(self) -> tuple[int, int, int] | None:
        """Return this process and the file that is there now; None for none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), status.st_dev, status.st_ino

    def _explained(self, error: Exception) -> StoreError:
        text = str(error) or type(error).__name__
        folder = self.path.parent
        if not isinstance(error, sqlite3.OperationalError | OSError):
            return StoreError(
                f"{self.path} is damaged ({text}). Remove it with: resift cache clear "
                f"--directory {folder}",
                damaged=True,
            )
        remedy = f"See to it that {folder} is a folder that can be written."
        if "locked" in text:
            remedy = "Another process is writing for long: try again."
        elif "full" in text:
            remedy = "Make room on the disk, or lower 'max_megabytes'."
        return StoreError(f"{self.path} cannot be used ({text}). {remedy}")
