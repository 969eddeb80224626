"""The directory of rerankers is complete, current, and says what the contract said."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import resift
from resift.catalog import RERANKERS

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "directory.py"


@pytest.fixture(scope="module")
def directory() -> ModuleType:
    """Return the script that makes the pages."""
    spec = importlib.util.spec_from_file_location("directory", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_reranker_of_this_repository_keeps_the_contract(directory) -> None:
    """Each entry point has a result, of this version, that nothing is wrong with."""
    results = directory.results()
    for project in directory.projects():
        for name in project.get("entry-points", {}).get(RERANKERS, {}):
            assert results.get(name), f"{name}: run docs/directory.py --run"
            for report in results[name]:
                assert report["ok"], name
                assert report["version"] == project["version"], name
                assert report["contract"] == resift.__version__, name


def test_results_hold_no_reranker_that_is_gone(directory) -> None:
    """What is in the results is an entry point of this repository."""
    offered = {
        name
        for project in directory.projects()
        for name in project.get("entry-points", {}).get(RERANKERS, {})
    }

    assert set(directory.results()) <= offered


def test_pages_are_what_the_script_makes(directory) -> None:
    """The directory, and the tables on other pages, are up to date."""
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in directory.pages().items()
        if not directory.same(path, text)
    ]

    assert stale == [], "run docs/directory.py"


def test_reasons_are_on_the_page(directory) -> None:
    """A check that is expected to break, or was replaced, is told with its reason."""
    page = directory.page()
    for name, reports in directory.results().items():
        for outcome in (o for report in reports for o in report["others"]):
            assert outcome["status"] in ("skipped", "expected", "replaced"), name
            if outcome["status"] != "skipped":
                assert outcome["reason"] in page


@pytest.mark.slow
def test_results_of_the_core_are_what_the_contract_says_now(directory) -> None:
    """Running the contract of the core again gives the committed results.

    Those of the plugins are compared in ``packaging/test_wheels.py``.
    """
    own = [path for path in directory.suites() if path.is_relative_to(ROOT / "tests")]
    found = directory.run_contract(own)
    core = directory.projects()[0]["entry-points"][RERANKERS]

    assert set(found) == set(core)
    assert found == {name: directory.results()[name] for name in found}
