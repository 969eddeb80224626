"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [ROOT / "core", *sorted(ROOT.glob("plugins/*/src"))]
MODULES = sorted(
    ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
    for source in SOURCES
    for path in source.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    """Every example prints what its docstring says."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in ("haystack", "llama_index"):
            raise
        pytest.skip(f"{error.name} is not installed")

    results = doctest.testmod(module)

    assert results.attempted
    assert not results.failed
