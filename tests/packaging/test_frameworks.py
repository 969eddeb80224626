"""Everything in one environment: core, plugins, frameworks, and the adapters' suites.

uv chooses the versions, with what is installed here preferred. Only what is missing or
differs is then installed, into a fresh environment that has the rest from here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from importlib_metadata import distribution, distributions

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
EXTRAS = {"resift-batch": "[lancedb,ray]", "resift-serve": "[mcp]"}
OF_LANGCHAIN = ("resift-adapter", "resift-langchain")
ADAPTERS = ("langchain", "llama-index", "haystack", "pyterrier")
MODULES = [
    *("langchain_classic.retrievers", "llama_index.core", "haystack", "pyterrier"),
    *("haystack_integrations.components.joiners.resift", "ray", "lancedb", "mcp"),
]
CHECKED = """
import importlib, re, sys
from importlib.metadata import distribution
from packaging.requirements import Requirement

ready, seen = [Requirement(line) for line in sys.argv[1].split(";")], set()
while ready:
    asked = ready.pop()
    found = distribution(asked.name)
    assert asked.specifier.contains(found.version, prereleases=True), (asked, found)
    for extra in asked.extras | {""}:
        if (found.name, extra) in seen:
            continue
        seen.add((found.name, extra))
        needs = [Requirement(line) for line in found.requires or ()]
        ready += [
            need
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": extra})
        ]
for module in sys.argv[2].split(";"):
    importlib.import_module(module)
print(len({re.sub(r"[-_.]+", "-", name).lower() for name, _ in seen}))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def together(wheels, environment, shell, tmp_path_factory) -> Callable:
    """Return a function that makes an environment with plugins of ours, and more."""

    def make(plugins: Sequence[Path], *more: str):
        folder = tmp_path_factory.mktemp("together")
        chosen = folder / "chosen.txt"
        chosen.write_text("".join(f"{n}=={v}\n" for n, v in sorted(here().items())))
        asked = [f"{path}{EXTRAS.get(path.name, '')}" for path in (ROOT, *plugins)]
        (folder / "asked.txt").write_text("\n".join([*asked, *more]))
        (folder / "uv.toml").write_text(metadata("torch"))
        options = ["--config-file", folder / "uv.toml", "--no-header", "--no-annotate"]
        python = ["--python", sys.executable]
        uv = [sys.executable, "-m", "uv", "pip"]
        done = shell(
            [
                *uv,
                "compile",
                "-q",
                folder / "asked.txt",
                "-o",
                chosen,
                *options,
                *python,
            ],
            check=False,
        )
        if done.returncode and re.search("Failed to fetch|error sending", done.stderr):
            pytest.skip("no registry of packages answers")
        assert done.returncode == 0, done.stderr
        pins = dict(re.findall(r"^([\w.-]+)==(\S+)", chosen.read_text(), re.MULTILINE))
        missing = [f"{n}=={v}" for n, v in pins.items() if here().get(n) != v]
        ours = {"resift", *(path.name.replace("-", "_") for path in plugins)}
        fresh = environment(*(wheel for name, wheel in wheels.items() if name in ours))
        target = ["--python", fresh.python, "--no-deps", "--link-mode", "copy"]
        shell([*uv, "install", "-q", *target, *missing])
        return fresh

    return make


@pytest.fixture(scope="session")
def everything(together):
    """Return the environment of all plugins, their extras and the frameworks."""
    return together(PLUGINS, "langchain-classic")


def here() -> dict[str, str]:
    """Return what is installed here, but resift: versions by normalized name."""
    found = {}
    for known in distributions():
        name = re.sub(r"[-_.]+", "-", known.name).lower()
        if not name.startswith("resift"):
            found.setdefault(name, known.version.partition("+")[0])
    return found


def metadata(name: str) -> str:
    """Return as uv's configuration what a package needs as it is installed here.

    A build of torch for the CPU needs less than the one that a registry has.
    """
    known = distribution(name)
    version = known.version.partition("+")[0]
    needs = json.dumps(known.requires or [])
    return (
        f'[[dependency-metadata]]\nname = "{name}"\nversion = "{version}"\n'
        f"requires-dist = {needs}\n"
    )


def passed(environment, *arguments: object) -> str:
    """Run tests in an environment; return what was printed, nothing being skipped."""
    options = ["-q", "-rs", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml"]
    done = environment.run("-m", "pytest", *options, *arguments, cwd=ROOT)
    assert "SKIPPED" not in done.stdout, done.stdout
    return done.stdout


def test_all_install_into_one_environment(everything):
    """Requirements of all, and of what they need, are met, and all are imported."""
    names = [f"{path.name}{EXTRAS.get(path.name, '')}" for path in PLUGINS]
    modules = [path.name.replace("-", "_") for path in PLUGINS]

    done = everything.run(
        "-W", "ignore", "-c", CHECKED, ";".join(names), ";".join([*modules, *MODULES])
    )

    assert int(done.stdout) > 150


def test_the_adapters_pass_their_tests_in_it(everything):
    """With all frameworks at once; PyTerrier's own suite is among them."""
    tests = [ROOT / "plugins" / f"resift-{name}" / "tests" for name in ADAPTERS]
    standard = "--ignore=plugins/resift-langchain/tests/test_standard.py"

    assert "passed" in passed(everything, "-m", "", *tests, standard)


def test_ray_writes_the_bytes_of_this_machine(everything):
    """Actors of a cluster started here do the parts of a job as processes do."""
    tests = ROOT / "plugins" / "resift-batch" / "tests" / "test_ray.py"

    assert "passed" in passed(everything, "-m", "", tests)


def test_the_standard_suite_of_langchain_passes(together):
    """In an environment of its own, as `langchain-tests` brings plugins of pytest."""
    plugins = [path for path in PLUGINS if path.name in OF_LANGCHAIN]
    fresh = together(plugins, "langchain-tests")
    tests = ROOT / "plugins" / "resift-langchain" / "tests" / "test_standard.py"

    assert "10 passed" in passed(fresh, "-o", "asyncio_mode=auto", tests)
