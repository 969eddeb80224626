"""Defaults of commands: `[commands.NAME]` in the config file."""

from __future__ import annotations

import json

from click.testing import CliRunner

from resift_cli import main

CONFIG = """
[rerankers.mine]
use = "bm25"

[commands.rank]
reranker = "mine"
top_k = 1
json = true
"""


def run(*arguments: str):
    """Run the command line."""
    return CliRunner().invoke(main, list(arguments))


def test_a_table_of_the_config_gives_the_defaults(tmp_path):
    """As if they stood on the command line; keys take hyphens or underscores."""
    (tmp_path / "resift.toml").write_text(CONFIG)
    (tmp_path / "documents.txt").write_text("a hen\na red fox\n")

    result = run("rank", "red fox", "documents.txt")

    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 1


def test_the_command_line_beats_the_config(tmp_path):
    """And a file named by --config beats the one that is found."""
    (tmp_path / "resift.toml").write_text(CONFIG)
    (tmp_path / "documents.txt").write_text("a hen\na red fox\n")
    other = tmp_path / "other.toml"
    other.write_text(CONFIG.replace("top_k = 1", "top-k = 2"))

    given = run("rank", "red fox", "documents.txt", "-k", "2")
    named = run("rank", "red fox", "documents.txt", "--config", str(other))

    assert len(given.stdout.splitlines()) == 2
    assert len(named.stdout.splitlines()) == 2


def test_an_unknown_key_is_refused(tmp_path):
    """With the file, the table and a near miss."""
    (tmp_path / "resift.toml").write_text("[commands.rank]\ntop_j = 1\n")
    (tmp_path / "documents.txt").write_text("a hen\n")

    result = run("rank", "red fox", "documents.txt", "-r", "bm25")

    assert result.exit_code == 1
    assert "[commands.rank]: unknown key 'top_j'. Did you mean 'top-k'?" in (
        result.stderr.replace("\n", " ")
    )
