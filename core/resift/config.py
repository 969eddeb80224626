"""The config file: names of your own for rerankers, with their options.

The file is the first of: the path given, the environment variable ``RESIFT_CONFIG``,
and the nearest ``resift.toml`` (or ``pyproject.toml`` with a ``[tool.resift]`` table)
from the working directory up to the root of the repository.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resift.catalog import normalized
from resift.errors import ConfigError, InputError, ResiftError
from resift.settings import Settings

__all__ = ["Config", "Entry", "nested_entry", "written_in"]

FILE_NAME = "resift.toml"
_TOP_LEVEL = ("default", "wrappers", "rerankers", "commands")


@dataclass(frozen=True)
class Entry:
    """One ``[rerankers.NAME]`` table.

    Args:
        use: The reranker it configures: an installed one, or another entry.
        options: Options of that reranker.
        settings: What it sets beside them.
        name: The table's own, as it is written; empty for what is given in a call.
        layers: The entries that this one was put together from, the top one first.
    """

    use: str
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    settings: Settings = field(default_factory=Settings, repr=False)
    name: str = field(default="", compare=False)
    layers: tuple[Entry, ...] = field(default=(), compare=False, repr=False)

    def over(self, other: Entry) -> Entry:
        """Return *other* with everything that this entry sets put on top."""
        options = {**other.options, **self.options}
        layers = (*(self.layers or (self,)), *(other.layers or (other,)))
        settings = self.settings.over(other.settings)
        return Entry(other.use, options, settings, layers=layers)

    def source(self, key: str) -> str:
        """Return the name of the topmost entry with that option or setting."""
        layers = self.layers or (self,)
        return next(
            (e.name for e in layers if key in {*e.options, *e.settings.given()}), ""
        )

    def names(self) -> list[str]:
        """Return the names of the entries that it is made of, the top one first."""
        return [layer.name for layer in self.layers or (self,) if layer.name]


@dataclass(frozen=True)
class Config:
    """What one config file says.

    Args:
        default: The reranker that `resift.load()` without a name means.
        rerankers: The entries by normalised name.
        path: The file, or None where none was read.
        wrappers: Wrappers of every reranker that is loaded: names, or tables.
        commands: By the name of a command, defaults of its options.
    """

    default: str | None = None
    rerankers: Mapping[str, Entry] = field(default_factory=dict)
    path: Path | None = None
    wrappers: Sequence[str | Mapping[str, object]] = field(default=(), repr=False)
    commands: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def find(cls, start: Path | None = None) -> Config:
        """Read the config that applies in *start* (the working directory).

        Raises:
            ConfigError: If the file is wrong, or RESIFT_CONFIG names none.
        """
        if given := os.environ.get("RESIFT_CONFIG"):
            return cls.read(Path(given), "named by RESIFT_CONFIG")
        here = start.resolve() if start else _working_directory()
        for folder in (here, *here.parents):
            if (path := folder / FILE_NAME).is_file():
                return cls.read(path)
            path = folder / "pyproject.toml"
            if path.is_file() and _table(_parse(path), path) is not None:
                return cls.read(path)
            if (folder / ".git").exists():
                break
        return cls()

    @classmethod
    def read(cls, path: str | Path, how: str = "") -> Config:
        """Read one file: ``resift.toml``, or ``[tool.resift]`` of a pyproject.

        Raises:
            ConfigError: If it is missing, no TOML, or holds an unknown key or a value
                of the wrong type.
        """
        path = Path(path).expanduser()
        file = f"Config file {str(path)!r}{f', {how},' if how else ''}"
        if path.is_dir():
            msg = f"{file} is a directory. Name the file in it."
            raise ConfigError(msg, who=file)
        if not path.is_file():
            msg = f"{file} does not exist."
            raise ConfigError(msg, who=file)
        parsed = _parse(path)
        data = _table(parsed, path) if path.name == "pyproject.toml" else parsed
        if data is None:
            msg = f"{file} has no table [tool.resift]. Add it, or name another file."
            raise ConfigError(msg, who=file)
        return cls.of(data, path)

    @classmethod
    def of(cls, data: Mapping[str, object], path: Path | None = None) -> Config:
        """Build a config from the mapping that a file holds.

        Raises:
            ConfigError: If a key is unknown or a value has the wrong type.
        """
        where = str(path) if path else "The config"
        _require_keys(data, _TOP_LEVEL, where)
        default = _typed(data, "default", (str,), where)
        tables = _typed(data, "rerankers", (Mapping,), where) or {}
        entries: dict[str, Entry] = {}
        for name, table in tables.items():
            key = normalized(str(name))
            if key in entries:
                msg = f"[rerankers.{name}] is given twice, as {key!r}."
                raise ConfigError(msg, who=where)
            entries[key] = _entry(f"{where}: [rerankers.{name}]", table, str(name))
        wrappers = _typed(data, "wrappers", (list,), where) or ()
        for wrapper in wrappers:
            _typed({"wrappers": wrapper}, "wrappers", (str, Mapping), where)
        commands = _typed(data, "commands", (Mapping,), where) or {}
        for name in commands:
            _typed(commands, name, (Mapping,), f"{where}: [commands]")
        by_name = {normalized(str(name)): commands[name] for name in commands}
        return cls(default, entries, path, tuple(wrappers), by_name)

    def get(self, name: str) -> Entry | None:
        """Return the entry called *name*, or None."""
        return self.rerankers.get(normalized(name))

    def where(self) -> str:
        """Name the file, for messages."""
        return str(self.path) if self.path else "the config"


@contextmanager
def written_in(place: str) -> Iterator[None]:
    """Say of errors inside that *place* is where to look, unless it is empty.

    Of places inside places, the innermost.
    """
    try:
        yield
    except ResiftError as error:
        error.place = error.place or place
        raise


def nested_entry(table: Mapping[str, object]) -> Entry:
    """Return what a table with ``use`` says that stands for a reranker.

    Raises:
        ConfigError: If a key is unknown or a value has the wrong type.
    """
    return _entry("A reranker's table", table)


_NAMES: dict[type, str] = {str: "a string", Mapping: "a table", list: "a list"}


def _entry(where: str, table: object, name: str = "") -> Entry:
    if not isinstance(table, Mapping):
        got = _NAMES.get(type(table), str(table))
        msg = f"{where} must be a table with a key 'use', got {got}."
        raise ConfigError(msg)
    _require_keys(table, ("use", "options", *Settings.names()), where)
    given = {key: value for key, value in table.items() if value is not None}
    use = _typed(given, "use", (str,), where)
    options = _typed(given, "options", (Mapping,), where)
    _typed(given, "merge", (str, Mapping), where)
    if use is None:
        msg = f"{where} needs the key 'use': the name of an installed reranker."
        raise ConfigError(msg)
    try:
        settings = Settings(**{k: given[k] for k in Settings.names() if k in given})
    except InputError as error:
        raise error.recast(ConfigError, who=where) from None
    return Entry(use, options or {}, settings, name)


def _require_keys(data: Mapping[str, object], known: Sequence[str], where: str) -> None:
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            keys = ", ".join(map(repr, known))
            msg = f"unknown key {key!r}.{hint} Keys: {keys}."
            raise ConfigError(msg, who=where)


def _typed(
    data: Mapping[str, object], key: str, kinds: tuple[type, ...], where: str
) -> Any:  # noqa: ANN401  # one of the kinds, or None
    value = data.get(key)
    if value is None or isinstance(value, kinds):
        return value
    wanted = " or ".join(_NAMES[kind] for kind in kinds)
    # of a string only that it is one: it may be a misplaced key
    got = next((n for kind, n in _NAMES.items() if isinstance(value, kind)), str(value))
    msg = f"{key!r} must be {wanted}, got {got}."
    raise ConfigError(msg, who=where)


def _table(data: Mapping[str, object], path: Path) -> Mapping[str, object] | None:
    """Return the table ``[tool.resift]`` of a pyproject, or None."""
    tools = _typed(data, "tool", (Mapping,), str(path)) or {}
    table: Mapping[str, object] | None
    table = _typed(tools, "resift", (Mapping,), f"{path}: [tool]")
    return table


def _working_directory() -> Path:
    try:
        return Path.cwd().resolve()
    except OSError as error:
        msg = (
            f"The working directory cannot be read, nor searched for {FILE_NAME}: "
            f"{error.strerror}. Change to another, or name the config file; None reads "
            "none."
        )
        raise ConfigError(msg) from error


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read as TOML: {error}."
        raise ConfigError(msg, who=str(path)) from error
