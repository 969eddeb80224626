"""Start-up: importing resift costs next to nothing, and finding plugins little more."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import resift

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "cohere",
    "httpx",
    "lancedb",
    "numpy",
    "onnxruntime",
    "openvino",
    "pandas",
    "pluggy",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "sentence_transformers",
    "tokenizers",
    "torch",
    "transformers",
}
OF_PLUGINS = HEAVY - {"numpy", "pandas", "pluggy", "polars", "pyarrow", "pydantic"}


def run(code: str) -> str:
    """Run code in a fresh interpreter, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def imported(code: str, of: set[str]) -> set[str]:
    """Return which of the modules *of* are imported once *code* has run."""
    found = run(f"{code}\nimport sys\nprint(*sys.modules)")
    return of & set(found.split())


@pytest.mark.parametrize(
    "code",
    [
        "import resift",
        "import resift; dir(resift); resift.__version__; resift.ScoreError",
        "from resift import ConfigError, ResiftError",
        "import resift.errors",
    ],
)
def test_importing_resift_imports_nothing_heavy(code):
    """No numpy, pyarrow, pydantic, lancedb or torch, and not even pluggy."""
    assert imported(code, HEAVY) == set()


def test_finding_a_reranker_imports_nothing_heavy():
    """Names, versions and states come from metadata, read without numpy."""
    code = (
        "from resift.catalog import catalog\n"
        "for p in catalog().providers: p.version, p.summary, catalog().state(p)"
    )

    assert imported(code, HEAVY) == set()


def test_marking_a_hook_imports_pluggy_only():
    """What a plugin module needs at import is cheap."""
    assert imported("import resift; resift.hookimpl", HEAVY) == {"pluggy"}


def test_merging_tables_imports_no_model_and_no_database():
    """The core's own work needs numpy and pyarrow, and neither lancedb nor torch."""
    code = (
        "import pyarrow as pa, resift\n"
        "table = pa.table({'_rowid': [1], 'text': ['a']})\n"
        "resift.load('bm25', config=None).rerank('a', table, table)"
    )

    assert imported(code, OF_PLUGINS) == set()


def test_importing_resift_takes_at_most_60_ms():
    """The best of three runs, in CPU time."""
    code = (
        "import time; start = time.process_time(); import resift; "
        "print(time.process_time() - start)"
    )

    assert min(float(run(code)) for _ in range(3)) <= 0.060


@pytest.mark.parametrize(
    "project",
    sorted(ROOT.glob("plugins/*/pyproject.toml")),
    ids=lambda p: p.parent.name,
)
def test_the_modules_that_entry_points_name_import_light(project):
    """A plugin imports its SDK, client or model library when it is used, not before."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    groups = table.get("entry-points", {})
    targets = [target for group in groups.values() for target in group.values()]
    named = {target.partition(":")[0] for target in targets}
    if not named:  # a package that others are built on
        named = {table["name"].replace("-", "_")}
    for framework in ("haystack", "llama_index", "pyterrier"):
        package = f"resift-{framework.replace('_', '-')}"
        if table["name"] == package and not importlib.util.find_spec(framework):
            pytest.skip(f"{framework} is not installed")
    source = project.parent / "src"
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r})\n"
        f"import {', '.join(sorted(named))}"
    )

    assert imported(code, OF_PLUGINS) == set()


def test_every_public_name_can_be_had():
    """`resift.__all__` is sorted, complete, and true."""
    assert list(resift.__all__) == sorted(resift.__all__)
    assert set(resift.__all__) == {*resift._HOMES, "__version__"}
    assert dir(resift) == resift.__all__
    for name in resift.__all__:
        assert getattr(resift, name) is not None


def test_every_error_is_public():
    """The whole tree of exceptions can be imported from `resift`."""
    from resift import errors

    assert set(errors.__all__) <= set(resift.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt name fails as usual."""
    with pytest.raises(AttributeError) as caught:
        resift.rerankr  # noqa: B018  # read for its failure

    assert str(caught.value) == "module 'resift' has no attribute 'rerankr'"
