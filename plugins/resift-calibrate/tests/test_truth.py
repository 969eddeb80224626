"""Truth: numbers worked by hand, and promises that are kept on new data."""

from __future__ import annotations

import numpy as np
import pytest

from resift_calibrate import (
    calibration_error,
    covered,
    fit,
    held_out,
    reliability,
    threshold,
)


def test_the_error_is_the_gap_of_what_is_said_and_seen() -> None:
    """Two of .9, one of them relevant, and two of .2, none relevant."""
    said, seen = [0.9, 0.9, 0.2, 0.2], [1, 0, 0, 0]

    bins = reliability(said, seen, bins=10)

    assert [(part.n, part.said, part.seen) for part in bins] == [
        (2, 0.2, 0.0),
        (2, 0.9, 0.5),
    ]
    assert calibration_error(said, seen, bins=10) == pytest.approx(0.3)


def test_the_ends_are_in_a_bin() -> None:
    """1 belongs to the last one; nothing is in none."""
    assert [part.n for part in reliability([0.0, 1.0], [0, 1])] == [1, 1]
    assert reliability([], []) == []
    assert calibration_error([], []) == 0.0


def test_a_query_is_held_out_as_a_whole() -> None:
    """Its documents get what was fitted on the other queries."""
    chance = np.random.default_rng(7)
    scores, query = chance.normal(size=300), np.repeat(np.arange(3), 100)
    truth = chance.random(300) < 1 / (1 + np.exp(-3 * scores))

    found = held_out(scores, truth, query, "platt", folds=3)

    for name in range(3):
        rest = query != name
        curve = fit(scores[rest], truth[rest], "platt")
        expected = curve.of(scores[~rest], "ordinal")
        assert found[~rest].tolist() == expected.tolist()


def test_one_query_cannot_be_held_out() -> None:
    """Nothing would be left to fit on."""
    with pytest.raises(ValueError, match=r".") as caught:
        held_out([1.0, 2.0], [0, 1], ["q", "q"], "platt")

    assert str(caught.value) == "held_out needs at least 2 judged queries, got 1."


@pytest.mark.parametrize(
    ("coverage", "expected"), [(0.8, 0.2), (0.6, 0.4), (0.95, 0.0), (1.0, 0.0)]
)
def test_a_threshold_leaves_so_many_below(coverage: float, expected: float) -> None:
    """Of four documents, one of five places is a fifth."""
    assert threshold([0.8, 0.2, 0.6, 0.4], coverage) == expected


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_a_threshold_keeps_its_promise_on_average(coverage: float) -> None:
    """Over 2000 samples of 60, each with a new document."""
    chance = np.random.default_rng(7)

    kept = [
        chance.random() >= threshold(chance.random(60), coverage) for _ in range(2000)
    ]

    assert coverage - 0.02 < np.mean(kept) < coverage + 0.04


def test_coverage_is_that_of_the_other_queries() -> None:
    """Of two folds, each is measured by the threshold of the other."""
    # nine low ones in one query, nine high ones in the other: neither knows the other
    chances = [0.1 * i for i in range(1, 10)] + [0.91] * 9
    queries = ["low"] * 9 + ["high"] * 9

    seen = covered(chances, [True] * 18, queries, 0.5, folds=2)

    assert seen == 0.5  # the low ones keep none, the high ones all
    assert covered(chances, [True] * 18, queries, 0.99, folds=2) == 1.0
    assert np.isnan(covered([0.5], [False], ["q"], 0.9))
