"""Measures: trec_eval's numbers, intervals that repeat, tests that mean something."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift.errors import InputError
from resift_eval.measures import compared, measured, parsed
from resift_eval.results import holm


def ndcg(ranked, grades, k=10):
    """Return nDCG@k, worked out the slow way."""
    gain = sum(grades.get(d, 0) / math.log2(i + 2) for i, d in enumerate(ranked[:k]))
    best = sorted(grades.values(), reverse=True)[:k]
    return gain / sum(g / math.log2(i + 2) for i, g in enumerate(best))


def test_measures_by_hand():
    """A ranking with the two relevant documents at ranks 1 and 3."""
    qrels = {"q": {"a": 1, "c": 1}}

    found = measured({"q": ["a", "b", "c"]}, qrels, parsed(["RR@10", "AP", "R@2"]))

    assert found["RR@10"].mean == 1.0
    assert found["AP"].mean == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["R@2"].mean == 0.5


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    ranked=st.permutations([f"d{i}" for i in range(12)]),
    grades=st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(any),
)
def test_ndcg_equals_an_oracle(ranked, grades):
    """nDCG@10 is the textbook's, to 1e-6, whatever the grades."""
    qrels = {"q": {f"d{i}": grade for i, grade in enumerate(grades)}}

    found = measured({"q": ranked}, qrels, parsed(["nDCG@10"]))

    assert found["nDCG@10"].mean == pytest.approx(ndcg(ranked, qrels["q"]), abs=1e-6)


def test_measures_equal_ir_measures():
    """Means over many queries are those of ir-measures, to 1e-6."""
    rng = np.random.default_rng(3)
    names = [f"d{i}" for i in range(200)]
    qrels = {f"q{i}": dict.fromkeys(rng.choice(names, 3), 1) for i in range(40)}
    run = {q: list(rng.permutation(names)[:100]) for q in qrels}
    measures = parsed(["nDCG@10", "RR@10", "R@100", "AP"])

    found = measured(run, qrels, measures)

    scored = {q: {d: float(100 - i) for i, d in enumerate(run[q])} for q in run}
    for measure, expected in ir_measures.calc_aggregate(
        measures, qrels, scored
    ).items():
        assert found[str(measure)].mean == pytest.approx(expected, abs=1e-6)


def test_a_query_without_an_answer_counts_nothing():
    """A run that leaves a query out has 0 for it."""
    qrels = {"a": {"x": 1}, "b": {"x": 1}}

    found = measured({"a": ["x"]}, qrels, parsed(["RR@10"]))

    assert found["RR@10"].values.tolist() == [1.0, 0.0]


def test_intervals_hold_the_mean_and_repeat():
    """The bootstrap interval surrounds the mean and is the same every time."""
    qrels = {f"q{i}": {"x": 1} for i in range(20)}
    run = {f"q{i}": ["x"] if i % 3 else ["y", "x"] for i in range(20)}

    first = measured(run, qrels, parsed(["RR@10"]))["RR@10"]
    again = measured(run, qrels, parsed(["RR@10"]))["RR@10"]

    assert first.low < first.mean < first.high
    assert (first.low, first.high) == (again.low, again.high)


def one(values):
    """Return a measured run of these values."""
    qrels = {str(i): {"x": 1} for i in range(len(values))}
    found = measured({}, qrels, parsed(["RR@10"]))["RR@10"]
    return type(found)(np.array(values), float(np.mean(values)), 0.0, 0.0)


def test_a_clear_difference_is_significant():
    """Better on every one of 30 queries: p is small, and so say the counts."""
    rng = np.random.default_rng(0)
    base = rng.random(30) / 2

    found = compared(one(base + 0.2 + rng.random(30) / 10), one(base))

    assert found.p < 0.001
    assert (found.better, found.worse) == (30, 0)
    assert 0.2 < found.low <= found.difference <= found.high < 0.3


def test_no_difference_is_not():
    """Noise that favours nobody is not significant; equality has p = 1."""
    rng = np.random.default_rng(0)
    base = rng.random(60)

    assert compared(one(base + rng.normal(0, 0.1, 60)), one(base)).p > 0.05
    assert compared(one(base), one(base)).p == 1.0


def test_the_p_value_is_exact_for_few_queries():
    """All 2^4 sign flips of four equal gains: p = 2/16."""
    found = compared(one([0.6, 0.6, 0.6, 0.6]), one([0.5, 0.5, 0.5, 0.5]))

    assert found.p == pytest.approx(2 / 16)


def test_one_query_proves_nothing():
    """A difference on one query is as likely to fall either way: p = 1."""
    comparison = compared(one([1.0]), one([0.0]))

    assert (comparison.difference, comparison.p) == (1.0, 1.0)


def test_holm_stops_at_the_first_that_fails():
    """Of p = .01, .04, .03 only the first survives: .03 > .05 / 2."""
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a"}


def test_an_unknown_measure_is_named():
    """A measure that does not exist is an error with some that do."""
    with pytest.raises(InputError) as error:
        parsed(["NDCG10"])

    assert str(error.value) == (
        "There is no measure 'NDCG10'. Common ones: nDCG@10, RR@10, R@100, AP, P@5, "
        "Success@1."
    )
