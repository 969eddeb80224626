"""The house: which module may import which, and what plugins may use of the core."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import resift
from resift import authors

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "resift": ROOT / "core" / "resift",
    **{path.name: path for path in sorted(ROOT.glob("plugins/*/src/*_*"))},
}

FLOORS = [
    ["resift.redaction"],
    ["resift.errors"],
    [
        "resift.threads",
        "resift.arrow",
        "resift.catalog",
        "resift.spans",
        "resift.blocks",
    ],
    ["resift.scores", "resift.notes", "resift.settings"],
    ["resift.common_type", "resift.list_scores", "resift.ranking"],
    ["resift.hookspecs", "resift.config", "resift.union"],
    ["resift.plugin", "resift.columns"],
    ["resift.options", "resift.traits"],
    ["resift.building", "resift.host"],
    ["resift.pipeline"],
    ["resift.many"],
    ["resift.reranker"],
    ["resift.loading"],
    ["resift.registry"],
    ["resift.rerankers"],
    ["resift.authors"],
    ["resift.lancedb"],
    ["resift.testing"],
    ["resift"],
]
"""From the ground up; a package counts as one. A module imports only what is below."""

PUBLIC = [
    "resift",
    "resift.authors",
    "resift.errors",
    "resift.hookspecs",
    "resift.lancedb",
    "resift.rerankers.mergers",
    "resift.testing",
]
"""All of the core that a plugin may import."""


def modules(package: str) -> dict[str, Path]:
    """Return the modules of a package by dotted name."""
    base = PACKAGES[package]
    return {
        ".".join((package, *path.relative_to(base).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in sorted(base.rglob("*.py"))
    }


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed source of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(name: str, path: Path) -> set[str]:
    """Return every dotted name that a module imports, wherever it does."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parts = package.split(".")
                outer = ".".join(parts[: len(parts) - node.level + 1])
                source = f"{outer}.{node.module}" if node.module else outer
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


def graph(package: str) -> dict[str, set[str]]:
    """Return which modules of a package import which; its export list left out."""
    known = modules(package)
    known.pop(package, None)
    return {
        name: {other for other in imported(name, path) & set(known) if other != name}
        for name, path in known.items()
    }


def floor(module: str) -> int:
    """Return on which floor a module of the core stands."""
    for number, names in enumerate(FLOORS[:-1]):
        if any(module == n or module.startswith(f"{n}.") for n in names):
            return number
    pytest.fail(f"{module} stands on no floor")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_ring(package):
    """Imports inside functions and for type checkers count, too."""
    try:
        TopologicalSorter(graph(package)).prepare()
    except CycleError as error:
        pytest.fail(f"ring: {' -> '.join(error.args[1])}")


def test_no_arrow_of_the_core_runs_up():
    """Requests go down only: a module imports what stands on a lower floor."""
    upwards = {
        f"{name} -> {other}"
        for name, others in graph("resift").items()
        for other in others
        if floor(other) > floor(name)
        or (floor(other) == floor(name) and not _one_package(name, other))
    }

    assert upwards == set()


def _one_package(name: str, other: str) -> bool:
    package = name.split(".")[1]
    return package == other.split(".")[1]


def test_no_module_reaches_into_the_private_names_of_another():
    """Nothing is imported, and no lint is silenced, that begins with an underscore."""
    private = {
        f"{name}: {other}"
        for package in PACKAGES
        for name, path in modules(package).items()
        for other in imported(name, path)
        if other.startswith(package)
        and other.rpartition(".")[2].startswith("_")
        and not other.endswith("__")
    }
    silenced = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package).values()
        if "noqa: SLF001" in path.read_text(encoding="utf-8")
    }

    assert private == set()
    assert silenced == set()


def test_plugins_use_the_public_line_alone():
    """What else is in the core may move; these names do not."""
    beyond = set()
    for package in set(PACKAGES) - {"resift"}:
        for name, path in modules(package).items():
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ImportFrom) and not node.level:
                    source = node.module or ""
                    if source.split(".")[0] == "resift" and not _public(source):
                        beyond.add(f"{name}: {source}")
                elif isinstance(node, ast.Import):
                    beyond |= {
                        f"{name}: {alias.name}"
                        for alias in node.names
                        if alias.name.split(".")[0] == "resift"
                        and not _public(alias.name)
                    }

    assert beyond == set()


def _public(source: str) -> bool:
    return source in PUBLIC


@pytest.mark.parametrize("module", [resift, authors], ids=lambda m: m.__name__)
def test_every_public_name_is_there(module):
    """The list is sorted, and each name of it can be imported."""
    assert module.__all__ == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
