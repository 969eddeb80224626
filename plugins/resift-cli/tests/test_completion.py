"""`resift completion`, and what the shell completes."""

from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.fixture
def complete(program):
    """Complete a command line as bash does."""

    def run(line: str) -> set[str]:
        words = line.split(" ")
        done = program(
            _RESIFT_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["resift", *words]),
            COMP_CWORD=str(len(words)),
        )
        return {entry.partition(",")[2] for entry in done.stdout.splitlines()}

    return run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script(program, shell):
    """The script names the variable that the program listens to."""
    done = program("completion", shell)

    assert done.returncode == 0
    assert "_RESIFT_COMPLETE" in done.stdout
    assert f"{shell}_complete" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_valid(program, shell):
    """The shell itself accepts the script."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = program("completion", shell).stdout

    done = subprocess.run([shell, "-n"], input=script, text=True, check=False)

    assert done.returncode == 0


def test_unknown_shell(program):
    """Another shell is wrong usage."""
    assert program("completion", "tcsh").returncode == 2


def test_commands(complete):
    """Commands are completed."""
    assert complete("co") >= {"config", "completion"}


def test_commands_of_packages(fake_distribution, complete):
    """Packages' commands are completed, and none is imported for it."""
    fake_distribution(
        "resift-broken",
        modules={"resift_broken": "import not_there_at_all"},
        entry_points={"resift.commands": {"collapse": "resift_broken:bang"}},
    )

    assert complete("co") >= {"config", "completion", "collapse"}


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("rank --min", "--min-score"),
        ("search --min", "--min-score"),
        ("--trace", "--traceback"),
    ],
)
def test_flags(complete, line, flag):
    """Flags are completed, of a command and of the program itself."""
    assert complete(line) == {flag}


def test_rerankers(echo, complete, tmp_path):
    """Rerankers' names are completed from metadata and from the config file."""
    (tmp_path / "resift.toml").write_text('[rerankers.eager]\nuse = "echo"\n')

    assert complete("show e") >= {"echo", "eager", "ensemble"}
    assert complete("rank query file --reranker ec") == {"echo"}


def test_broken_config_is_no_obstacle(complete, tmp_path):
    """A wrong config file does not stop completion."""
    (tmp_path / "resift.toml").write_text("= 1")

    assert "rrf" in complete("show r")


def test_tables(complete, tmp_path):
    """Tables are completed from the folders of the database."""
    for name in ("docs", "dogs", "cats"):
        (tmp_path / "db" / f"{name}.lance").mkdir(parents=True)

    assert complete("search db do") == {"docs", "dogs"}
