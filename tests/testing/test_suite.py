"""`RerankerSuite` and `MergerSuite` run the contract as pytest tests."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import importlib_metadata
import pytest

import resift
from resift.testing import MergerSuite, RerankerSuite, replaces
from resift.testing.contract import contract

pytest_plugins = ["pytester"]

# A pytest inside of this one forgets the modules that it imported. Two must not be
# forgotten: importlib_metadata changes how distributions are found, and lancedb cannot
# be imported twice.
if find_spec("lancedb"):
    import resift.lancedb

ASYNCIO = "ignore:The configuration option:pytest.PytestDeprecationWarning"
"""What pytest-asyncio says as it starts, wherever it happens to be installed."""
BM25 = """
    from resift.testing import RerankerSuite

    class TestBM25(RerankerSuite):
        name = "bm25"
"""
OVERLAP = """
    import resift
    from resift.testing import RerankerSuite, replaces

    class Overlap:
        @resift.hookimpl
        def score(self, query, documents):
            words = set(query.split())
            return [len(words & set(d.split())) - len(d) / 1e6 for d in documents]
"""


@pytest.fixture
def run(pytester: pytest.Pytester):
    """Run a test module in a pytest of its own."""

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        strict = ("-W", "error", "-W", ASYNCIO)
        return pytester.runpytest_inprocess("-q", "-rA", *strict, *arguments)

    return run


def test_each_check_is_a_test_of_its_own() -> None:
    """The suites have a test per check that concerns them, named after it."""
    scorer = {f"test_{c.name}" for c in contract() if c.of in ("any", "scorer")}
    merger = {f"test_{c.name}" for c in contract() if c.of in ("any", "merger")}

    assert {name for name in vars(RerankerSuite) if name.startswith("test_")} == scorer
    assert {name for name in vars(MergerSuite) if name.startswith("test_")} == merger


def test_pytest_is_not_needed_but_for_the_suites() -> None:
    """The contract runs without pytest, which loads nothing of ours by itself."""
    code = "import sys, resift.testing.checking as c; c.contract(); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    plugins = importlib_metadata.entry_points(group="pytest11")

    assert "pytest" not in done.stdout.split()
    assert not [plugin for plugin in plugins if plugin.value.startswith("resift")]


@pytest.mark.parametrize("name", ["RerankerSuite", "MergerSuite", "replaces"])
def test_missing_pytest_is_told_with_its_extra(name: str) -> None:
    """Without pytest the suites say what to install."""
    code = (
        f"import sys; sys.modules['pytest'] = None; from resift.testing import {name}"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: RerankerSuite and MergerSuite need pytest: pip install "
        "'resift[test]'"
    )


def test_right_reranker_passes(run) -> None:
    """Two lines are a whole test module."""
    assert set(run(BM25).parseoutcomes()) == {"passed", "skipped"}


def test_merger_passes(run) -> None:
    """A merger has a suite of its own."""
    source = BM25.replace("RerankerSuite", "MergerSuite").replace("bm25", "dbsf")

    assert set(run(source).parseoutcomes()) == {"passed", "skipped"}


def test_options_may_come_from_a_fixture(run) -> None:
    """What a fixture made, a tiny model say, reaches the constructor."""
    source = """
        import pytest
        from resift.testing import RerankerSuite

        class TestBM25(RerankerSuite):
            name = "bm25"

            @pytest.fixture(scope="class")
            @classmethod
            def reranker_options(cls, tmp_path_factory):
                return {"k1": "no number"}
    """
    result = run(source)

    result.stdout.fnmatch_lines(["*option 'k1' must be a valid number*"])
    assert result.parseoutcomes()["failed"] == 1


def test_wrong_reranker_fails_one_test(run) -> None:
    """The broken promise fails; what builds on it is skipped and says why."""
    source = f"""{OVERLAP}
    class Sorted(Overlap):
        @resift.hookimpl
        def score(self, query, documents):
            return sorted(super().score(query, documents))

    class TestSorted(RerankerSuite):
        target = Sorted
    """
    result = run(source)

    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "Promise: A score belongs to its document, wherever *",
            "SKIPPED * mend 'scores_follow_documents' first",
            "FAILED test_it.py::TestSorted::test_scores_follow_documents *",
        ]
    )


def test_exception_of_a_reranker_is_shown_with_its_traceback(run) -> None:
    """What a reranker raises is shown where it was raised."""
    source = f"""{OVERLAP}
    class Picky(Overlap):
        @resift.hookimpl
        def score(self, query, documents):
            raise KeyError("results")

    class TestPicky(RerankerSuite):
        target = Picky
    """

    run(source).stdout.fnmatch_lines(
        ['>*raise KeyError("results")', "E *Found: it raised KeyError: 'results'."]
    )


def test_expected_failure_is_an_xfail(run) -> None:
    """A check that is expected to break is an xfail, with its reason."""
    source = f"""{OVERLAP}
    class Ordered(Overlap):
        @resift.hookimpl
        def score(self, query, documents):
            return [1 / (i + 1) for i, _ in enumerate(documents)]

    class TestOrdered(RerankerSuite):
        target = Ordered
        expected_failures = {{"scores_follow_documents": "the order is all it has"}}
    """
    result = run(source)
    outcomes = result.parseoutcomes()

    assert (outcomes.get("failed", 0), outcomes["xfailed"]) == (0, 1)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED * it builds on 'scores_follow_documents', which is expected to "
            "break",
            "XFAIL *::test_scores_follow_documents - the order is all it has",
        ]
    )


def test_what_the_class_leaves_open_may_be_declared(run) -> None:
    """A suite may declare an attribute that the class itself says nothing about."""
    source = f"""{OVERLAP}
    class Ordered(Overlap):
        @resift.hookimpl
        def score(self, query, documents):
            return [1 / (i + 1) for i, _ in enumerate(documents)]

    class TestOrdered(RerankerSuite):
        target = Ordered
        declares = {{"reads_order": True}}
        skipped = {{"obvious_document_wins": "the order is all it has"}}
    """

    assert set(run(source).parseoutcomes()) == {"passed", "skipped"}


def test_suite_declares_what_hooks_know(run) -> None:
    """A misspelt declaration is a failure, not a wish."""
    source = f"""{OVERLAP}
    class TestOverlap(RerankerSuite):
        target = Overlap
        declares = {{"determinstic": False}}
    """

    run(source).stdout.fnmatch_lines(
        ["Found: the suite declares 'determinstic', which hooks do not know."]
    )


def test_suite_and_class_must_not_contradict_each_other(run) -> None:
    """What the class declares, the suite cannot take back."""
    source = f"""{OVERLAP}
    class Pointwise(Overlap):
        pointwise = True

    class TestPointwise(RerankerSuite):
        target = Pointwise
        declares = {{"pointwise": False}}
    """

    run(source).stdout.fnmatch_lines(
        ["Found: the suite declares pointwise = False, the class True."]
    )


def test_expected_failure_that_holds_fails(run) -> None:
    """A check that is expected to break, and does not, is a failure."""
    source = f"""{OVERLAP}
    class TestOverlap(RerankerSuite):
        target = Overlap
        expected_failures = {{"scores_follow_documents": "no idea"}}
    """
    result = run(source)

    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        ["expected to break (no idea), but it is kept: expect it no more"]
    )


@pytest.mark.parametrize(
    "override",
    ["def test_same_call_same_scores(self): ...", "test_same_call_same_scores = None"],
)
def test_hidden_test_is_an_error(run, override: str) -> None:
    """A test of the contract that is redefined without a reason stops the run."""
    source = f"""{OVERLAP}
    class TestOverlap(RerankerSuite):
        target = Overlap
        {override}
    """
    result = run(source)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "E   TypeError: TestOverlap.test_same_call_same_scores hides a test of the "
            "contract. Mark it with @resift.testing.replaces('the reason'), or say in "
            "expected_failures or skipped why the contract's own cannot hold."
        ]
    )


def test_replaced_test_needs_a_reason(run, tmp_path: Path, monkeypatch) -> None:
    """A test of the author's stands in, with a reason that goes into the report."""
    monkeypatch.setenv("RESIFT_CONTRACT_REPORTS", str(tmp_path))
    source = f"""{OVERLAP}
    class TestOverlap(RerankerSuite):
        target = Overlap

        @replaces("a clock is read: equal within a second")
        def test_same_call_same_scores(self):
            assert True
    """
    outcomes = run(source, "-k", "same_call or scores_follow").parseoutcomes()
    report = json.loads((tmp_path / "Overlap--TestOverlap.json").read_text())

    assert outcomes["passed"] == 2
    assert {
        "check": "same_call_same_scores",
        "status": "replaced",
        "reason": "a clock is read: equal within a second",
    } in report["outcomes"]


@pytest.mark.parametrize("reason", ["", "  ", print])
def test_replaces_without_reason_is_an_error(reason: object) -> None:
    """`replaces` takes a sentence, and nothing else."""
    with pytest.raises(resift.InputError) as caught:
        replaces(reason)

    assert str(caught.value) == f"replaces: reason must be a sentence, got {reason!r}."


def test_suite_without_a_name_is_an_error(run) -> None:
    """A suite that names no reranker tests nothing, and says so."""
    source = """
        from resift.testing import RerankerSuite

        class TestNothing(RerankerSuite):
            pass
    """

    run(source, "-x").stdout.fnmatch_lines(
        ["E *InputError: TestNothing must set 'name', the reranker under test."]
    )


def test_suite_of_the_wrong_kind_is_an_error(run) -> None:
    """A merger in the suite of scorers would be tested for nothing."""
    source = BM25.replace("bm25", "rrf")

    run(source, "-x").stdout.fnmatch_lines(
        [
            "E *InputError: TestBM25: Reranker 'rrf' does not score. Inherit from "
            "MergerSuite."
        ]
    )


def test_report_is_written_where_it_is_asked_for(
    run, tmp_path: Path, monkeypatch
) -> None:
    """With RESIFT_CONTRACT_REPORTS set, each suite leaves a report there."""
    monkeypatch.setenv("RESIFT_CONTRACT_REPORTS", str(tmp_path))
    run(BM25)
    report = json.loads((tmp_path / "bm25--TestBM25.json").read_text())

    assert report["ok"]
    assert report["distribution"] == "resift"
    assert report["declares"]["score_kind"] == "ordinal"
    assert {outcome["status"] for outcome in report["outcomes"]} == {"kept", "skipped"}
