"""Rows of files as people save them: the one place that knows how files are written.

Compression is told from the first bytes, the encoding from the byte order mark (UTF-8
where there is none), JSON from the name or the first character, the separator from the
first line. All else is refused with the file and the line.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import itertools
import json
import lzma
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, TextIO, cast

from resift.errors import InputError
from resift_eval.layout import plain

if TYPE_CHECKING:
    from resift_eval.layout import Layout

__all__ = ["Row", "read_rows"]

_PACKED = {".gz", ".bz2", ".xz", ".zst"}
_JSON = {".json", ".jsonl", ".ndjson"}
_BEGINS_JSON = re.compile(r'\s*(\{\s*("|$)|\[\s*(\{|$))')
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"PAR1": "a Parquet file"}
_MARKS = (  # the longer ones first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK = "\ufeff"  # also inside a file, where files were put one after the other
_SEPARATORS: Mapping[str, Callable[[str], list[str]]] = {
    "tabs": lambda line: line.split("\t"),
    "single spaces": lambda line: line.split(" "),
    "white space": str.split,
}


class Row(NamedTuple):
    """One row: where it stands, for messages, and its fields."""

    place: str
    fields: Mapping[str, object]

    def name(self, field: str) -> str:
        """Return a field that is an id.

        Raises:
            InputError: If it is none.
        """
        value = self.fields[field]
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            msg = f"the {field} must be a string, got {value!r}."
            raise InputError(msg, place=self.place)
        if not (found := str(value).strip()):
            msg = f"the {field} must not be blank."
            raise InputError(msg, place=self.place)
        return found

    def text(self, field: str) -> str:
        """Return a field that is text; ``""`` where it is null or not there.

        Raises:
            InputError: If it is neither text nor a list of texts.
        """
        value = self.fields.get(field)
        if value is None:
            return ""
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, list | Mapping) for part in parts):
            msg = f"the {field} must be a string, got an object."
            raise InputError(msg, place=self.place)
        return " ".join(str(part) for part in parts)


def read_rows(path: Path, layout: Layout) -> Iterator[Row]:
    """Read the rows of a file.

    JSON Lines, a JSON array of objects, or one JSON object of ids (``{"q1": "text"}``,
    ``{"q1": {"d1": 1}}``); CSV; columns between tabs or spaces, with a header or
    without.

    Raises:
        InputError: If the file cannot be read, or a row lacks a field.
    """
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in _PACKED]
    suffix = suffixes[-1] if suffixes else ""
    try:
        with _opened(path) as stream:
            lines = _Lines(path, stream)
            if (first := next(lines, None)) is None:
                msg = f"{path} is empty."
                raise InputError(msg, who=str(path))
            if suffix in _JSON or _BEGINS_JSON.match(first[1]):
                yield from _objects(path, layout, first, lines)
            elif suffix == ".csv":
                yield from _csv(path, layout, first, lines)
            else:
                yield from _columns(path, layout, first, lines)
    except (OSError, EOFError, lzma.LZMAError, UnicodeError) as error:
        msg = f"{path} cannot be read: {error}."
        raise InputError(msg, who=str(path)) from error


class _Lines(Iterator[tuple[int, str]]):
    """The lines of a file that are not blank, numbered, without their ends."""

    def __init__(self, path: Path, stream: TextIO) -> None:
        self._path, self._stream, self._number = path, stream, 0

    def __next__(self) -> tuple[int, str]:
        for line in self._stream:
            self._number += 1
            found = line.rstrip("\n").removeprefix(_MARK)
            if strange := re.search("[\0\ud800-\udfff]", found):
                raise InputError(self._refused(strange[0]))
            if found.strip():
                return self._number, found
        raise StopIteration

    def rest(self) -> str:
        """Return everything that was not read yet."""
        return "".join(f"{line}\n" for _, line in self)

    def _refused(self, strange: str) -> str:
        place = f"{self._path}:{self._number}"
        if strange == "\0":
            return (
                f"{place}: holds NUL characters, as UTF-16 without a byte order mark "
                "does. Save the file as UTF-8."
            )
        byte = ord(strange) - 0xDC00  # as surrogateescape hides it
        return f"{place}: is not UTF-8 (byte 0x{byte:02x}). Save the file as UTF-8."


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a file as text, unpacked and decoded."""
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        for magic, what in _ARCHIVES.items():
            if head.startswith(magic):
                msg = f"{path} is {what}. Save its rows as JSON Lines or TSV."
                raise InputError(msg, who=str(path))
        with io.BufferedReader(_unpacked(file, head)) as stream:
            start = stream.peek(4)[:4]
            encoding = next((e for mark, e in _MARKS if start.startswith(mark)), None)
            bad = "strict" if encoding else "surrogateescape"  # told with its line
            with io.TextIOWrapper(stream, encoding or "utf-8", bad) as text:
                yield text


def _unpacked(file: IO[bytes], head: bytes) -> io.RawIOBase:
    found: object = file
    if head.startswith(b"\x1f\x8b"):
        found = gzip.GzipFile(fileobj=file)
    elif head.startswith(b"BZh"):
        found = bz2.BZ2File(file)
    elif head.startswith(b"\xfd7zXZ"):
        found = lzma.LZMAFile(file)  # noqa: SIM115  # _opened closes it
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        found = pa.CompressedInputStream(pa.PythonFile(file), "zstd")
    return cast("io.RawIOBase", found)  # as much of one as is read


# JSON -------------------------------------------------------------------------------


def _objects(
    path: Path, layout: Layout, first: tuple[int, str], lines: _Lines
) -> Iterator[Row]:
    """Read JSON Lines, one array, or one object of ids."""
    number, line = first
    if line.lstrip().startswith("["):
        yield from _array(path, layout, _parsed(line + "\n" + lines.rest(), str(path)))
        return
    try:
        json.loads(line)
    except ValueError as error:  # one object on many lines, or no JSON
        if not line.lstrip().startswith("{"):
            msg = f"{path}:{number}: is not JSON: {error}."
            raise InputError(msg) from error
        whole = line + "\n" + lines.rest()
        yield from _by_id(path, layout, _parsed(whole, f"{path}:{number}"))
        return
    value, following = _parsed(line, f"{path}:{number}"), next(lines, None)
    if following is None:
        yield from _by_id(path, layout, value)
        return
    yield _named(layout, value, f"{path}:{number}")
    for number, line in itertools.chain([following], lines):
        place = f"{path}:{number}"
        yield _named(layout, _parsed(line, place), place)


def _array(path: Path, layout: Layout, values: object) -> Iterator[Row]:
    if not isinstance(values, list):
        msg = "must be an array of objects."
        raise InputError(msg, who=str(path))
    for i, value in enumerate(values):
        yield _named(layout, value, f"{path}[{i}]")


def _by_id(path: Path, layout: Layout, value: object) -> Iterator[Row]:
    """Read ``{id: text}``, or ``{query: {document: number}}``."""
    if not isinstance(value, Mapping) or layout.places(list(value)):
        yield _named(layout, value, str(path))
        return
    for key, item in value.items():
        place = f"{path}[{key!r}]"
        if layout.text:
            yield Row(place, {"id": key, "text": item})
        elif isinstance(item, Mapping):
            number = "grade" if "grade" in layout.names else "score"
            for document, found in item.items():
                yield Row(place, {"query": key, "document": document, number: found})
        else:
            msg = f"must be an object of documents, got {item!r}."
            raise InputError(msg, place=place)


def _named(layout: Layout, value: object, place: str) -> Row:
    if not isinstance(value, Mapping):
        msg = f"{layout.row} must be a JSON object."
        raise InputError(msg, place=place)
    keys = list(value)
    fields = {field: value[keys[i]] for field, i in layout.places(keys).items()}
    if lacking := layout.lacking(fields):
        names = " or ".join(map(repr, layout.names[lacking[0]]))
        has = ", ".join(map(repr, keys)) or "none"
        msg = (
            f"{layout.row} has no field for its {lacking[0]} ({names}). Its "
            f"fields: {has}."
        )
        raise InputError(msg, place=place)
    return Row(place, fields)


def _parsed(text: str, place: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        msg = f"is not JSON: {error}."
        raise InputError(msg, place=place) from error
    if not isinstance(value, Mapping | list):
        msg = "must be a JSON object."
        raise InputError(msg, place=place)
    return _whole(value)  # type: ignore[return-value]  # a list is handled by callers


def _whole(value: object) -> object:
    """Replace halves of a surrogate pair, which no encoding can hold."""
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value


# Columns ----------------------------------------------------------------------------


def _csv(
    path: Path, layout: Layout, first: tuple[int, str], lines: _Lines
) -> Iterator[Row]:
    def texts() -> Iterator[str]:
        yield first[1] + "\n"
        for _, line in lines:
            yield line + "\n"

    cells = csv.reader(texts(), strict=True)
    try:
        rows = ((cells.line_num, row) for row in cells)
        yield from _fields(path, layout, rows, "commas")
    except csv.Error as error:
        msg = f"{path}:{cells.line_num}: is not CSV: {error}."
        raise InputError(msg) from error


def _columns(
    path: Path, layout: Layout, first: tuple[int, str], lines: _Lines
) -> Iterator[Row]:
    if layout.text:
        header = [plain(cell) for cell in first[1].split("\t")]
        most = -1 if layout.complete(layout.places(header)) else 1
        split: Callable[[str], list[str]] = partial(
            str.split, sep="	", maxsplit=most
        )
        separator = "tabs"
    else:
        separator, split = _separator(layout, first[1])

    def rows() -> Iterator[tuple[int, list[str]]]:
        yield first[0], split(first[1])
        for number, line in lines:
            yield number, split(line)

    yield from _fields(path, layout, rows(), separator)


def _separator(layout: Layout, line: str) -> tuple[str, Callable[[str], list[str]]]:
    """Return what separates the fields of a file, told from its first line.

    Ids may hold spaces where tabs separate, and tabs where spaces do.
    """
    for name, split in _SEPARATORS.items():
        cells = split(line)
        if len(cells) in layout.columns or layout.complete(layout.places(cells)):
            return name, split
    return "white space", str.split


def _fields(
    path: Path,
    layout: Layout,
    rows: Iterator[tuple[int, list[str]]],
    separator: str,
) -> Iterator[Row]:
    """Give the cells of each row their names; every row has as many as the first."""
    places: Mapping[str, int] | None = None
    width = 0
    for number, cells in rows:
        place = f"{path}:{number}"
        if places is None:
            width = len(cells)
            places = layout.places(cells)
            if layout.complete(places) and len(places) > 1:
                continue  # a header
            places = _positions(layout, cells, place, separator)
        if len(cells) != width:
            got = "" if layout.text else f": {cells!r}"
            msg = (
                f"must have {width} fields between {separator}, as the first "
                f"line has, got {len(cells)}{got}."
            )
            raise InputError(msg, place=place)
        yield Row(place, {field: cells[i] for field, i in places.items()})


def _positions(
    layout: Layout, cells: Sequence[str], place: str, separator: str
) -> dict[str, int]:
    if len(cells) not in layout.columns:
        got = f"{len(cells)} fields between {separator}"
        got += "" if layout.text else f": {cells!r}"
        msg = f"{layout.row} must be {layout.form!r}, got {got}."
        raise InputError(msg, place=place)
    return {field: i for i, field in enumerate(layout.columns[len(cells)]) if field}
