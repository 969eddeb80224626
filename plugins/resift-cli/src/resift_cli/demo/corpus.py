"""The demo's corpus: what the running Python's standard library says about itself.

Every module's source is parsed, never imported: importing would open windows and
browsers. A document is one public module, class, function or method that has a
docstring, under the name by which a user imports it: ``asyncio.gather``, although its
source is in ``asyncio/tasks.py``.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from resift.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Definition", "Docstring", "Module", "docstrings", "parse", "source_files"]

# Tests, tools and vendored wheels; what needs a display, and so is missing on servers;
# the codec tables, a hundred files with one sentence; and the Windows twin of
# posixpath, which repeats it word for word.
_LEFT_OUT = frozenset({
    "__phello__", "config", "dist-packages", "distutils", "encodings", "ensurepip",
    "idlelib", "lib-dynload", "lib2to3", "ntpath", "nturl2path", "pydoc_data",
    "site-packages", "test", "tests", "tkinter", "turtle", "turtledemo",
})  # fmt: skip

# Modules that no import statement ties to the name they are used by.
_KNOWN_AS = {"posixpath": "os.path", "genericpath": "os.path", "_pyio": "io"}

_Node: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_DEFINING: tuple[type[_Node], ...] = (
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
)
_Statement = TypeVar("_Statement", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Docstring:
    """One document.

    Args:
        name: What a user imports: ``"difflib.get_close_matches"``.
        kind: ``"module"``, ``"class"``, ``"function"`` or ``"method"``.
        text: The name with its arguments, a blank line, and the docstring.
    """

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One documented class, function or method, as it is called inside its module.

    Args:
        name: ``"Circle.area"``.
        kind: ``"class"``, ``"function"`` or ``"method"``.
        arguments: ``"(unit='cm')"``; empty for a class.
        doc: Its docstring.
    """

    name: str
    kind: str
    arguments: str
    doc: str


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: what it defines, and what it takes from other modules.

    Args:
        name: Dotted name of the module.
        doc: Its docstring, or None.
        definitions: What is documented of each top-level class and function.
        imports: ``(module, name)`` pairs; the name is ``"*"`` for a star import.
        exports: ``__all__`` where it is written out, else None.
    """

    name: str
    doc: str | None
    definitions: dict[str, list[Definition]]
    imports: list[tuple[str, str]]
    exports: frozenset[str] | None


def source_files(folder: Path | None = None) -> list[Path]:
    """List the source files of the standard library, in a fixed order.

    Raises:
        InputError: If there are none: some Pythons come without their source.
    """
    folder = folder or Path(sysconfig.get_path("stdlib"))
    paths = []
    for place, folders, files in os.walk(folder):
        folders[:] = filter(_is_wanted, folders)  # site-packages may be huge
        paths += [Path(place, file) for file in filter(_is_wanted, files)]
    paths = sorted(path for path in paths if path.suffix == ".py")
    if not paths:
        msg = (
            f"this Python keeps no source of its standard library in {folder}. "
            "Run the demo with a Python that does."
        )
        raise InputError(msg, who="demo")
    return paths


def parse(path: Path, folder: Path | None = None) -> Module | None:
    """Parse one source file; None where it is not in this Python's syntax."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old modules have invalid escapes
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return None
    folder = folder or Path(sysconfig.get_path("stdlib"))
    parts = path.relative_to(folder).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    package = name if is_package else name.rpartition(".")[0]
    return Module(
        name=name,
        doc=ast.get_docstring(tree),
        definitions={
            name: list(_documented(node, name, "function"))
            for name, node in _definitions(tree).items()
        },
        imports=[
            (_absolute(node, package), alias.name)
            for node in _statements(tree, (ast.ImportFrom,))
            for alias in node.names
            if alias.asname is None
        ],
        exports=_exports(tree),
    )


def docstrings(modules: Iterable[Module]) -> list[Docstring]:
    """Return every public name of these modules that is documented, each once."""
    by_name = {module.name: module for module in modules}
    publishers = _publishers(by_name)
    found: dict[str, Docstring] = {}
    for module in by_name.values():
        home = _KNOWN_AS.get(module.name, module.name)
        documents = []
        if module.doc:
            documents.append(Docstring(home, "module", f"{home}\n\n{module.doc}"))
        for name, definitions in module.definitions.items():
            public = publishers.get((module.name, name), home)
            documents += [_docstring(public, each) for each in definitions]
        for document in documents:
            if _is_public(document.name):
                found.setdefault(document.name, document)
    return list(found.values())


def _docstring(module: str, definition: Definition) -> Docstring:
    name = f"{module}.{definition.name}"
    text = f"{name}{definition.arguments}\n\n{definition.doc}"
    return Docstring(name, definition.kind, text)


def _documented(node: _Node, name: str, kind: str) -> Iterator[Definition]:
    """Yield a definition, and those in its body, as far as they are documented."""
    is_class = isinstance(node, ast.ClassDef)
    if doc := ast.get_docstring(node):
        yield Definition(name, "class" if is_class else kind, _arguments(node), doc)
    if is_class:
        for child, inner in _definitions(node).items():
            yield from _documented(inner, f"{name}.{child}", "method")


def _definitions(body: ast.AST) -> dict[str, _Node]:
    """Return what is defined; of several of one name, the first documented one."""
    found: dict[str, _Node] = {}
    for node in _statements(body, _DEFINING):
        kept = found.setdefault(node.name, node)
        if ast.get_docstring(kept) is None:
            found[node.name] = node
    return found


def _statements(
    body: ast.AST, kinds: tuple[type[_Statement], ...]
) -> Iterator[_Statement]:
    """Yield the statements of these kinds, also those under an `if` or a `try`."""
    for child in ast.iter_child_nodes(body):
        if isinstance(child, kinds):
            yield child
        elif isinstance(child, (ast.If, ast.Try, ast.ExceptHandler, ast.With)):
            yield from _statements(child, kinds)


def _arguments(node: _Node) -> str:
    if isinstance(node, ast.ClassDef):
        return ""
    arguments = ast.unparse(node.args)
    first, _, rest = arguments.partition(", ")
    return f"({rest if first in ('self', 'cls') else arguments})"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the module that a `from` statement in *package* names."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _exports(tree: ast.Module) -> frozenset[str] | None:
    for node in _statements(tree, (ast.Assign,)):
        if [ast.unparse(target) for target in node.targets] == ["__all__"]:
            try:
                return frozenset(ast.literal_eval(node.value))
            except ValueError:
                return None  # put together at run time
    return None


def _publishers(modules: dict[str, Module]) -> dict[tuple[str, str], str]:
    """Map ``(module, name)`` to the shorter module that users import it from.

    A module publishes what it imports from its own submodules or from private modules.
    """
    found: dict[tuple[str, str], str] = {}
    for publisher in sorted(filter(_is_public, modules), key=len):
        for source, name in modules[publisher].imports:
            if source not in modules:
                continue
            if source.startswith(f"{publisher}.") or not _is_public(source):
                names = _exported(modules[source]) if name == "*" else [name]
                for each in names:
                    found.setdefault((source, each), publisher)
    return found


def _exported(module: Module) -> Iterable[str]:
    if module.exports is not None:
        return module.exports
    return filter(_is_public, module.definitions)


def _is_wanted(name: str) -> bool:
    return name.removesuffix(".py").partition("-3.")[0] not in _LEFT_OUT


def _is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))
