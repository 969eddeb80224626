from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import pytest

from resift_local import CheckedOptions


@dataclass(kw_only=True)
class Weighty(CheckedOptions):
    positive = ("size", "threads")

    size: int = 1
    threads: int | None = None
    weights: list = field(init=False, default_factory=list)


def test_weights_do_not_travel():
    """A copy is built anew from the options."""
    reranker = Weighty(size=2)
    reranker.weights.append(1.0)

    state = reranker.__reduce_ex__(pickle.HIGHEST_PROTOCOL)[2]
    copy = object.__new__(Weighty)
    copy.__setstate__(state)

    assert state == {"size": 2, "threads": None}
    assert copy == Weighty(size=2)


def test_numbers_begin_at_one():
    """One that is too small is named; one that is not set is left alone."""
    with pytest.raises(ValueError, match=r"^threads must be at least 1, got 0\.$"):
        Weighty(threads=0)
