"""`resift config`: the configuration that applies here."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from resift_cli.output import console, is_terminal, json_option, note, write_json
from resift_cli.parameters import config_option, find_config
from resift_cli.secrets import table_without_secrets, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from resift.authors import Config, Entry

__all__ = ["settings_of", "show_config"]


@click.command("config")
@json_option
@config_option
def show_config(*, as_json: bool, config_path: Path | None) -> None:
    """Show the configuration that applies here.

    The file is the one that --config names, or else RESIFT_CONFIG, or else the nearest
    resift.toml (or pyproject.toml with [tool.resift]) from here up to the root of the
    repository. Entries are shown merged with the entries they use, and the default as
    RESIFT_RERANKER overrides it. Secrets are hidden.

    The output is TOML, laid out to fit a terminal. Names that are not installed are
    marked.

    \b
    Examples:
      resift config
      resift config --config search.toml --json
    """  # noqa: D301  # click keeps the lines after a \b as they are
    config = find_config(config_path)
    merged = _merged(config)
    if as_json:
        write_json({"file": config.path and str(config.path), **merged})
        return
    if config.path is None:
        note("no config file applies here; a resift.toml in this directory would.")
    if not is_terminal():
        sys.stdout.writelines(f"{line}\n" for line in _toml(config, merged))
        return
    from rich.syntax import Syntax

    wide = console()
    text = "\n".join(_toml(config, merged, wide.width))
    syntax = Syntax(text, "toml", theme="ansi_dark", background_color="default")
    wide.print(syntax.highlight(text), soft_wrap=True, end="")


def settings_of(entry: Entry) -> dict[str, object]:
    """Return what a config entry says, without secrets."""
    options = without_secrets(entry.use, entry.options)
    return {
        "use": entry.use,
        **entry.settings.given(),
        **({"options": options} if options else {}),
    }


def _merged(config: Config) -> dict[str, Any]:
    from resift.authors import Loader

    loader = Loader(config)
    return {
        "default": os.environ.get("RESIFT_RERANKER") or config.default,
        "wrappers": [
            wrapper if isinstance(wrapper, str) else table_without_secrets(wrapper)
            for wrapper in config.wrappers
        ],
        "rerankers": {
            name: settings_of(loader.resolve(name)[0]) for name in config.rerankers
        },
    }


def _toml(
    config: Config, merged: Mapping[str, Any], width: float = math.inf
) -> Iterator[str]:
    """Yield lines of TOML, broken where TOML may be, to fit *width*."""
    from resift.authors import WRAPPERS, catalog

    if config.path:
        yield f"# {config.path}"
    if default := merged["default"]:
        origin = ["from RESIFT_RERANKER"] if default != config.default else []
        yield _line("default", default, [*origin, *_missing(default, config)])
    if wrappers := merged["wrappers"]:
        known = catalog(WRAPPERS)
        absent = [name for name in map(_name, wrappers) if name not in known]
        remark = f"not installed: {', '.join(absent)}"
        yield _line("wrappers", wrappers, [remark] if absent else [], width)
    for name, settings in merged["rerankers"].items():
        yield ""
        yield f"[rerankers.{_key(name)}]"
        remarks = {
            key: _missing(_name(settings[key]), config)
            for key in ("use", "merge")
            if key in settings
        }
        yield from _settings(f"rerankers.{_key(name)}", settings, remarks, width)


def _settings(
    path: str,
    settings: Mapping[str, Any],
    remarks: Mapping[str, Sequence[str]],
    width: float,
) -> Iterator[str]:
    """Yield the keys of one table, then a table of its own for each long value."""
    tables = {}
    for key, value in settings.items():
        line = _line(_key(key), value, remarks.get(key, ()), width)
        if isinstance(value, Mapping) and len(line) > width:
            tables[key] = value
        else:
            yield line
    for key, value in tables.items():
        inner = f"{path}.{_key(key)}"
        yield ""
        yield "  # ".join([f"[{inner}]", *remarks.get(key, ())])
        yield from _settings(inner, value, {}, width)


def _line(
    key: str, value: object, remarks: Sequence[str], width: float = math.inf
) -> str:
    line = f"{key} = {_value(value)}"
    if len(line) > width and isinstance(value, list):
        items = "".join(f"    {_value(item)},\n" for item in value)
        line = f"{key} = [\n{items}]"
    elif len(line) > width and isinstance(value, str):
        line = f"{key} = {_folded(value, width)}"
    return f"{line}  # {', '.join(remarks)}" if remarks else line


def _folded(text: str, width: float) -> str:
    """Write a text over several lines; TOML drops what follows a last backslash."""
    words = re.findall(r"\S+\s*", text)
    if text[:1].isspace() or len(words) < 2:
        return _value(text)
    lines = [""]
    for word in words:
        inner = _value(word)[1:-1]
        if lines[-1] and len(lines[-1]) + len(inner) > width - len("    \\"):
            lines.append("")
        lines[-1] += inner
    return '"""\\\n    ' + "\\\n    ".join(lines) + '"""'


def _missing(name: str, config: Config) -> list[str]:
    """Remark that a reranker is neither configured nor installed."""
    from resift.authors import catalog

    known = config.get(name) is not None or name in catalog()
    return [] if known else ["not installed"]


def _name(value: object) -> str:
    """Return the name that a setting asks for, which may be a table with ``use``."""
    return str(value.get("use") if isinstance(value, Mapping) else value)


def _value(value: object) -> str:
    """Write a value as TOML does, tables inline."""
    if isinstance(value, Mapping):
        items = (f"{_key(str(key))} = {_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(items)} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # numbers, dates


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _value(name)
