"""The lowest versions that pyproject.toml allows, installed together once."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("supported.py")


@pytest.mark.slow
def test_the_lowest_versions_work(tmp_path):
    """A LanceDB table is searched with every dependency at its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bounds = [*project["dependencies"], *project["optional-dependencies"]["lancedb"]]
    lowest = [re.fullmatch(r"([\w-]+)>=([\d.]+)", bound).groups() for bound in bounds]
    pinned = [f"{name}=={version}" for name, version in lowest]
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "install", "-q"]

    done = subprocess.run(
        [*pip, *pinned, str(ROOT)], capture_output=True, text=True, check=False
    )
    if "No matching distribution" in done.stderr:
        pytest.skip("no index at hand has the lowest versions")
    used = subprocess.run(
        [folder / "bin" / "python", SCRIPT, tmp_path / "db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    versions = dict(lowest)
    assert done.returncode == 0, done.stderr
    assert used.returncode == 0, used.stderr
    assert (
        f"lancedb {versions['lancedb']}, pyarrow {versions['pyarrow']}" in used.stdout
    )


def test_the_versions_here_work(tmp_path):
    """The same holds for the versions that are installed here, the newest in CI."""
    pytest.importorskip("lancedb")

    used = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert used.returncode == 0, used.stderr
