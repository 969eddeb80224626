from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift_cross_encoder.batches import batches

LENGTHS = st.lists(st.integers(1, 512), max_size=60).map(np.array)
LENGTHS = LENGTHS.map(lambda a: a.astype(np.int64))


def sizes(found):
    return [batch.tolist() for batch in found]


def test_longest_first_by_hand() -> None:
    """Pairs go together, the longest first, as long as their rectangle fits."""
    lengths = np.array([10, 50, 20, 40, 30])

    found = batches(lengths, token_budget=100)

    assert sizes(found) == [[1, 3], [4, 2, 0]]  # 2 x 50, 3 x 30


def test_a_pair_over_budget_goes_alone() -> None:
    """A pair that is longer than the budget is still scored."""
    assert sizes(batches(np.array([300, 5]), token_budget=100)) == [[0], [1]]


def test_batch_size_bounds_pairs() -> None:
    """Without a token budget only the number of pairs counts."""
    found = batches(np.full(5, 500), token_budget=None, batch_size=2)

    assert sizes(found) == [[0, 1], [2, 3], [4]]


def test_rounded_widths_count() -> None:
    """What a runtime rounds up to is what must fit the budget."""
    found = batches(np.full(4, 9), token_budget=32, width=lambda n: -(-n // 16) * 16)

    assert sizes(found) == [[0, 1], [2, 3]]


def test_small_calls_are_shared_out() -> None:
    """A call that fits into one batch still keeps two runners busy."""
    found = batches(np.full(4, 10), token_budget=1024, n_parallel=2)

    assert sizes(found) == [[0, 1], [2, 3]]


@given(lengths=LENGTHS, budget=st.integers(1, 4096), n_parallel=st.integers(1, 8))
def test_every_pair_once_within_budget(lengths, budget, n_parallel) -> None:
    """Each pair is in one batch, and no batch of several exceeds the budget."""
    found = batches(lengths, token_budget=budget, n_parallel=n_parallel)

    taken = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    assert sorted(taken.tolist()) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


@pytest.mark.parametrize("seed", range(5))
def test_little_padding(seed) -> None:
    """Of a hundred passages of mixed lengths less than 15 % is padding."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.lognormal(4.75, 0.75, 100), 8, 512).astype(np.int64)

    found = batches(lengths, token_budget=1024)

    padded = sum(lengths[batch].max() * len(batch) for batch in found)
    assert 1 - lengths.sum() / padded < 0.15
