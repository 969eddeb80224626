"""What rerankers and commands say of themselves, read from source: no import."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.authors import Provider

__all__ = ["summary", "synopsis"]

_DOCUMENTED = re.compile(
    r"""^class[ ](?P<name>\w+)[^:]*:\s+
        [rR]?(?P<quote>"{3}|'{3}|"|')(?P<line>.+?)(?:(?P=quote)|\n)""",
    re.MULTILINE | re.VERBOSE,
)


def synopsis(provider: Provider) -> str:
    """Return the first line of the class's docstring.

    A distribution's summary describes all of its rerankers at once, so it only stands
    in where the class is not found.
    """
    module, _, name = provider.target.partition(":")
    for path in _sources(module):
        if line := _first_lines(path).get(name):
            return line
    return provider.summary


def summary(provider: Provider) -> str:
    """Return the first line of a command's docstring.

    The distribution's summary stands in where there is no such function.
    """
    module, _, name = provider.target.partition(":")
    for path in _sources(module):
        with suppress(OSError, SyntaxError, ValueError):
            for node in ast.parse(path.read_bytes()).body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    line = (ast.get_docstring(node) or "").partition("\n")[0]
                    return line or provider.summary
    return provider.summary


def _sources(module: str) -> list[Path]:
    """Return a module's file; of a package all its files, since it re-exports.

    Only the top-level package is looked for: to find what is inside of it, Python
    would import it.
    """
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin)] if spec.origin and not rest else []
    paths = []
    for folder in spec.submodule_search_locations:
        inside = Path(folder, *rest)
        paths += [inside.with_suffix(".py"), *sorted(inside.glob("*.py"))]
    return [path for path in paths if path.is_file()]


@cache
def _first_lines(path: Path) -> dict[str, str]:
    """Map the classes of a file to the first lines of their docstrings."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return {
        found["name"]: re.sub("[`*]", "", found["line"]).strip()
        for found in _DOCUMENTED.finditer(text)
    }
