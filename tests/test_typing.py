"""What users' type checkers see: mypy and pyright both read `typing_tests`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_pyright_finds_no_error():
    """Pyright agrees with every `assert_type` and every expected error."""
    pytest.importorskip("pyright", reason="pyright is not installed")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]

    done = subprocess.run(
        [*command, str(ROOT / "typing_tests")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
