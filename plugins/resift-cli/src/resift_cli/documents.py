"""The documents of `resift rank`: one per line, each with where it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from resift.errors import InputError
from resift_cli.output import note

if TYPE_CHECKING:
    from resift import Reranker

__all__ = ["Documents", "text_of"]


@dataclass(frozen=True, slots=True)
class Documents:
    """What a file holds.

    Args:
        file: The name of the file, as messages say it.
        content: The documents, strings and mappings.
        lines: The number of the line that each stands on, from 1.
    """

    file: str
    content: list[Any]  # as JSON has it
    lines: list[int]

    @classmethod
    def read(cls, file: BinaryIO, *, jsonl: bool | None) -> Documents:
        """Read a file of plain lines or of JSON Lines; None finds out which.

        Raises:
            InputError: If it is not UTF-8, or a line of a JSON file is not JSON.
        """
        name = "standard input" if file is sys.stdin.buffer else file.name
        if file.isatty():
            note("reading documents from the terminal, one per line; Ctrl-D ends them.")
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            msg = f"rank: {name} is not UTF-8 text: {error}."
            raise InputError(msg) from error
        numbered = [
            (number, line.rstrip("\r"))
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
        content: list[object] = [line for _, line in numbered]
        if jsonl is None:
            jsonl = bool(numbered) and numbered[0][1].lstrip().startswith("{")
        if jsonl:
            content = [_parsed(line, f"{name}, line {n}") for n, line in numbered]
        return cls(name, content, [number for number, _ in numbered])

    def require_text(self, reranker: Reranker) -> None:
        """Refuse documents whose text *reranker* cannot read, by file and line.

        Raises:
            InputError: If one has no text, or one that is no string.
        """
        if not reranker.can_score:
            return
        seen = self.content[: reranker.defaults.window]
        for line, document in zip(self.lines, seen, strict=False):  # the window's
            parts = _parts(document, reranker.text)
            if not parts and reranker.needs_text:
                msg = (
                    f"rank: {self.file}, line {line} has no text under "
                    f"{_fields(reranker.text)[0]!r}. Keys: "
                    f"{', '.join(map(repr, document)) or 'none'}. Name the right one "
                    "with --text."
                )
                raise InputError(msg)
            if wrong := [p for p in parts if p is not None and not isinstance(p, str)]:
                msg = (
                    f"rank: {self.file}, line {line}: the text must be a string, got "
                    f"{type(wrong[0]).__name__}. Name another field with --text."
                )
                raise InputError(msg)


def text_of(document: object, field: str | Sequence[str]) -> str:
    """Return the text to show of a document: what was ranked."""
    return " ".join(str(part) for part in _parts(document, field) if part is not None)


def _parsed(line: str, where: str) -> object:
    try:
        document = json.loads(line)
    except ValueError as error:
        msg = f"rank: {where} is not JSON: {error}. For plain text use --lines."
        raise InputError(msg) from error
    if not isinstance(document, str | dict):
        msg = f"rank: {where} must be a JSON object or string, got {line[:40]!r}."
        raise InputError(msg)
    return document


def _parts(document: object, field: str | Sequence[str]) -> list[object]:
    """Return the values of the fields that a document has; a string is its text."""
    if not isinstance(document, Mapping):
        return [document]
    return [part for key in _fields(field) for part in _under(key, document)]


def _fields(field: str | Sequence[str]) -> Sequence[str]:
    return [field] if isinstance(field, str) else field


def _under(key: str, document: object) -> list[object]:
    """Return the value under *key*, ``"meta.title"`` say, in a list; or none."""
    if document is None:  # as a struct that is null
        return [None]
    if not isinstance(document, Mapping):
        return []
    if key in document:
        return [document[key]]
    outer, _, rest = key.partition(".")
    return _under(rest, document[outer]) if rest and outer in document else []
