"""The store: scores by key in one SQLite file, for many threads and processes.

SQLite, which Python brings along, rather than a library on top of it: the keys of a
call are read in one statement and written in one transaction (several and about ten
times as fast as with diskcache, which takes a statement for each), nothing is ever
unpickled, and a process that is killed in the middle of a write leaves the file as it
was before.

Every row carries a checksum of its key and value: what does not add up is a miss, so
that a damaged file gives no wrong score.
"""

from __future__ import annotations

import math
import os
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resift_cache.database import Database, StoreError

__all__ = ["Entry", "Store", "StoreError", "Usage", "default_directory"]

_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS rerankers (
    id INTEGER PRIMARY KEY,
    description TEXT NOT NULL UNIQUE,
    hits INTEGER NOT NULL,
    misses INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS scores (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    reranker INTEGER NOT NULL,
    stored REAL NOT NULL,
    score REAL,
    extra BLOB,
    checksum INTEGER NOT NULL
);
"""
_COUNT = """
INSERT INTO rerankers (description, hits, misses) VALUES (?, ?, ?)
ON CONFLICT (description) DO UPDATE
SET hits = hits + excluded.hits, misses = misses + excluded.misses
"""
_OWNER = "SELECT id FROM rerankers WHERE description = ?"
_KEEP = """
INSERT OR REPLACE INTO scores (key, reranker, stored, score, extra, checksum)
VALUES (?, ?, ?, ?, ?, ?)
"""
_DROP_OLDEST = """
DELETE FROM scores WHERE id IN (SELECT id FROM scores ORDER BY id LIMIT ?)
"""
_DROP_SCORES = """
DELETE FROM scores
WHERE reranker IN (SELECT id FROM rerankers WHERE description = ?)
"""
_DROP_RERANKER = "DELETE FROM rerankers WHERE description = ?"
_USAGE = """
SELECT description, COUNT(scores.id) AS entries, hits, misses
FROM rerankers LEFT JOIN scores ON scores.reranker = rerankers.id
GROUP BY rerankers.id ORDER BY entries DESC, description
"""
_AT_ONCE = 500  # keys in one statement: old SQLites take 999
_CLOCKS = 60.0  # seconds by which two machines' clocks may differ


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept under one key.

    Args:
        score: The score; NaN where it is part of *extra*.
        extra: What else there is, as bytes.
    """

    score: float
    extra: bytes | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How one reranker uses the store.

    Args:
        description: What the reranker is made of.
        entries: How many entries it has.
        hits: How many keys it found, so far.
        misses: How many keys it did not find, so far.
    """

    description: str
    entries: int
    hits: int
    misses: int


class Store:
    """Scores by key; the oldest are dropped where they grow too many.

    May be used by many threads. Processes may share a directory on a local disk, but
    not on a network file system, where SQLite's locks seldom work.

    Args:
        directory: Where the file lies; made if need be, for this user only.
        max_bytes: What the entries may take up; None for no limit.
        ttl: Seconds after which an entry is no longer used; None for never.
        clock: Seconds since the epoch. Should it jump, entries may seem too old, or to
            come from the future: they are not used while it is wrong, nor dropped.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: float | None = None,
        ttl: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = Database(directory / "scores.sqlite3", _TABLES, _VERSION)
        self._max_bytes = max_bytes
        self._ttl = ttl
        self._clock = clock

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """Return the entries there are, damaged and outdated ones left out.

        Raises:
            StoreError: If the file cannot be read.
        """
        rows: list[tuple[bytes, float, float | None, bytes | None, int]] = []
        with self._database.use() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                select = "SELECT key, stored, score, extra, checksum FROM scores"
                found = connection.execute(f"{select} WHERE key IN ({marks})", some)
                rows += found.fetchall()
        oldest, newest = self._period()
        return {
            key: Entry(math.nan if score is None else score, extra)
            for key, stored, score, extra, checksum in rows
            if _is_sound(key, stored, score, extra, checksum)
            and oldest <= stored <= newest
        }

    def put(
        self,
        entries: Mapping[bytes, Entry],
        description: str,
        *,
        hits: int = 0,
        misses: int = 0,
    ) -> None:
        """Keep *entries*, all of them or none; newer ones replace older ones.

        Args:
            entries: By key.
            description: What the reranker is made of that they belong to.
            hits: Keys found since the last call.
            misses: Keys not found since the last call.

        Raises:
            StoreError: If the file cannot be written.
        """
        now = self._clock()
        rows = []
        for key, entry in entries.items():
            score = None if math.isnan(entry.score) else entry.score
            checksum = _checksum(key, now, score, entry.extra)
            rows.append((key, now, score, entry.extra, checksum))
        with self._database.transaction() as connection:
            connection.execute(_COUNT, (description, hits, misses))
            (owner,) = connection.execute(_OWNER, (description,)).fetchone()
            connection.executemany(
                _KEEP, ((key, owner, *values) for key, *values in rows)
            )
            self._make_room(connection, len(rows))

    def usage(self) -> list[Usage]:
        """Return how each reranker uses it, the one with most entries first.

        Raises:
            StoreError: If the file cannot be read.
        """
        with self._database.use() as connection:
            return [Usage(*row) for row in connection.execute(_USAGE)]

    def size(self) -> int:
        """Return how many bytes the entries take up."""
        with self._database.use() as connection:
            return _size(connection)

    def clear(self, descriptions: Collection[str] | None = None) -> int | None:
        """Drop the entries of some rerankers, or all: return how many.

        A damaged file is removed as a whole; then None is returned, as nobody knows.

        Raises:
            StoreError: If the file cannot be written.
        """
        try:
            wanted = {u.description for u in self.usage()}
            wanted &= wanted if descriptions is None else set(descriptions)
            return sum(self._drop(description) for description in wanted)
        except StoreError as error:
            if not error.damaged:
                raise
            self._database.remove()
            return None

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        self._database.close()

    def _drop(self, description: str) -> int:
        with self._database.transaction() as connection:
            dropped = connection.execute(_DROP_SCORES, (description,)).rowcount
            connection.execute(_DROP_RERANKER, (description,))
        with self._database.use() as connection, suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")  # not while another process reads
        return dropped

    def _period(self) -> tuple[float, float]:
        """Return from when to when an entry must have been stored."""
        if self._ttl is None:
            return -math.inf, math.inf
        now = self._clock()
        return now - self._ttl, now + _CLOCKS

    def _make_room(self, connection: sqlite3.Connection, n: int) -> None:
        """Drop the oldest entries, but no more than a few times what came in.

        So a call takes about as long when the store is full as when it is not.
        """
        if self._max_bytes is not None and _size(connection) > self._max_bytes:
            connection.execute(_DROP_OLDEST, (4 * n + 100,))


def default_directory() -> Path:
    """Return ``RESIFT_CACHE_DIR``, or ``resift`` in the user's cache directory."""
    if directory := os.environ.get("RESIFT_CACHE_DIR"):
        return Path(directory)
    import platformdirs

    return platformdirs.user_cache_path("resift", appauthor=False)


def _size(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _checksum(
    key: bytes, stored: float, score: float | None, extra: bytes | None
) -> int:
    """Return the CRC-32 of an entry."""
    numbers = struct.pack("<dd?", stored, score or 0.0, score is None)
    return zlib.crc32(b"".join((key, numbers, extra or b"")))


def _is_sound(
    key: bytes, stored: float, score: float | None, extra: bytes | None, checksum: int
) -> bool:
    """Tell whether a row is as it was written; in a damaged file any type may be."""
    try:
        return checksum == _checksum(key, stored, score, extra)
    except (TypeError, struct.error):
        return False
