from __future__ import annotations

import time

import pytest

from resift_remote import Deadline, ask_together, split


@pytest.mark.parametrize(
    ("n", "limit", "sizes"),
    [
        (1, None, [1]),
        (1000, None, [1000]),
        (4, 4, [4]),
        (5, 4, [2, 3]),
        (10, 4, [3, 3, 4]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_parts_are_few_and_even(n, limit, sizes):
    """As few parts as fit, in order, that differ by one document at most."""
    parts = split(n, limit)

    assert [len(part) for part in parts] == sizes
    assert [index for part in parts for index in part] == list(range(n))


def test_nothing_is_no_part():
    """Without documents there is nobody to ask."""
    assert split(0, 4) == []


def test_answers_come_in_the_order_of_the_parts():
    """Whoever is done first, each answer stands in its place."""

    def ask(part):
        time.sleep(part / 100)
        return -part

    assert ask_together(ask, [3, 1, 2], 3, Deadline(10)) == [-3, -1, -2]


def test_the_first_failure_ends_the_rest():
    """What waits is woken, and what has not started never will."""
    deadline = Deadline(30)
    begun = []

    def ask(part):
        begun.append(part)
        if part == "bad":
            raise ValueError(part)
        deadline.pause(30)

    start = time.monotonic()
    with pytest.raises(ValueError, match="bad"):
        ask_together(ask, ["slow", "bad", *"never"], 2, deadline)
    assert time.monotonic() - start < 5
    assert deadline.left == 0.0
    assert len(begun) <= 3  # the thread that failed may have taken one more
