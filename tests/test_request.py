"""The arguments of one call: what is refused, and in which words."""

from __future__ import annotations

from fractions import Fraction

import pytest

import resift
from samples import Lengths, table

TEXT = "text must be the name of a column, or a list of names"
COUNT = "must be an integer of at least 1, or None"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"text": 5}, "text must be the name of a column, or a list of names, got 5."),
        (
            {"text": ""},
            "text must be the name of a column, or a list of names, got ''.",
        ),
        (
            {"text": []},
            "text must be the name of a column, or a list of names, got [].",
        ),
        ({"id": 5}, "id must be the name of a column, got 5."),
        ({"id": ""}, "id must be the name of a column, got ''."),
        ({"names": 3}, "names must be a list of names, got 3."),
        ({"names": "a"}, "names must be a list of names, got 'a'."),
        ({"drop": "text"}, "drop must be a list of names, got 'text'."),
        (
            {"weights": "1"},
            "weights must be numbers, one per list, in order or by the list's name, "
            "got '1'.",
        ),
        (
            {"timeout": "5"},
            "timeout must be seconds, a number above 0, or None, got '5'.",
        ),
        (
            {"timeout": float("nan")},
            "timeout must be seconds, a number above 0, or None, got nan.",
        ),
        (
            {"timeout": 10**400},
            f"timeout must be seconds, a number above 0, or None, got 1{'0' * 76}....",
        ),
        (
            {"timeout": Fraction(10**5000)},
            "timeout must be seconds, a number above 0, or None, got Fraction.",
        ),
        ({"top_k": 0}, "top_k must be an integer of at least 1, or None, got 0."),
        (
            {"window": True},
            "window must be an integer of at least 1, or None, got True.",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_argument_is_refused(argument, message):
    """Each message names the argument, what it must be, and what came."""
    with pytest.raises(resift.InputError) as caught:
        resift.Reranker(Lengths()).rerank("q", table("a"), **argument)

    assert str(caught.value) == message


def test_a_wrong_setting_is_refused_when_it_is_set():
    """The constructor checks what every call would use."""
    with pytest.raises(resift.InputError) as caught:
        resift.Reranker(Lengths(), text=5)  # type: ignore[arg-type]

    assert str(caught.value) == (
        "text must be the name of a column, or a list of names, got 5."
    )


def test_a_timeout_of_score_is_checked_too():
    """A composite would do arithmetic with it."""
    cascade = resift.load("cascade", config=None, stages=["bm25"], keep=[])

    with pytest.raises(resift.InputError) as caught:
        cascade.score("q", ["a"], timeout="5")  # type: ignore[arg-type]

    assert str(caught.value) == (
        "timeout must be seconds, a number above 0, or None, got '5'."
    )


def test_candidates_must_be_a_table():
    """They are called candidates there, not results."""

    class Reads:
        @resift.hookimpl
        def score(self, documents, candidates): ...

    with pytest.raises(resift.InputError) as caught:
        resift.Reranker(Reads()).score("q", ["a"], candidates=[1])  # type: ignore[arg-type]

    assert str(caught.value) == (
        "Reranker 'Reads': candidates must be an Arrow table, a pandas or polars "
        "frame, or a list of mappings, got list. Strings are ranked by Reranker.rank."
    )
