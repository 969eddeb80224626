"""The documents of `resift rank`: lines or a JSON array, with where each stands."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from resift.errors import InputError
from resift_cli.output import note

if TYPE_CHECKING:
    from resift import Reranker

__all__ = ["Documents", "text_of"]

_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Documents:
    """What a file holds.

    Args:
        file: The name of the file, as messages say it.
        content: The documents, strings and mappings.
        numbers: The number of the line, or of the item of an array, that each is,
            from 1.
        unit: What the numbers count: ``"line"`` or ``"item"``.
    """

    file: str
    content: list[Any]  # as JSON has it
    numbers: list[int]
    unit: str = "line"

    @classmethod
    def read(cls, file: BinaryIO, *, jsonl: bool | None) -> Documents:
        """Read plain lines, JSON Lines or a JSON array, compressed by gzip or not.

        Args:
            file: The file. A name that ends in ``.json``, ``.jsonl`` or ``.ndjson``
                says what it holds; else the first character does.
            jsonl: Whether it holds JSON Lines; None finds out what it holds.

        Raises:
            InputError: If it is not UTF-8, or what should be JSON is not.
        """
        name = "standard input" if file is sys.stdin.buffer else file.name
        if file.isatty():
            note("reading documents from the terminal, one per line; Ctrl-D ends them.")
        text = _text(file.read(), name)
        suffix = PurePath(str(name).lower().removesuffix(".gz")).suffix
        if jsonl is None and text.lstrip().startswith("["):
            items = _array(text, name, required=suffix == ".json")
            if items is not None:
                return cls(name, items, list(range(1, len(items) + 1)), "item")
        numbered = [
            (number, line.rstrip("\r"))
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
        content: list[object] = [line for _, line in numbered]
        if jsonl is None:
            jsonl = suffix in (".json", *_JSON_LINES) or (
                bool(numbered) and numbered[0][1].lstrip().startswith("{")
            )
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
        seen = self.content[: reranker.defaults.window]  # what is scored
        for number, document in zip(self.numbers, seen, strict=False):
            parts = _parts(document, reranker.text)
            if not parts and reranker.needs_text:
                msg = (
                    f"{self.file}, {self.unit} {number} has no text under "
                    f"{_fields(reranker.text)[0]!r}. Keys: "
                    f"{', '.join(map(repr, document)) or 'none'}. Name the right one "
                    "with --text."
                )
                raise InputError(msg, who="rank")
            if wrong := [p for p in parts if p is not None and not isinstance(p, str)]:
                msg = (
                    f"{self.file}, {self.unit} {number}: the text must be a "
                    f"string, got {type(wrong[0]).__name__}. Name another field with "
                    "--text."
                )
                raise InputError(msg, who="rank")


def text_of(document: object, field: str | Sequence[str]) -> str:
    """Return the text to show of a document: what was ranked."""
    return " ".join(str(part) for part in _parts(document, field) if part is not None)


def _text(content: bytes, name: str) -> str:
    """Return the text of a file, which gzip may have compressed."""
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{name} is not UTF-8 text: {error}."
        raise InputError(msg, who="rank") from error
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{name} cannot be decompressed: {error}."
        raise InputError(msg, who="rank") from error


def _array(text: str, name: str, *, required: bool) -> list[Any] | None:
    """Return the items of a JSON array; None where it is none, and need not be one."""
    try:
        items = json.loads(text)
    except ValueError as error:
        if not required:
            return None
        msg = f"{name} is not JSON: {error}. For plain text use --lines."
        raise InputError(msg, who="rank") from error
    return [_document(item, f"{name}, item {n}") for n, item in enumerate(items, 1)]


def _parsed(line: str, where: str) -> object:
    try:
        return _document(json.loads(line), where)
    except json.JSONDecodeError as error:
        msg = (
            f"{where} is not JSON: {error}. JSON is read as one array, or as one "
            "document per line; for plain text use --lines."
        )
        raise InputError(msg, who="rank") from error


def _document(value: object, where: str) -> object:
    if isinstance(value, str | dict):
        return value
    msg = (
        f"{where} must be a JSON object or string, got {type(value).__name__}. "
        "For plain text use --lines."
    )
    raise InputError(msg, who="rank")


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
