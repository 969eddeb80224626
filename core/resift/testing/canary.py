"""Canaries: words found nowhere else, and all the ways by which they may get out."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FOLDER", "KEY", "PRINTED", "WORD", "overheard", "told"]

WORD = "kanarienvogel"
"""Stands in texts that must not leave the process."""
KEY = "sk-kanarienvogel-3f1c9a"
"""Is given for a key that must not be shown."""

FOLDER = "a temporary folder"
OUTPUT = "standard output"
PRINTED = (OUTPUT, "file descriptor 1")
"""Where nothing at all may appear."""


@contextmanager
def overheard() -> Iterator[dict[str, str]]:
    """Gather all that is printed, logged, warned or written meanwhile.

    Yields:
        A mapping that is filled at the end: where something was heard, and what. Low
        level writes count, log records that no handler shows, and what stands in
        temporary files.
    """
    heard: dict[str, str] = {}
    out, err = io.StringIO(), io.StringIO()
    records: list[logging.LogRecord] = []
    root = logging.getLogger()
    level, factory = root.level, logging.getLogRecordFactory()

    def keep(*args: object, **kwargs: object) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        records.append(record)
        return record

    logging.setLogRecordFactory(keep)
    root.setLevel(logging.DEBUG)
    try:
        with (
            _descriptors(heard),
            _temporary(heard),
            warnings.catch_warnings(record=True) as warned,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            warnings.simplefilter("always")
            yield heard
    finally:
        logging.setLogRecordFactory(factory)
        root.setLevel(level)
    heard[OUTPUT] = out.getvalue()
    heard["standard error"] = err.getvalue()
    heard["the log"] = "\n".join(map(_said, records))
    heard["a warning"] = "\n".join(str(warning.message) for warning in warned)


def told(error: BaseException) -> str:
    """Return all that an error says: itself, its notes, and what it was raised from."""
    parts = ["".join(traceback.format_exception_only(error))]
    seen: list[BaseException | None] = [error]
    while (last := seen[-1]) is not None:
        parts += [repr(last.args), repr(getattr(last, "__dict__", ""))]
        later = last.__cause__ or last.__context__
        seen.append(None if later in seen else later)
    return "\n".join(parts)


def _said(record: logging.LogRecord) -> str:
    """Return a record's message and whatever else it carries."""
    with suppress(Exception):
        return f"{record.getMessage()} {record.__dict__}"
    return str(record.__dict__)


@contextmanager
def _descriptors(heard: dict[str, str]) -> Iterator[None]:
    """Gather what is written to the descriptors 1 and 2, below Python's streams."""
    saved: dict[int, tuple[int, int]] = {}
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    for number in (1, 2):
        with suppress(OSError):  # it is closed: nobody can write to it
            copy = os.dup(number)
            into = _nameless()
            os.dup2(into, number)
            saved[number] = (copy, into)
    try:
        yield
    finally:
        for number, (copy, into) in saved.items():
            os.dup2(copy, number)
            os.close(copy)
            os.lseek(into, 0, os.SEEK_SET)
            data = os.read(into, 1 << 20)
            os.close(into)
            heard[f"file descriptor {number}"] = data.decode("utf-8", "replace")


def _nameless() -> int:
    """Open a file that nobody else finds."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@contextmanager
def _temporary(heard: dict[str, str]) -> Iterator[None]:
    """Let temporary files go into a folder of their own, and read what stays there."""
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = folder
        try:
            yield
        finally:
            tempfile.tempdir = before
            if variable is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = variable
            for path in sorted(Path(folder).rglob("*")):
                if path.is_dir():
                    heard[FOLDER] = heard.get(FOLDER, "") or path.name
                elif path.is_file():
                    text = path.read_bytes()[: 1 << 20].decode("utf-8", "replace")
                    heard["a temporary file"] = (
                        heard.get("a temporary file", "") + f"{path.name}: {text}\n"
                    )
