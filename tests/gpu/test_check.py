"""The GPU check stays sound on a machine without a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).with_name("check.py")

pytestmark = pytest.mark.slow


def run(*arguments):
    """Run the script in a process that sees no GPU, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(CHECK), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_says_that_there_is_no_gpu():
    """Without a GPU nothing is measured, and the reason is told."""
    assert run() == "Skipped: there is no NVIDIA GPU. Try --tiny.\n"


def test_every_step_runs_with_tiny_models():
    """On the CPU each step of the check runs, and its promises hold."""
    told = run("--tiny")

    assert told.startswith("Seen on the CPU, tiny models, 16 pairs:")
    assert "| tiny | bfloat16 |" in told
    assert "| 0.6B yes/no | bfloat16 |" in told
    assert "ColBERT, largest difference to the CPU: 0.0e+00" in told
    assert "64 queries of 20 documents, together:" in told
