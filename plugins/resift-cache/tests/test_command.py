"""`resift cache`: what it shows, and what it drops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import resift
from resift_cache.command import cache

DOCUMENTS = ["a blue whale", "the quick red fox"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A cache of two rerankers, one of them asked twice."""
    for options in ({"k1": 1.0}, {"k1": 2.0}, {"k1": 2.0}):
        inner = {"use": "bm25", "options": options}
        with resift.load("cache", config=None, reranker=inner, directory=tmp_path) as r:
            r.score("fox", DOCUMENTS)
    return tmp_path


def test_stats_shows_each_reranker(directory: Path) -> None:
    """Piped, one line each: name, scores, found, not found, options."""
    done = CliRunner().invoke(cache, ["stats", "--directory", str(directory)])

    assert done.exit_code == 0
    assert done.output == (
        'resift:bm25 0.1.0\t1\t0\t1\t{"k1": 1.0}\n'
        'resift:bm25 0.1.0\t1\t1\t1\t{"k1": 2.0}\n'
    )


def test_stats_prints_json(directory: Path) -> None:
    """The same for programs, with the file and its size."""
    done = CliRunner().invoke(cache, ["stats", "--json", "--directory", str(directory)])

    shown = json.loads(done.output)
    assert shown["file"] == str(directory / "scores.sqlite3")
    assert shown["bytes"] > 0
    assert shown["rerankers"][1] == {
        "reranker": {"use": "resift:bm25", "version": "0.1.0", "options": {"k1": 2.0}},
        "scores": 1,
        "found": 1,
        "not_found": 1,
    }


def test_nothing_kept_is_nothing_shown(tmp_path: Path) -> None:
    """No file is made by looking."""
    done = CliRunner().invoke(cache, ["stats", "--directory", str(tmp_path / "none")])

    assert (done.exit_code, done.output) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_clear_drops_everything(directory: Path) -> None:
    """It says how much, beside the standard output."""
    done = CliRunner().invoke(cache, ["clear", "--directory", str(directory)])

    assert done.stdout == ""
    assert done.stderr == f"Removed 2 scores from {directory}\n"
    again = CliRunner().invoke(cache, ["stats", "--directory", str(directory)])
    assert again.output == ""


def test_clear_drops_those_of_one_reranker(directory: Path) -> None:
    """By its name, with or without the distribution."""
    arguments = ["clear", "--directory", str(directory), "--reranker"]

    assert CliRunner().invoke(cache, [*arguments, "bm25"]).exit_code == 0
    done = CliRunner().invoke(cache, [*arguments, "resift:bm25"])

    assert done.exit_code == 1
    assert done.stderr == (
        "Error: No scores of 'resift:bm25' are kept. Rerankers: none.\n"
    )


def test_clear_removes_a_damaged_file(tmp_path: Path) -> None:
    """It is what the note of a damaged file tells the user to do."""
    (tmp_path / "scores.sqlite3").write_bytes(b"no database " * 100)

    shown = CliRunner().invoke(cache, ["stats", "--directory", str(tmp_path)])
    done = CliRunner().invoke(cache, ["clear", "--directory", str(tmp_path)])

    assert shown.exit_code == 1
    assert shown.stderr == (
        f"Error: {tmp_path / 'scores.sqlite3'} is damaged (file is not a database). "
        f"Remove it with: resift cache clear --directory {tmp_path}\n"
    )
    assert done.stderr == f"Removed a damaged file from {tmp_path}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_found_by_resift() -> None:
    """`resift cache` is an entry point of the package."""
    from resift_cli import main

    done = CliRunner().invoke(main, ["cache", "--help"])

    assert done.exit_code == 0
    assert "Show or drop the scores that the reranker `cache` keeps." in done.output
