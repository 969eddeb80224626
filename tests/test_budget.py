"""`budget`: a cascade that stops before the stage it cannot pay."""

from __future__ import annotations

import re

import numpy as np
import pytest

import resift
from resift.errors import OptionsError

TEXTS = ["one", "three", "seven"]


class Paid:
    """Score by length, or the other way round, for some calls."""

    score_kind = "logit"

    def __init__(self, calls: float, sign: float = 1.0) -> None:
        self.calls = calls
        self.sign = sign
        self.asked = 0

    @resift.hookimpl
    def score(self, documents):
        self.asked += 1
        values = self.sign * np.array([float(len(text)) for text in documents])
        return resift.Scores(values, usage={"calls": self.calls})


def cascade(*stages, **options):
    """Build a cascade whose stages keep two."""
    return resift.load(
        "cascade",
        config=None,
        stages=list(stages),
        keep=[2] * (len(stages) - 1),
        **options,
    )


def test_a_stage_that_cannot_be_paid_is_not_asked():
    """Its budget spent, a query keeps the scores of the stage before, with a note."""
    last = Paid(1, sign=-1.0)
    reranker = cascade(Paid(20), last, budget={"calls": 20})

    ranked = reranker.rank("q", TEXTS)
    assert [item.document for item in ranked] == ["three", "seven", "one"]
    assert last.asked == 0
    assert ranked.usage == {"calls": 20}
    assert list(ranked.notes) == [
        "cascade: Paid_2 was not asked: the budget is spent (20 of 20 calls)"
    ]
    assert ranked.notes[0].code == "budget"


def test_what_is_left_is_spent():
    """A budget that is not used up changes nothing."""
    free = cascade(Paid(19), Paid(1, sign=-1.0)).score("q", TEXTS)
    bound = cascade(Paid(19), Paid(1, sign=-1.0), budget={"calls": 20}).score(
        "q", TEXTS
    )

    assert bound.values.tolist()[1:] == free.values.tolist()[1:]
    assert (bound.order.tolist(), list(bound.notes)) == (free.order.tolist(), [])


def test_each_query_of_many_has_a_budget_of_its_own():
    """Queries that are scored together are stopped each by what it cost itself."""

    class Uneven(Paid):
        @resift.hookimpl
        def score(self, query, documents):
            scores = Paid.score(self, documents)
            return resift.Scores(scores.values, usage={"calls": len(query)})

    last = Paid(1, sign=-1.0)
    reranker = cascade(Uneven(0), last, budget={"calls": 5})

    cheap, dear = reranker.score_many(["q", "a long query"], [TEXTS, TEXTS])
    assert (cheap.usage, dear.usage) == ({"calls": 2}, {"calls": 12})
    assert len(dear.notes) == 1
    assert last.asked == 1


def test_the_kind_is_that_of_the_stage_that_scored():
    """Scores of an earlier stage are not taken for what the last one gives."""

    class Chance(Paid):
        score_kind = "probability"

        @resift.hookimpl
        def score(self, documents):
            return [0.5] * len(documents)

    stopped = cascade(Paid(1), Chance(0), budget={"calls": 1}).score("q", TEXTS)
    assert stopped.kind == "logit"


def test_a_stopped_answer_is_not_kept():
    """It is marked as second choice, since the next call may afford more."""
    stopped = cascade(Paid(1), Paid(1), budget={"calls": 1}).score("q", TEXTS)

    assert list(stopped.columns["_degraded"].to_pylist()) == [True] * 3


@pytest.mark.parametrize(
    ("budget", "got"),
    [({"call": 2}, "'call': 2"), ({"calls": 0}, "'calls': 0")],
)
def test_a_budget_that_bounds_nothing_is_refused(budget, got):
    """An unknown name would never stop anything, and 0 would stop everything."""
    expected = (
        "budget must give a number above 0 for one of 'calls', 'cost', 'input_tokens', "
        f"'output_tokens', 'search_units', got {got}"
    )

    with pytest.raises(OptionsError, match=re.escape(expected)):
        cascade(Paid(1), budget=budget)


def test_fallback_counts_who_scored_nothing():
    """A reranker that answered without a score cost what it cost."""

    class Nothing(Paid):
        @resift.hookimpl
        def score(self, documents):
            values = np.full(len(documents), np.nan)
            return resift.Scores(values, usage={"calls": 3}, unscored="as ever")

    reranker = resift.load("fallback", config=None, rerankers=[Nothing(3), Paid(1)])

    assert reranker.rank("q", TEXTS).usage == {"calls": 4}
