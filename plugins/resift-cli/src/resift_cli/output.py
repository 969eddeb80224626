"""Where a command's output goes: results to standard output, the rest beside it."""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "REPLACED",
    "console",
    "is_terminal",
    "json_option",
    "note",
    "printable",
    "progress_console",
    "write_json",
    "write_rows",
]

_CONTROL = {*range(0x20), *range(0x7F, 0xA0)}  # what a terminal may obey
_PRINTABLE = {code: " " if chr(code).isspace() else None for code in _CONTROL}

_ALIKE = dict(zip("▲▼✓…“”█▉▊▋▌▍▎▏", '^v*~""#####   ', strict=True))
REPLACED = "resift-replaced"
"""The error handler of output streams: what cannot be written stands as its like."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Write an arrow as an ASCII one, and what has no like as a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_ALIKE.get(letter, "?") for letter in missing), error.end


codecs.register_error(REPLACED, _replaced)


def is_terminal() -> bool:
    """Tell whether a person reads standard output, rather than a program."""
    return sys.stdout.isatty()


def console() -> Console:
    """Return the console for results."""
    from rich.console import Console

    return Console(highlight=False)


def progress_console() -> Console:
    """Return the console for progress and notes: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Tell the user something beside the result."""
    click.secho(printable(f"note: {text}"), dim=True, err=True)


def printable(text: str) -> str:
    """Return *text* on one line, without the characters that a terminal would obey.

    Documents and servers' answers may hold escape sequences: what is left of them is
    shown, and does nothing.
    """
    return text.translate(_PRINTABLE)


def write_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON value; without *indent* on one line, as JSON Lines want it."""
    try:
        text = _json(value, indent)
    except ValueError:  # JSON has no NaN and no infinity
        text = _json(_finite(value), indent)
    if is_terminal():  # JSON escapes those below a space only
        text = re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)
    sys.stdout.write(f"{text}\n")


def write_rows(rows: Iterable[Sequence[object]]) -> None:
    """Print rows for programs: cells separated by tabs, white space made single."""
    for row in rows:
        sys.stdout.write("\t".join(map(_cell, row)) + "\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(str(value).split())


def _json(value: object, indent: int | None) -> str:
    return json.dumps(
        value, ensure_ascii=False, indent=indent, default=str, allow_nan=False
    )


def _finite(value: object) -> object:
    """Return *value* with null for every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
