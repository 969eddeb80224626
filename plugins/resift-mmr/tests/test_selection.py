"""The selection: numbers worked by hand, a slow oracle, and what always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift_mmr import select
from resift_mmr.vectors import unit

derandomized = settings(derandomize=True, deadline=None, max_examples=200)


def formula(relevance, vectors, trade_off, chosen):
    """Return the value of every document by the formula, once *chosen* are chosen."""
    return [
        trade_off * relevance[d]
        - (1 - trade_off)
        * max([0.0, *(float(vectors[d] @ vectors[s]) for s in chosen)])
        for d in range(len(relevance))
    ]


@st.composite
def cases(draw):
    n = draw(st.integers(0, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(n, 3)).round(draw(st.sampled_from([0, 6]))))
    relevance = random.random(n).round(draw(st.sampled_from([1, 9])))
    return relevance, vectors, draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))


def test_numbers_worked_by_hand() -> None:
    """The twin of the first is passed over for one that differs.

    With a trade-off of 0.5: first 0.5 * 1.0; then 0.5 * 0.6 - 0 beats
    0.5 * 0.9 - 0.5 * 1.0; the twin is last at -0.05.
    """
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    order, values = select(np.array([1.0, 0.9, 0.6]), vectors, 0.5)

    assert order.tolist() == [0, 2, 1]
    assert values.tolist() == pytest.approx([0.5, 0.3, -0.05])


def test_a_trade_off_of_one_is_relevance_alone() -> None:
    """Nothing is held against twins."""
    vectors = np.ones((3, 1))

    order, values = select(np.array([0.1, 0.9, 0.5]), vectors, 1.0)

    assert order.tolist() == [1, 2, 0]
    assert values.tolist() == [0.9, 0.5, 0.1]


def test_a_trade_off_of_zero_is_difference_alone() -> None:
    """The first comes first, then what is least like it."""
    vectors = unit([[1, 0], [1, 0.1], [0, 1]])

    assert select(np.array([0.1, 0.9, 0.5]), vectors, 0.0)[0].tolist() == [0, 2, 1]


def test_opposite_documents_are_no_more_different_than_unlike_ones() -> None:
    """A negative cosine earns nothing, so values cannot rise."""
    vectors = np.array([[1.0], [-1.0]])

    _, values = select(np.array([1.0, 0.5]), vectors, 0.5)

    assert values.tolist() == [0.5, 0.25]


@derandomized
@given(cases())
def test_the_incremental_selection_is_the_formula(case) -> None:
    """Each choice is the best one left, to rounding: among equals any is right."""
    relevance, vectors, trade_off = case

    order, values = select(relevance, vectors, trade_off)

    chosen = order.tolist()
    assert sorted(chosen) == list(range(len(relevance)))
    for step, (document, value) in enumerate(zip(chosen, values, strict=True)):
        now = formula(relevance, vectors, trade_off, chosen[:step])
        assert value == pytest.approx(now[document], abs=1e-6)
        assert value == pytest.approx(max(now[d] for d in chosen[step:]), abs=1e-6)


@derandomized
@given(cases(), st.integers(1, 14))
def test_values_never_rise_and_a_hint_only_shortens(case, k: int) -> None:
    """The first k are the same, with the same values, as without the hint."""
    relevance, vectors, trade_off = case

    whole, whole_values = select(relevance, vectors, trade_off)
    order, values = select(relevance, vectors, trade_off, k)

    assert order.tolist() == whole[:k].tolist()
    assert values.tolist() == whole_values[:k].tolist()
    assert (np.diff(whole_values) <= 0).all()
