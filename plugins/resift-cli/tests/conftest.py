"""The command line, run in this process, as a program, and on a terminal."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from resift.testing.fixtures import fake_distribution as fake_distribution

PROGRAM = Path(sysconfig.get_path("scripts")) / "resift"


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch, tmp_path):
    """Run where no config file applies and no variable of the developer's is set."""
    for name in ("RESIFT_CONFIG", "RESIFT_PLUGINS", "RESIFT_RERANKER"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def install(fake_distribution):
    """Install a module that defines the class `Plugin`, as the reranker *name*."""

    def make(source: str, name: str = "fake", **settings: object):
        module = f"resift_{name.replace('-', '_')}"
        return fake_distribution(
            f"resift-{name}",
            modules={
                module: f"from __future__ import annotations\nimport resift\n{source}"
            },
            rerankers={name: f"{module}:Plugin"},
            **settings,
        )

    return make


@pytest.fixture
def cli():
    """Run `resift` in this process; nothing it prints goes to a terminal."""
    from resift_cli import main

    def run(*arguments: object, stdin: str | bytes | None = None):
        return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)

    return run


@pytest.fixture
def environment(tmp_path):
    """The environment of a program that sees the made-up distributions."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RESIFT_")}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        kept.pop(name, None)
    return {**kept, "PYTHONPATH": str(tmp_path / "site-packages"), "TERM": "xterm"}


@pytest.fixture
def start():
    """The beginning of a command line that runs `resift` as a program."""
    if not PROGRAM.exists():
        pytest.skip("resift is not installed as a program")
    return [str(PROGRAM)]


@pytest.fixture
def program(environment, start):
    """Run `resift` as a program whose output is piped."""

    def run(*arguments: object, stdin: str = "", **changes: str):
        return subprocess.run(
            [*start, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env={**environment, **changes},
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def terminal(environment, start):
    """Run `resift` on a terminal of a given width; return what it shows there."""
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    import fcntl
    import pty
    import termios

    def run(*arguments: object, width: int = 80, stdin: str = ""):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        with subprocess.Popen(
            [*start, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment,
        ) as process:
            os.close(theirs)
            process.stdin.write(stdin.encode())
            process.stdin.close()
            shown = b"".join(iter(lambda: _read(ours), b""))
            errors = process.stderr.read().decode()
        os.close(ours)
        raw = shown.decode().replace("\r\n", "\n")
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
        return SimpleNamespace(
            raw=raw,
            text=plain,
            lines=[line.rstrip() for line in plain.splitlines()],
            stderr=errors,
            returncode=process.returncode,
        )

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed
        return b""


ECHO = """
from __future__ import annotations
import resift

class Echo:
    '''Score by length.'''

    def __init__(self, sign: float = 1.0, api_key: str = "") -> None:
        self.sign = sign

    @resift.hookimpl
    def score(self, query, documents):
        return [self.sign * len(document) for document in documents]
"""


@pytest.fixture
def echo(fake_distribution):
    """Install a reranker `echo` that scores by length, times its option *sign*."""
    return fake_distribution(
        "resift-echo",
        modules={"resift_echo": ECHO},
        rerankers={"echo": "resift_echo:Echo"},
        summary="Score by length, for tests.",
    )
