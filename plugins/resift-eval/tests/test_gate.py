"""Gates and the comparison of two reports: what a pull request may not make worse."""

from __future__ import annotations

import json

import pytest

from resift.errors import InputError
from resift_eval.change import changes_between
from resift_eval.gate import Gate


def report(values, measure="RR@10", name="x", **more):
    """Return a report of one contestant."""
    row = {"name": name, "measures": {measure: {"values": list(values)}}}
    queries = [f"q{i}" for i in range(len(values))]
    given = {"measure": measure, "queries": queries, "content": "c", "depth": 10}
    return {**given, "contestants": [row], **more}


def test_a_gate_that_holds_lets_the_command_pass(run, beir):
    """It is said for whom it holds."""
    result = run("--data", beir, "rrf", "--gate", "ndcg@10 >= -0.005")

    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[-1] == (
        "note: gate: ndcg@10 >= -0.005 holds for rrf."
    )


def test_a_gate_that_fails_exits_with_1(run, beir):
    """It is said who is below it, by how much, against whom."""
    result = run("--data", beir, "rrf", "--gate", "RR@10>0")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "note: gate: RR@10 > 0 fails: rrf +0.0000 against text."
    )


@pytest.mark.parametrize("text", ["ndcg@10", "ndcg@10 <= 1", "ndcg@10 >= nan", ">= 1"])
def test_a_gate_that_is_none_is_a_usage_error(run, beir, text):
    """The form is shown."""
    result = run("--data", beir, "rrf", "--gate", text)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: Invalid value for '--gate': must look like 'nDCG@10 >= -0.005', got "
        f"{text!r}."
    )


def test_a_gate_on_what_is_not_measured_is_refused_before_the_work(run, beir):
    """The measures that there are are listed."""
    result = run("--data", beir, "rrf", "--gate", "P@5 >= 0", "-m", "RR@10")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: --gate: 'P@5' is not measured here. Measured: RR@10. Ask for it with "
        "-m."
    )


def test_two_reports_are_compared(run, beir):
    """The same contestants, query by query, and what is in one report only."""
    run("--data", beir, "bm25", "--out", "before")
    run("--data", beir, "bm25", "rrf", "--out", "after")

    result = run("--compare", "before", "after/report.json")

    assert result.exit_code == 0, result.stderr
    first, text, bm25 = result.stdout.splitlines()
    assert first == "nDCG@10, 3 queries: before, then after/report.json"
    assert text.startswith("  text: ")
    assert bm25.endswith("no clear difference, +0.0000 [+0.0000, +0.0000], p = 1.000")
    assert result.stderr == "note: In the second report only: rrf.\n"


def test_a_change_that_is_clear_is_named():
    """Ten queries that all got worse are no chance."""
    found = changes_between(report([1.0] * 10), report([0.5] * 10))

    (row,) = found.rows
    assert (row.outcome, row.before, row.after) == ("WORSE", 1.0, 0.5)
    assert row.differences == {"RR@10": -0.5}
    assert not Gate.parsed("rr@10 >= -0.005").holds(row.differences["RR@10"])


def test_only_queries_of_both_reports_are_compared():
    """And that is said, as is other content."""
    found = changes_between(
        report([1.0, 0.5, 0.5]), report([1.0, 1.0], content="d", depth=20)
    )

    assert found.queries == ["q0", "q1"]
    assert found.rows[0].comparison.difference == 0.25
    assert found.notes == [
        "The reports have other documents, queries or judgements.",
        "The reports have other depths: 10 before, 20 after.",
        "1 queries are in the first report only.",
    ]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (report([1.0], name="y"), "contestant"),
        (report([1.0], measure="AP"), "'AP'"),
        (report([1.0], queries=["other"]), "query"),
    ],
)
def test_reports_with_nothing_in_common(after, what):
    """Are refused, with what is missing."""
    with pytest.raises(InputError) as caught:
        changes_between(report([1.0]), after)

    assert str(caught.value) == (
        f"The reports have no {what} in common: there is nothing to compare."
    )


def test_compare_takes_nothing_that_it_would_ignore(run, beir, tmp_path):
    """An option without effect is refused."""
    (tmp_path / "a.json").write_text(json.dumps(report([1.0])))

    result = run("--compare", "a.json", "a.json", "--depth", "3")
    named = run("bm25", "--compare", "a.json", "a.json")

    assert result.exit_code == named.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --depth has no effect here: --compare reads two reports."
    )
    assert named.stderr.splitlines()[-1] == (
        "Error: a reranker has no effect here: --compare reads two reports."
    )


@pytest.mark.parametrize(
    ("text", "why"), [("{", "JSONDecodeError."), ("{}", "it has no 'content'.")]
)
def test_a_file_that_is_no_report(run, tmp_path, text, why):
    """Is named."""
    (tmp_path / "a.json").write_text(text)

    result = run("--compare", "a.json", "a.json")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: a.json is not a report of `resift eval --out`: {why}"
    )
