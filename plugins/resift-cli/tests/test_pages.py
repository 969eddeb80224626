"""docs/cli.md says what the commands are, and nothing that they are not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from resift_cli import main
from resift_cli.group import ORDER

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """Return the text of each command's section."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = {part.splitlines()[0].strip("`").lower(): part for part in parts[1:]}
    return {name.removeprefix("resift "): text for name, text in names.items()}


def options(name: str) -> set[str]:
    """Return the options of a command, each by all of its spellings."""
    command = main.get_command(click.Context(main), name)
    return {
        spelling
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("name", ORDER)
def test_every_option_is_documented(sections, name):
    """Each own command has a section, and it names every option."""
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", sections[name]))
    if "As in `rank`" in sections[name]:
        named |= {"--reranker", "--option", "--merge"}

    assert options(name) - named == set()


@pytest.mark.parametrize("name", ORDER)
def test_no_option_is_made_up(sections, name):
    """No definition on the page names an option that the command does not have."""
    defined = {
        option
        for line in re.findall(r"^`-.*$(?=\n:)", sections[name], re.MULTILINE)
        for option in re.findall(r"(?<=`)-[\w-]+", line)
    }

    assert defined - options(name) == set()


def test_example_of_rank(sections, cli):
    """What the page shows of `rank` is what it prints."""
    zen = subprocess.run(
        [sys.executable, "-m", "this"], capture_output=True, text=True, check=True
    )
    block = re.search(r"^\$ .*\| (.*)\n((?:\d.*\n)+)", sections["rank"], re.MULTILINE)

    result = cli(*shlex.split(block[1])[1:], stdin=zen.stdout)

    assert result.stdout == block[2]
