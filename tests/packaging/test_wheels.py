"""From a wheel: the core, every plugin, and one that this project never heard of."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path

import pytest

from resift_cli.scaffold import Package

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
GROUP = "resift.rerankers"
OF_ANOTHER = {"resift"}  # the server it asks is resift-serve's, which has its suite

pytestmark = pytest.mark.slow
plugins = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
rerankers = pytest.mark.parametrize(
    "plugin",
    [path for path in PLUGINS if (path / "tests" / "test_contract.py").exists()],
    ids=lambda path: path.name,
)
libraries = pytest.mark.parametrize(
    "name", ["resift-adapter", "resift-local", "resift-opentelemetry", "resift-remote"]
)

CONFIG = """
default = "words"

[rerankers.words]
use = "word-overlap"
options = { lowercase = true }
"""
SEARCH = """
import lancedb
import pyarrow as pa
import resift.lancedb

kind = {"text": pa.string(), "vector": pa.list_(pa.float32(), 2)}
texts = ["a blue whale", "foxes are red", "the quick red fox"]
rows = {"text": texts, "vector": [[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]]}
connection = lancedb.connect("database")
table = connection.create_table("animals", pa.table(rows, schema=pa.schema(kind)))
search = table.search([1.0, 0.0]).limit(3)
found = search.rerank(resift.lancedb.load("words"), "quick red fox").to_arrow()
print(found["text"].to_pylist())
"""


def requirements(plugin: Path) -> set[str]:
    """Return what a plugin needs, and what that needs, by import name."""
    from packaging.requirements import Requirement

    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    found = {Requirement(line).name for line in project["dependencies"]}
    for path in PLUGINS:
        if path.name in found:
            found |= requirements(path)
    return {project["name"].replace("-", "_"), *(n.replace("-", "_") for n in found)}


def needed(plugin: Path, wheels: dict[str, Path]) -> list[Path]:
    """Return the wheels of the core, of a plugin, of what it is built on, and ours."""
    # what it can do is asked on the command line
    ours = {"resift", "resift_cli", *requirements(plugin)}
    return [wheel for name, wheel in wheels.items() if name in ours]


def entry_points(folder: Path, group: str = GROUP) -> set[str]:
    """Return the names that a folder's pyproject offers."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return set(project.get("entry-points", {}).get(group, {}))


def listed(environment) -> dict[str, str]:
    """Return what ``resift list`` shows in an environment: names and states."""
    rows = json.loads(environment.run("resift", "list", "--json").stdout)
    return {row["name"]: row["state"] for row in rows}


def test_wheels_hold_what_they_should(wheels: dict[str, Path]) -> None:
    """A wheel holds its packages with a type marker and the licence, and no tests."""
    sources = {path.name.replace("-", "_"): path / "src" for path in PLUGINS}
    for name, wheel in wheels.items():
        files = zipfile.ZipFile(wheel).namelist()
        source = sources.get(name)
        packages = {path.name for path in source.iterdir()} if source else {name}

        assert f"{name}/py.typed" in files
        assert any(file.endswith("licenses/LICENSE") for file in files)
        found = {file.partition("/")[0].partition("-")[0] for file in files}
        assert found == {name, *packages}
        assert not [f for f in files if "test_" in f and not f.endswith(".tmpl")]


def test_everything_together(wheels, build, environment, tmp_path) -> None:
    """Core, all plugins and a third party's: listed, configured, used, and missed."""
    pytest.importorskip("lancedb", reason="the search is one of LanceDB")
    Package("word-overlap").write(tmp_path / "package")
    third_party = build(tmp_path / "package")
    fresh = environment(*wheels.values(), *third_party)
    here = tmp_path / "project"
    here.mkdir()
    (here / "resift.toml").write_text(CONFIG)
    offered = {name for folder in (ROOT, *PLUGINS) for name in entry_points(folder)}

    assert listed(fresh) == dict.fromkeys(offered | {"word-overlap"}, "ok")
    found = fresh.run("-c", SEARCH, cwd=here)
    assert found.stdout == "['the quick red fox', 'foxes are red', 'a blue whale']\n"

    fresh.uninstall("resift-word-overlap")
    missing = fresh.run(
        "resift", "rank", "fox", "-", check=False, cwd=here, input="fox"
    )
    assert missing.returncode == 1
    assert missing.stderr.startswith(
        f"Error: {here / 'resift.toml'}: [rerankers.words]: No reranker named "
        "'word-overlap' is installed."
    )
    assert listed(fresh) == dict.fromkeys(offered, "ok")


@plugins
def test_plugin_alone_with_the_core(plugin: Path, wheels, environment) -> None:
    """A plugin works where of resift the core is, what it is built on, and no more."""
    fresh = environment(*needed(plugin, wheels))
    doctor = fresh.run("resift", "doctor", "--json", check=False)
    states = {row["name"]: row["state"] for row in json.loads(doctor.stdout)}
    groups = (GROUP, "resift.commands", "resift.wrappers")
    ours = requirements(plugin)
    there = [path for path in PLUGINS if path.name.replace("-", "_") in ours]
    offered = {name for folder in (ROOT, *there) for name in entry_points(folder)}

    assert set(listed(fresh)) == offered
    for group in groups:
        for offered in entry_points(plugin, group):
            assert states[offered] == "ok"


@rerankers
def test_plugin_keeps_the_contract_from_its_wheel(
    plugin: Path, wheels, environment, directory, tmp_path
) -> None:
    """On its wheel and what that needs, a plugin gives the results in the directory."""
    name = plugin.name.replace("-", "_")
    fresh = environment(*needed(plugin, wheels))
    options = ["-q", "-m", "", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml"]
    reports = {"RESIFT_CONTRACT_REPORTS": str(tmp_path)}
    where = fresh.run("-c", f"import {name}; print({name}.__file__)").stdout
    tests = plugin / "tests" / "test_contract.py"
    fresh.run("-m", "pytest", *options, tests, cwd=ROOT, variables=reports)
    found = directory.reports_in(tmp_path)

    assert str(fresh.folder) in where
    assert set(found) == entry_points(plugin) - OF_ANOTHER
    assert found == {name: directory.results()[name] for name in found}


@libraries
def test_library_passes_its_tests_from_its_wheel(name, wheels, environment) -> None:
    """What plugins are built on works as it is installed."""
    fresh = environment(*wheels.values())
    package = name.replace("-", "_")
    options = ["-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml"]
    where = fresh.run("-c", f"import {package}; print({package}.__file__)").stdout
    tests = ROOT / "plugins" / name / "tests"
    done = fresh.run("-m", "pytest", *options, tests, cwd=ROOT)

    assert str(fresh.folder) in where
    assert "passed" in done.stdout


def test_core_alone(core: Path, environment) -> None:
    """The core works by itself, and says where its command line is."""
    fresh = environment(core)
    works = "import resift; print(resift.load('bm25').rank('a', ['a b'])[0].document)"
    done = fresh.run("-m", "resift", "list", check=False)

    assert fresh.run("-c", works).stdout == "a b\n"
    assert not (fresh.scripts / "resift").exists()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: The command line is not installed: pip install 'resift[cli]'\n"
    )


def test_core_with_its_command_line(core: Path, program: Path, environment) -> None:
    """Without any other plugin the core's are listed, keep the contract, and help."""
    fresh = environment(core, program)
    names = entry_points(ROOT)
    helped = fresh.run("resift", "show", "cohere", check=False)

    assert listed(fresh) == dict.fromkeys(names, "ok")
    for name in ("rrf", "dbsf", "relative", "convex", "bm25"):
        fresh.run("resift", "check", name)
    assert helped.stderr == (
        "Error: No reranker named 'cohere' is installed. It ships in resift-cohere: "
        "pip install resift-cohere\n"
    )


@plugins
def test_what_a_plugin_needs_is_here(plugin: Path) -> None:
    """Every requirement of a plugin is met here, so leaving pip's check out is fair."""
    if f"-e plugins/{plugin.name}" not in (ROOT / "requirements-dev.txt").read_text():
        pytest.skip("what it needs is installed by requirements-frameworks.txt")
    from importlib_metadata import version
    from packaging.requirements import Requirement

    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(version(requirement.name)), (
                requirement
            )
