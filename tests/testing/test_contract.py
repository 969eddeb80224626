"""The contract catches what it is meant to catch: each wrong reranker by one check."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest

import resift
from resift.testing import ContractError, check_reranker
from resift.testing.breach import Breach
from resift.testing.contract import contract
from resift.testing.drawing import EXAMPLES, draw
from resift.testing.fixtures import InstallFake

WRONG = Path(__file__).with_name("wrong")
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "authors" / "contract.md").read_text(encoding="utf-8")


def load(name: str) -> ModuleType:
    """Import one file of the folder, under a name by which pickle finds it again."""
    module = f"wrong_{name}"
    if module not in sys.modules:
        path = WRONG / f"{name}.py"
        spec = importlib.util.spec_from_file_location(module, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module])
    return sys.modules[module]


def read_me() -> str:
    """Return the page of the folder."""
    return (WRONG / "README.md").read_text(encoding="utf-8")


CLASSES = [
    cls
    for path in sorted(WRONG.glob("*.py"))
    for cls in vars(load(path.stem)).values()
    if inspect.isclass(cls) and "breaks" in vars(cls)
]
FORKED = [load("state").SharesItsCache, load("state").SharesAPool]
SLOW = {
    "AsksRight",
    "ComparesEachWithEach",
    "FillsTheGaps1",
    "GivesTheLastAnswer",
    "IgnoresTheTimeout",
    "LooksUpInALoop",
    "NeverGivesUp",
    "SharesAPool",
    "TakesAnyIndex",
    "TellsItsKey",
}
"""Those that hang, or take long because that is what is wrong with them."""
PACKAGES = load("packages").PACKAGES
CHECKS = {check.name: check for check in contract()}


def marked(cls: type) -> object:
    """Return a wrong class as a parameter, marked where it is slow."""
    marks = [pytest.mark.slow] if cls.__name__ in SLOW else []
    return pytest.param(cls, id=cls.__name__, marks=marks)


@pytest.mark.parametrize("cls", [*map(marked, CLASSES)])
def test_wrong_class_is_caught_by_its_check_first(cls: type) -> None:
    """A wrong reranker first breaks the check that is meant for it."""
    candidates = getattr(cls, "candidates", None)
    given = getattr(cls, "serving", lambda: nullcontext(getattr(cls, "options", None)))
    with given() as options:
        target = cls.target() if hasattr(cls, "target") else cls
        report = check_reranker(
            target, options, candidates=candidates, network=True, stop=True
        )

    assert report.broken[:1] == ([cls.breaks] if cls.breaks else [])


@pytest.mark.parametrize("cls", [*map(marked, FORKED)])
def test_what_others_loaded_does_not_matter(cls: type, monkeypatch) -> None:
    """A library that does not survive a fork only counts where scoring calls it."""
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    report = check_reranker(cls, only=cls.breaks)

    assert report.broken == [cls.breaks]


def test_what_does_not_survive_a_fork_is_not_forked(monkeypatch) -> None:
    """A reranker that calls such a library is not asked in a forked process."""
    library = ModuleType("onnxruntime")
    exec("def run(texts): return [float(len(text)) for text in texts]", vars(library))  # noqa: S102
    monkeypatch.setitem(sys.modules, "onnxruntime", library)

    class Calls:
        @resift.hookimpl
        def score(self, query, documents):
            return library.run(documents)

    report = check_reranker(Calls, only="forked_process_scores")
    reasons = {o.check.name: o.reason for o in report.outcomes}

    assert reasons["forked_process_scores"] == (
        "it uses onnxruntime, which does not survive a fork"
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_wrong_package_is_caught_by_its_check_alone(
    name: str, fake_distribution: InstallFake
) -> None:
    """A reranker that is packaged wrongly breaks the check that is meant for it."""
    package = PACKAGES[name]
    for distribution in package["installs"]:
        fake_distribution(**distribution)

    report = check_reranker(package["reranker"])

    assert report.broken == ([package["breaks"]] if package["breaks"] else [])


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_check_catches_something(check) -> None:
    """For every check there is a wrong reranker that it is there to catch."""
    caught = {cls.breaks for cls in CLASSES} | {p["breaks"] for p in PACKAGES.values()}

    assert check.name in caught


def test_every_twin_is_there() -> None:
    """The table of peers' defects names what is in this folder."""
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", read_me(), re.MULTILINE)
    named = [name for _, twins in rows for name in re.findall(r"`([^`]+)`", twins)]
    known = {cls.__name__ for cls in CLASSES} | {f'PACKAGES["{n}"]' for n in PACKAGES}

    assert [int(number) for number, _ in rows] == list(range(1, 22))
    assert set(named) <= known


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_checks_are_written_to_be_read(check) -> None:
    """A check states its promise as a sentence, and builds on checks that run first."""
    order = list(CHECKS)

    assert check.promise.endswith(".")
    assert check.usually.endswith(".")
    assert check.usually[0].islower() or check.usually[0] in "'@"
    assert check.function.__doc__
    assert all(order.index(name) < order.index(check.name) for name in check.after)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_promise_is_written_where_authors_read_it(check) -> None:
    """The page of the contract has each promise, and how authors usually break it."""
    row = next(
        line for line in PAGE.splitlines() if line.startswith(f"| `{check.name}`")
    )
    told = re.sub(r"[`'\\\s]", "", row)

    assert re.sub(r"[`'\\\s]", "", check.promise) in told
    assert re.sub(r"[`'\\\s]", "", check.usually)[1:] in told


def test_drawn_inputs_are_the_same_in_every_run(monkeypatch) -> None:
    """Nothing that is drawn depends on chance, with hypothesis or without."""
    for installed in (True, False):
        if not installed:
            monkeypatch.setattr("resift.testing.drawing.find_spec", lambda name: None)
        seen: list[list[list[int]]] = [[], []]
        for numbers in seen:
            draw(lambda drawn, into=numbers: into.append(list(drawn)), seconds=60)

        assert len(seen[0]) == EXAMPLES
        assert seen[0] == seen[1]


def test_drawn_input_that_breaks_a_promise_is_made_smaller() -> None:
    """With hypothesis, of all inputs that break a promise the simplest is shown."""
    pytest.importorskip("hypothesis")

    def problem(numbers) -> None:
        if max(numbers) >= 128:
            found = str(list(numbers))
            raise Breach(found)

    with pytest.raises(Breach) as caught:
        draw(problem, seconds=60)

    assert caught.value.found == "[128]"


def test_message_names_promise_smallest_input_and_usual_cause() -> None:
    """The whole message: who, which promise, by what, how, and the usual cause."""
    with pytest.raises(ContractError) as caught:
        check_reranker(load("scores").ScoresNothing).raise_if_broken()

    assert str(caught.value) == (
        "Reranker 'ScoresNothing' breaks 'scores_follow_documents'.\n"
        "Promise: A score belongs to its document, wherever the document stands in "
        "the list.\n"
        "Smallest input: query 'how do red foxes hunt mice in deep snow', documents "
        "['How do foxes hunt in deep snow? They listen, wait,'... (76 long), "
        "'Red paint dries slowly.']\n"
        "Found: in the order [1, 0], document 0 scores 0.5 instead of 1.\n"
        "Usually scores are sorted before they are returned, stand in the order of the "
        "backend's answer, or of a list that was sorted on the way. Put each back at "
        "the index of its document."
    )


def test_cause_is_chained() -> None:
    """What a reranker raised is the cause of the error, and is named in it."""
    report = check_reranker(load("documents").WritesAscii)
    error = next(o.error for o in report.outcomes if o.status == "broken")

    assert error is not None
    assert isinstance(error.__cause__, UnicodeEncodeError)
    assert "it raised UnicodeEncodeError: 'ascii' codec can't encode" in str(error)


def test_blocked_checks_name_what_to_mend() -> None:
    """What builds on a broken check does not run, and says what to mend first."""
    report = check_reranker(load("scores").SortsItsScores)
    blocked = {o.check.name: o.reason for o in report.outcomes if o.status == "blocked"}

    assert blocked["top_k_is_a_hint"] == "mend 'scores_follow_documents' first"
    assert not report.ok
    assert report.verdict == (
        "'SortsItsScores' breaks the contract: scores_follow_documents."
    )


def test_expected_failure_is_strict() -> None:
    """A check expected to break passes broken, and fails when it is kept."""
    reasons = {"scores_follow_documents": "it reads the order"}
    wrong = check_reranker(load("scores").ScoresNothing, expected_failures=reasons)
    right = check_reranker("bm25", expected_failures=reasons)
    outcome = next(o for o in right.outcomes if o.status == "unexpected")

    assert "scores_follow_documents" not in wrong.broken
    assert right.broken == ["scores_follow_documents"]
    assert outcome.reason == (
        "expected to break (it reads the order), but it is kept: expect it no more"
    )


def test_optional_check_is_skipped_with_its_reason() -> None:
    """An optional check may be left out, and the reason is reported."""
    reason = "random weights"
    wrong = load("scores").ReturnsDistances
    report = check_reranker(wrong, skipped={"obvious_document_wins": reason})
    outcome = next(o for o in report.outcomes if o.check.optional)

    assert report.ok
    assert outcome.as_dict() == {
        "check": "obvious_document_wins",
        "status": "skipped",
        "reason": reason,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"skipped": {"same_call_same_scores": "slow"}},
            "skipped: the check 'same_call_same_scores' is required. If it cannot "
            "hold, say why in expected_failures. Optional: ",
        ),
        (
            {"expected_failures": {"same_call": "?"}},
            "expected_failures: there is no check 'same_call'. Checks: "
            "'entry_point_resolves', ",
        ),
        (
            {"expected_failures": {"same_call_same_scores": " "}},
            "expected_failures: 'same_call_same_scores' needs a reason, got ' '.",
        ),
    ],
)
def test_reasons_and_names_are_required(arguments: dict, message: str) -> None:
    """An exception needs a check that exists, a reason, and for skipping leave."""
    with pytest.raises(resift.InputError) as caught:
        check_reranker("bm25", **arguments)

    assert str(caught.value).startswith(message)


def test_options_need_something_to_build() -> None:
    """Options make no sense for a reranker that came built."""
    with pytest.raises(resift.InputError) as caught:
        check_reranker(resift.load("bm25", config=None), {"b": 0.5})

    assert str(caught.value) == (
        "options are for a name or a class, but the target is a Reranker. "
        "Build it with them instead."
    )


def test_columns_that_cannot_be_made_up_are_asked_for() -> None:
    """A reranker that reads columns fails without 'candidates', and is told so."""
    report = check_reranker(load("documents").DividesByLength)
    reason = next(o.reason for o in report.outcomes if o.status == "broken")

    assert report.broken == ["one_score_per_document"]
    assert reason.splitlines()[-2:] == [
        "Found: it reads the columns 'year', which the contract cannot make up.",
        "Usually 'candidates' is missing: a class method of the suite, an argument of "
        "check_reranker, or a file for `resift check --candidates`, which gives those "
        "columns for the texts.",
    ]


def test_without_network_nothing_is_asked() -> None:
    """A reranker that needs the network is not asked, and that is no pass."""

    class Far:
        needs_network = True

        @resift.hookimpl
        def score(self, query, documents):
            raise AssertionError

    report = check_reranker(Far)

    assert report.broken == []
    assert not report.ok
    assert report.verdict == (
        "'Far' keeps what was checked of the contract, but "
        f"{report.count('unchecked')} checks need the network."
    )


def test_unknown_name_is_in_the_report() -> None:
    """What is not installed is a broken check, not an exception."""
    report = check_reranker("no-such-reranker")

    assert report.broken == ["entry_point_resolves"]
    assert report.reranker == "no-such-reranker"


@pytest.mark.parametrize("name", ["bm25", "rrf", "dbsf", "relative", "convex"])
def test_report_is_the_same_every_time(name: str) -> None:
    """A report as data holds no times and no paths: equal runs give equal reports."""
    first, second = (check_reranker(name).as_dict() for _ in range(2))

    assert first == second
    assert first["ok"]


def test_run_stops_at_the_first_broken_check() -> None:
    """With 'stop', nothing is run after the first check that is broken."""
    wrong = load("scores").SortsItsScores
    report = check_reranker(wrong, stop=True)

    assert report.outcomes[-1].check.name == report.broken[-1]
    assert len(report.broken) == 1
    assert len(report.outcomes) < len(check_reranker(wrong).outcomes)


@pytest.mark.slow
def test_function_and_instance_are_checked_too() -> None:
    """A function, an instance and a loaded reranker need no package."""
    right = load("calls")

    assert check_reranker(right.overlaps).ok
    assert check_reranker(right.RaisesOnFailure()).ok
    assert check_reranker(resift.load("bm25", config=None)).ok
