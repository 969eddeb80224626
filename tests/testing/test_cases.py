"""A case that breaks a promise is made as small as it goes."""

from __future__ import annotations

import pytest

from resift.testing.breach import Breach
from resift.testing.cases import GRADED, MANY, Case
from resift.testing.contract import require
from resift.testing.lists import ranked
from resift.testing.watching import watched

LETTERS = Case("q", tuple("abcdefgh"))


def test_smallest_case_is_found() -> None:
    """Documents that are not needed to break the promise are left out."""

    def problem(case: Case) -> str | None:
        return "c and f" if {"c", "f"} <= set(case.documents) else None

    with pytest.raises(Breach) as caught:
        require(problem, LETTERS)

    assert caught.value.case == Case("q", ("c", "f"))
    assert caught.value.found == "c and f"


def test_first_case_that_breaks_is_the_one() -> None:
    """Cases are tried in their order, and those that hold are passed by."""
    single = Case("q", ("x",))

    with pytest.raises(Breach) as caught:
        require(lambda case: "x" if "x" in case.documents else None, LETTERS, single)

    assert caught.value.case == single


def test_nothing_is_raised_where_the_promise_holds() -> None:
    """Without a problem there is no breach."""
    require(lambda case: None, LETTERS, GRADED)


def test_exception_is_a_problem_with_its_cause() -> None:
    """What is raised for a case is found, and chained."""

    def problem(case: Case) -> str | None:
        raise KeyError("results")

    with pytest.raises(Breach) as caught:
        require(problem, LETTERS)

    assert caught.value.found == "it raised KeyError: 'results'"
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(caught.value.case) == 1


def test_search_for_the_smallest_case_ends() -> None:
    """A problem is asked a bounded number of times, however large the case."""
    asked = []

    def problem(case: Case) -> str | None:
        asked.append(case)
        return "all of them" if len(case) == len(MANY) else None

    with pytest.raises(Breach):
        require(problem, MANY)

    assert len(asked) <= 41


def test_cases_are_shown_short() -> None:
    """A message shows the first documents, cut, and how many there are."""
    case = Case("q", ("a" * 100, "b", "c", "d", "e"))
    long = f"'{'a' * 50}'... (100 long)"

    assert str(case) == f"query 'q', documents [{long}, 'b', 'c', 'd', ... 5 in all]"


def test_documents_of_a_case_differ() -> None:
    """No two documents are equal, so that a score at the wrong one shows."""
    for case in (GRADED, MANY):
        assert len(set(case.documents)) == len(case)


def test_lists_are_written_short() -> None:
    """Lists are ordered by score, and shown as such."""
    lists = ranked({0: 1.0, 1: 2.0}, [2, 0], [], n=3)

    assert [r.documents.tolist() for r in lists.rankings] == [[1, 0], [2, 0], []]
    assert lists.rankings[1].scores is None
    assert str(lists) == "3 documents, lists [1:2 0:1; 2 0; empty]"


def test_what_is_opened_is_seen(tmp_path) -> None:
    """Files are seen while they are watched for, and not before or after."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"")
    with watched() as seen:
        path.read_bytes()
    path.read_bytes()

    assert seen == [f"open {str(path)!r}"]


def test_imports_are_not_seen() -> None:
    """Importing a module opens its file, which is no input."""
    with watched() as seen:
        import colorsys  # noqa: F401

    assert seen == []
