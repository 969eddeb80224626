"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = re.findall(
    r"^-e plugins/(\S+)",
    (ROOT / "requirements-frameworks.txt").read_text(encoding="utf-8"),
    re.MULTILINE,
)
MODULES = sorted(
    (
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(
            ".__init__"
        ),
        source.parent.name,
    )
    for source in [ROOT / "core", *ROOT.glob("plugins/*/src")]
    for path in source.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def is_installed(distribution):
    """Return whether a distribution is there, and all that it requires."""
    try:
        requires = metadata.requires(distribution) or []
        for line in requires:
            if "extra ==" not in line:
                metadata.version(re.match(r"[\w.-]+", line)[0])
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "distribution"), MODULES, ids=[name for name, _ in MODULES]
)
def test_the_examples_of_a_module_hold(name, distribution):
    """Every example prints what its docstring says."""
    if distribution in FRAMEWORKS and not is_installed(distribution):
        pytest.skip(f"{distribution}, of requirements-frameworks.txt, is not installed")

    results = doctest.testmod(importlib.import_module(name))

    assert results.attempted
    assert not results.failed
