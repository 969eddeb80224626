from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift_llm.windows import completed, sweep, windows


@pytest.mark.parametrize(
    ("n_documents", "expected"),
    [
        (0, []),
        (1, []),
        (2, [range(2)]),
        (20, [range(20)]),
        (21, [range(1, 21), range(11)]),
        (30, [range(10, 30), range(20)]),
        (45, [range(25, 45), range(15, 35), range(5, 25), range(15)]),
    ],
)
def test_windows_slide_from_the_end_to_the_head(n_documents, expected):
    """Each starts `step` before the one below; the last one ends at the head."""
    assert windows(n_documents, 20, 10) == expected


@given(st.integers(2, 200), st.integers(2, 30), st.data())
def test_windows_cover_everything_and_overlap(n_documents, size, data):
    """Every document is seen, and `size - step` of a window are in the next one."""
    step = data.draw(st.integers(1, size - 1))
    found = windows(n_documents, size, step)

    assert {i for window in found for i in window} == set(range(n_documents))
    assert all(len(window) <= size for window in found)
    for below, above in pairwise(found):
        assert below.start - above.start <= step
        assert above.stop - below.start == size - step


@given(st.integers(2, 120), st.integers(2, 20), st.data())
def test_a_sweep_is_a_permutation_whatever_the_model_says(n_documents, size, data):
    """What a window leaves out is counted, and nothing is lost or doubled."""
    step = data.draw(st.integers(1, size - 1))
    answers = []

    def rank(part):
        answer = data.draw(
            st.lists(st.integers(0, len(part) - 1), min_size=1, unique=True)
        )
        answers.append((len(part), len(answer)))
        return answer

    swept = sweep(rank, n_documents, size, step)

    assert sorted(swept.order) == list(range(n_documents))
    assert swept.seen == sum(shown for shown, _ in answers)
    assert swept.left_out == sum(shown - ranked for shown, ranked in answers)


@given(st.permutations(range(60)))
def test_a_perfect_model_brings_the_best_to_the_head(relevance):
    """One sweep ranks the best `size - step` documents, wherever they were."""
    swept = sweep(
        lambda part: sorted(range(len(part)), key=lambda i: relevance[part[i]]),
        60,
        20,
        10,
    )

    assert [relevance[i] for i in swept.order[:10]] == list(range(10))


def test_what_is_left_out_follows_in_the_order_it_came():
    """As in the paper, the answer is completed by the incoming order."""
    assert completed([4, 1], 5) == [4, 1, 0, 2, 3]
    assert completed([], 2) == [0, 1]
