"""The repository's own rules: layout, names, sizes, and what must not be committed."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from resift import errors
from resift.catalog import COMMANDS, RERANKERS, WRAPPERS, normalized, published
from resift.plugin import HOOKS

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
CORE = sorted(
    set(ROOT.glob("core/resift/**/*.py")) - {ROOT / "core/resift/__main__.py"}
)
SOURCES = [*CORE, *sorted(ROOT.glob("plugins/*/src/**/*.py"))]
TESTS = [
    *sorted(ROOT.glob("tests/**/*.py")),
    *sorted(ROOT.glob("plugins/*/tests/**/*.py")),
]

NAMESPACES = {"resift-haystack": "haystack_integrations"}
"""Packages of others, without an `__init__`, that a plugin adds modules to."""

plugins = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)


@cache
def project(folder: Path) -> dict:
    """Return the pyproject of a folder."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed source of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def entry_points(plugin: Path, group: str) -> dict[str, str]:
    """Return the entry points of one group."""
    return project(plugin)["project"].get("entry-points", {}).get(group, {})


def committed() -> list[Path]:
    """Return every file that git tracks, or would."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


# Plugins -----------------------------------------------------------------------------


def test_there_are_plugins():
    """The rules below are not held by an empty list."""
    assert len(PLUGINS) >= 5


@plugins
def test_folder_distribution_and_import_package_have_one_name(plugin):
    """One folder is one distribution, with one import package of that name.

    Beside it may stand a namespace of a framework that loads components from there
    alone.
    """
    name = project(plugin)["project"]["name"]
    packages = [path.name for path in (plugin / "src").iterdir() if path.is_dir()]

    assert name == plugin.name == normalized(name)
    assert name.startswith("resift-")
    assert set(packages) - {"__pycache__", NAMESPACES.get(name)} == {
        name.replace("-", "_")
    }


@plugins
def test_a_plugin_is_complete(plugin):
    """README, licence, tests, type marker, and the metadata that a package needs."""
    package = plugin / "src" / plugin.name.replace("-", "_")
    metadata = project(plugin)["project"]

    assert (plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (plugin / "README.md").stat().st_size > 200
    assert (package / "py.typed").is_file()
    assert list((plugin / "tests").glob("test_*.py"))
    assert metadata["license"] == "Apache-2.0"
    assert metadata["requires-python"] == ">=3.11"
    assert metadata["description"].endswith(".")
    assert any(
        re.match(r"resift(\[\w+\])?>=", line) for line in metadata["dependencies"]
    )
    assert project(plugin)["build-system"]["build-backend"] == "hatchling.build"


@plugins
def test_tools_are_configured_at_the_root_only(plugin):
    """A plugin's pyproject configures its build and nothing else."""
    assert set(project(plugin).get("tool", {})) <= {"hatch"}


@plugins
def test_entry_points_stay_inside_their_package(plugin):
    """Every entry point names something in the plugin's own package.

    A package that has none is one that others are built on, or one that is imported:
    an adapter of a framework.
    """
    groups = project(plugin)["project"].get("entry-points", {})
    needed = [n for p in PLUGINS for n in project(p)["project"]["dependencies"]]
    is_adapter = "resift-adapter" in built_on(plugin)

    assert (
        groups
        or plugin.name in {re.match(r"[\w-]+", n)[0] for n in needed}
        or is_adapter
    )
    assert set(groups) <= {RERANKERS, COMMANDS, WRAPPERS}
    for name, target in ((n, t) for group in groups.values() for n, t in group.items()):
        assert name == normalized(name)
        module, _, attribute = target.partition(":")
        assert module.partition(".")[0] == plugin.name.replace("-", "_")
        assert hasattr(importlib.import_module(module), attribute)


@plugins
def test_a_namespace_belongs_to_no_plugin(plugin):
    """It has no `__init__` above the folder called resift: others add to it, too."""
    namespace = plugin / "src" / NAMESPACES.get(plugin.name, "none")
    owned = {path.parent.name for path in namespace.rglob("__init__.py")}

    assert owned <= {"resift"}


@plugins
def test_a_plugin_is_installed_for_development(plugin):
    """One of two files has every plugin, so that its tests can run.

    `requirements-frameworks.txt` has the adapters of heavy frameworks, whose tests are
    skipped without it.
    """
    files = [ROOT / f"requirements-{name}.txt" for name in ("dev", "frameworks")]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    folder = f"-e plugins/{plugin.name}"

    assert [line.split("[")[0] for line in lines].count(folder) == 1


def built_on(plugin: Path) -> dict[str, Path]:
    """Return the plugins that one needs, in the order of need, and itself last."""
    found: dict[str, Path] = {}
    for line in project(plugin)["project"]["dependencies"]:
        needed = plugin.parent / re.match(r"[\w-]+", line)[0]
        if needed in PLUGINS:
            found |= built_on(needed)
    return {**found, plugin.name: plugin}


@plugins
def test_a_plugin_says_how_it_installs_from_a_clone(plugin):
    """Its README has one line that names it and every plugin it is built on."""
    folders = " ".join(f"./plugins/{name}" for name in built_on(plugin))
    line = f"pip install . {folders}   # or, in a clone of resift"

    lines = (plugin / "README.md").read_text(encoding="utf-8").splitlines()

    assert [found for found in lines if found.startswith("pip install . ")] == [line]


def test_the_extras_of_the_core_are_the_plugins():
    """`resift[cohere]` brings `resift-cohere`, and so on for all but the libraries."""
    extras = project(ROOT)["project"]["optional-dependencies"]
    offering = [p for p in PLUGINS if project(p)["project"].get("entry-points")]

    assert {
        name: extras[name] for name in extras if name not in ("lancedb", "test")
    } == {
        plugin.name.removeprefix("resift-"): [f"{plugin.name}>=0.1"]
        for plugin in offering
    }


def test_published_names_are_those_of_the_plugins():
    """The file behind `pip install ...` hints holds the plugins' entry points."""
    found = {
        group: {
            n: plugin.name for plugin in PLUGINS for n in entry_points(plugin, group)
        }
        for group in (RERANKERS, COMMANDS, WRAPPERS)
    }

    assert {group: published(group) for group in found} == found


def test_the_core_registers_itself_in_the_same_groups():
    """The core's rerankers are entry points that exist."""
    for target in entry_points(ROOT, RERANKERS).values():
        module, _, attribute = target.partition(":")

        assert inspect.isclass(getattr(importlib.import_module(module), attribute))


def test_the_core_needs_no_command_line():
    """The core depends on five packages, and imports neither click nor rich."""
    lines = project(ROOT)["project"]["dependencies"]
    needed = {re.split(r"[^\w.-]", line)[0] for line in lines}
    imported = {
        alias.name.partition(".")[0]
        for path in CORE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").partition(".")[0]
        for path in CORE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
    }

    assert needed == {"importlib-metadata", "numpy", "pluggy", "pyarrow", "pydantic"}
    assert imported.isdisjoint({"click", "rich", "resift_cli"})


# Documentation -----------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook):
    """The page for authors has the signature and the arguments of each hook."""
    page = (ROOT / "docs" / "authors" / "hooks.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {hook}\n")[2].partition("\n## ")[0]

    assert f"```text\ndef {hook}(" in section
    assert re.findall(r"^- `(\w+)`:", section, re.MULTILINE) == list(HOOKS[hook])


def test_the_tree_of_errors_is_drawn_as_it_is():
    """The drawing in `resift.errors` names every error, under its parent."""
    drawn = re.findall(
        r"^( *)[│ ]*(?:[├└]── )?(\w+Error)\b", errors.__doc__, re.MULTILINE
    )
    names = [name for _, name in drawn]

    assert sorted(names) == errors.__all__
    lines = [line for line in errors.__doc__.splitlines() if re.search(r"[├└]──", line)]
    parents = ["ResiftError"]
    for line in lines:
        depth = line.index("──") // 4
        name = re.search(r"\w+Error", line)[0]
        parents[depth:] = [name]
        bases = [base.__name__ for base in getattr(errors, name).__mro__]
        assert parents[depth - 1] in bases
        if builtin := re.search(r"\((\w+)\)", line):
            assert builtin[1] in bases


# Modules -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_is_true(path):
    """A module's `__all__` names what exists, and leaves out what is private."""
    name = ".".join(path.relative_to(ROOT / "core").with_suffix("").parts)
    module = importlib.import_module(name.removesuffix(".__init__"))
    public = getattr(module, "__all__", None)
    if public is None:  # a page, or checks that are found by their decorator
        assert path.name == "__init__.py" or path.parent.name == "checks"
        return

    assert len(set(public)) == len(public)
    for item in public:
        assert item == "__version__" or not item.startswith("_")
        assert hasattr(module, item)


def functions() -> Iterator[tuple[str, int]]:
    """Yield each function and how many lines its body has, the docstring aside."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                yield f"{path.relative_to(ROOT)}: {node.name}", lines


def test_functions_are_short():
    """No function has a body of more than 40 lines, and most have at most 10."""
    lengths = dict(functions())

    assert {name: n for name, n in lengths.items() if n > 40} == {}
    assert statistics.median(lengths.values()) <= 10


@pytest.mark.parametrize(
    "word", ["utils", "helpers", "manager", "base", "common", "misc"]
)
def test_no_module_is_a_drawer(word):
    """Every module is one noun of the documentation."""
    assert [path for path in [*SOURCES, *TESTS] if path.stem.strip("_") == word] == []


def test_tests_say_what_they_hold():
    """Every test has a docstring that states a fact."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").endswith(".")
    ]

    assert silent == []


def test_test_folders_are_no_packages():
    """`--import-mode=importlib` needs no `__init__.py`."""
    assert [path for path in TESTS if path.name == "__init__.py"] == []


# What is committed -------------------------------------------------------------------

FORBIDDEN = re.compile(
    "|".join(
        [
            rf"(?:{'py' + 'pi'}|{'python' + 'hosted'}|{'npm' + 'js'}|{'deb' + 'ian'})"
            r"\.(?:org|io|com)",
            rf"/(?:{'wo' + 'rk'}|{'ro' + 'ot'}|{'ho' + 'me'}/\w+)/",
            rf"/{'tmp'}/bash_jobs",
        ]
    )
)


def test_no_registry_and_no_machine_is_named():
    """No committed line names a package registry's host or a path of a machine."""
    found = []
    for path in committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        found += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), start=1)
            if FORBIDDEN.search(line)
        ]

    assert found == []


def test_nothing_large_is_committed():
    """Models and data are fetched or built, never committed."""
    assert [path for path in committed() if path.stat().st_size > 500_000] == []
