"""From a clone: a plugin installs by the line that its README gives.

`test_repository.py` holds every plugin's line to what the plugin needs.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^pip install (\. \./plugins/.+?)(?: *#.*)?$", re.MULTILINE)
OFFLINE = ("--no-index", "--no-build-isolation")

pytestmark = pytest.mark.slow


def folders(plugin: str) -> list[str]:
    """Return what the line in a plugin's README installs."""
    text = (ROOT / "plugins" / plugin / "README.md").read_text(encoding="utf-8")
    return shlex.split(LINE.search(text)[1])


@pytest.mark.parametrize("plugin", ["resift-colbert", "resift-eval"])
def test_pip_finds_what_the_line_needs(plugin, environment, shell):
    """With what others publish at hand, the folders of the line need no more."""
    pip = [sys.executable, "-m", "pip", "--python", environment().folder, "install"]

    done = shell([*pip, *OFFLINE, "--dry-run", *folders(plugin)], cwd=ROOT)

    (would,) = re.findall(r"^Would install (.*)$", done.stdout, re.MULTILINE)
    assert f"{plugin}-0.1.0" in would.split()


def test_an_installed_plugin_loads(environment, shell):
    """After its line, a plugin that is built on another one loads by name."""
    fresh = environment()
    pip = [sys.executable, "-m", "pip", "--python", fresh.folder, "install", "--quiet"]
    line = folders("resift-cohere")
    load = "import resift; print(resift.load('cohere', api_key='k').name)"

    shell([*pip, *OFFLINE, *line], cwd=ROOT)

    assert fresh.run("-c", load, cwd=fresh.folder).stdout == "cohere\n"


def test_uv_takes_the_same_line(environment, shell):
    """`uv pip install` reads the line as pip does."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    fresh = environment()
    line = folders("resift-cohere")
    command = [uv, "pip", "install", "--python", fresh.python, "--no-deps", "--offline"]

    done = shell([*command, "--no-build-isolation", *line], cwd=ROOT)

    for name in ("resift", "resift-remote", "resift-cohere"):
        assert f" + {name}==0.1.0 (from file:" in done.stderr
