"""`resift check` runs the contract without a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from resift.testing.fixtures import InstallFake
from resift_cli import main

SORTS = """
    import resift
    from resift.testing import word_overlap

    class Sorts:
        @resift.hookimpl
        def score(self, query, documents):
            return sorted(word_overlap(query, text) for text in documents)
"""


def check(*arguments: str) -> Result:
    """Run ``resift check`` with *arguments*."""
    return CliRunner().invoke(main, ["check", *arguments])


@pytest.fixture
def sorts(fake_distribution: InstallFake) -> None:
    """Install a reranker that sorts its scores."""
    fake_distribution(
        "resift-sorts",
        modules={"resift_sorts": SORTS},
        rerankers={"sorts": "resift_sorts:Sorts"},
    )


def test_lines_hold_status_check_and_reason() -> None:
    """Piped, each check is one line of three cells, and a kept contract exits 0."""
    done = check("rrf")
    rows = [line.split("\t") for line in done.stdout.splitlines()]

    assert done.exit_code == 0
    assert {len(row) for row in rows} == {3}
    assert ["kept", "entry_point_resolves", ""] in rows


def test_broken_promise_exits_with_1(sorts: None) -> None:
    """A broken promise is told with its input, and fails the command."""
    done = check("sorts")
    broken = [row for row in done.stdout.splitlines() if row.startswith("broken")]

    assert done.exit_code == 1
    assert len(broken) == 1
    assert "\tscores_follow_documents\tReranker 'sorts' breaks" in broken[0]


def test_one_of_two_of_a_name_is_checked(
    sorts: None, fake_distribution: InstallFake
) -> None:
    """In a clash the qualified name chooses whose reranker is checked."""
    fake_distribution(
        "resift-counts",
        modules={"resift_counts": SORTS.replace("sorted", "list")},
        rerankers={"sorts": "resift_counts:Sorts"},
    )

    done = {
        name: check(name, "-k", "scores_follow_documents").stdout.splitlines()[-1]
        for name in ("resift-sorts:sorts", "resift-counts:sorts")
    }

    assert check("sorts").exit_code == 1
    assert done["resift-sorts:sorts"].startswith("broken\tscores_follow_documents\t")
    assert done["resift-counts:sorts"] == "kept\tscores_follow_documents\t"


def test_json_is_the_report(sorts: None) -> None:
    """With --json the report comes as one object."""
    report = json.loads(check("sorts", "--json").stdout)

    assert report["reranker"] == "sorts"
    assert report["distribution"] == "resift-sorts"
    assert not report["ok"]
    assert {o["check"] for o in report["outcomes"] if o["status"] == "broken"} == {
        "scores_follow_documents"
    }


def test_terminal_shows_topics_and_the_verdict(sorts: None, monkeypatch) -> None:
    """On a terminal, checks stand below their topic, and the verdict comes last."""
    monkeypatch.setattr("resift_cli.commands.check.is_terminal", lambda: True)
    lines = check("sorts").stdout.splitlines()

    assert "packaging" in lines
    assert "  ✓ import is light" in lines
    assert "  ✗ scores follow documents" in lines
    assert lines[-1] == "'sorts' breaks the contract: scores_follow_documents."


def test_options_reach_the_reranker() -> None:
    """Options are given as to `resift rank`: JSON, or a string."""
    done = check("ensemble", "-o", 'rerankers=["bm25", "bm25"]')

    assert done.exit_code == 0


def test_expected_failures_and_skips_have_reasons(sorts: None) -> None:
    """A check is expected to break, or left out, with a reason; spaces do for `_`."""
    expected = check("sorts", "--expect", "scores follow documents=a demonstration")
    missing = check("sorts", "--skip", "obvious document wins")

    assert expected.exit_code == 0
    assert "expected\tscores_follow_documents\ta demonstration" in expected.stdout
    assert missing.exit_code == 2
    assert "must look like CHECK=REASON, got 'obvious document wins'" in missing.stderr


def test_required_check_cannot_be_skipped() -> None:
    """Only an optional check may be left out."""
    done = check("bm25", "--skip", "odd_texts_are_scored=they are odd")

    assert done.exit_code == 1
    assert done.stderr.startswith(
        "Error: skipped: the check 'odd_texts_are_scored' is required."
    )


def test_network_is_asked_for_by_its_flag(fake_distribution: InstallFake) -> None:
    """What may not use the network is unchecked, which names the way to allow it."""
    fake_distribution(
        "resift-sorts",
        modules={"resift_sorts": f"{SORTS}\n        needs_network = True"},
        rerankers={"sorts": "resift_sorts:Sorts"},
    )
    reason = "it needs the network: allow it by --network, or network=True"
    rows = [line.split("\t") for line in check("sorts").stdout.splitlines()]
    allowed = check("sorts", "--network")

    assert {row[2] for row in rows if row[0] == "unchecked"} == {reason}
    assert reason not in allowed.stdout


def test_unknown_name_is_an_error() -> None:
    """What is not installed is told as everywhere, with near misses."""
    done = check("bm52")

    assert done.exit_code == 1
    assert done.stderr.startswith(
        "Error: No reranker named 'bm52' is installed. Did you mean 'bm25'?"
    )


CONFIG = """
[rerankers.short]
use = "bm25"
options = { k1 = 1.4 }

[rerankers.both]
use = "ensemble"
options = { rerankers = ["short", "bm25"] }
top_k = 3

[rerankers.wrong]
use = "bm25"
options = { k2 = 1 }
"""


def test_names_of_the_config_are_checked(tmp_path) -> None:
    """A configured name is checked with its options, nested names of the config too."""
    path = tmp_path / "search.toml"
    path.write_text(CONFIG)

    plain = check("short", "--config", str(path), "--json")
    nested = check("both", "--config", str(path), "--json")

    assert (plain.exit_code, plain.stderr) == (0, "")
    assert json.loads(plain.stdout)["reranker"] == "bm25"
    assert nested.exit_code == 0
    assert json.loads(nested.stdout)["reranker"] == "ensemble"
    assert nested.stderr == (
        "note: the contract is of the reranker alone, without 'top_k' of the config.\n"
    )


def test_wrong_option_of_the_config_breaks_the_contract(tmp_path) -> None:
    """What the config says wrongly is found by the checks, as an option given is."""
    path = tmp_path / "search.toml"
    path.write_text(CONFIG)

    done = check("wrong", "--config", str(path))

    assert done.exit_code == 1
    assert "has no option 'k2'. Options: 'k1', 'b'." in done.stdout


YEARS = """
    import resift

    class Newest:
        columns = ("year",)
        needs_text = False

        @resift.hookimpl
        def score(self, documents, candidates):
            return [float(year) for year in candidates["year"].to_pylist()]
"""
MADE = """
import pyarrow as pa

def candidates(documents):
    return pa.table({"year": [1990 + len(text) % 30 for text in documents]})
"""


@pytest.fixture
def newest(fake_distribution: InstallFake) -> None:
    """Install a reranker that reads a column."""
    fake_distribution(
        "resift-newest",
        modules={"resift_newest": YEARS},
        rerankers={"newest": "resift_newest:Newest"},
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("posts.csv", "id,year\n1,1999\n2,2010\n3,2024\n"),
        ("posts.jsonl", '{"year": 1999, "text": "a"}\n{"year": 2010, "text": "b"}\n'),
        ("made.py", MADE),
    ],
)
def test_columns_come_from_a_file(
    name: str, content: str, newest: None, tmp_path: Path
) -> None:
    """What a reranker reads from columns a table lends, or a function makes."""
    path = tmp_path / name
    path.write_text(content)
    skip = "obvious document wins=it reads no text"
    done = check("newest", "--candidates", str(path), "--skip", skip)
    rows = [line.split("\t") for line in done.stdout.splitlines()]

    assert done.exit_code == 0, [row for row in rows if row[0] == "broken"]
    assert ["kept", "one_score_per_document", ""] in rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "posts.txt",
            "x",
            "--candidates must end in .py or one of .arrow, .csv, .feather, .json, "
            ".jsonl, .ndjson, .parquet, got {path!r}. Name a Python file or a table.",
        ),
        ("posts.csv", "year\n", "{path!r} has no row. Give it one at least."),
        (
            "made.py",
            "",
            "{path!r} must define 'candidates(documents)': module "
            "'resift_check_candidates' has no attribute 'candidates'.",
        ),
    ],
)
def test_file_without_columns_is_refused(
    name: str, content: str, message: str, newest: None, tmp_path: Path
) -> None:
    """A file that gives no columns is an error that names it."""
    path = tmp_path / name
    path.write_text(content)
    done = check("newest", "--candidates", str(path))

    assert done.exit_code == 1
    assert done.stderr == f"Error: check: {message.format(path=str(path))}\n"
