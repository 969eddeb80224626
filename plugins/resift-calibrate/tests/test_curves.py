"""Curves: values by hand, and fits that find what made the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift_calibrate import Curve, fit

CHANCE = np.random.default_rng(7)
SCORES = CHANCE.normal(size=20_000)


def sample(scale: float, shift: float) -> np.ndarray:
    """Return who is relevant, drawn by a sigmoid of the scores."""
    chances = 1 / (1 + np.exp(-(scale * SCORES + shift)))
    return CHANCE.random(len(SCORES)) < chances


def test_platt_is_a_sigmoid() -> None:
    """Of 2 * 0.5 - 1 and of 2 * 1 - 1; NaN stays."""
    curve = Curve("platt", scale=2.0, shift=-1.0)

    found = curve.of(np.array([0.5, 1.0, np.nan]), "logit")

    assert found.tolist() == pytest.approx(
        [0.5, math.e / (1 + math.e), np.nan], nan_ok=True
    )


def test_a_probability_is_read_as_log_odds() -> None:
    """At temperature 2, odds of 4 to 1 become 2 to 1; certainty stays finite."""
    curve = Curve("temperature", temperature=2.0)

    found = curve.of(np.array([0.8, 1.0, 0.0]), "probability")

    assert found.tolist() == pytest.approx([2 / 3, 1, 0], abs=1e-5)


def test_knots_are_joined_by_straight_lines() -> None:
    """And level beyond them."""
    curve = Curve("isotonic", knots=[[0, 0.2], [10, 0.8]])

    found = curve.of(np.array([-5.0, 0, 5, 10, 50, np.nan]), "logit")

    assert found.tolist() == pytest.approx(
        [0.2, 0.2, 0.5, 0.8, 0.8, np.nan], nan_ok=True
    )


def test_platt_finds_what_made_the_data() -> None:
    """A scale of 2 and a shift of -3, wherever scores lie."""
    truth = sample(2, -3)

    near = fit(SCORES, truth, "platt")
    far = fit(SCORES * 1000 + 5000, truth, "platt")

    assert near.scale == pytest.approx(2, rel=0.05)
    assert near.shift == pytest.approx(-3, rel=0.05)
    assert far.scale == pytest.approx(near.scale / 1000)
    assert far.of(SCORES * 1000 + 5000, "logit") == pytest.approx(
        near.of(SCORES, "logit")
    )


def test_temperature_finds_what_made_the_data() -> None:
    """Of logits, and of the probabilities that they stand for."""
    truth = sample(0.5, 0)

    logits = fit(SCORES, truth, "temperature", "logit")
    chances = fit(1 / (1 + np.exp(-SCORES)), truth, "temperature", "probability")

    assert logits.temperature == pytest.approx(2, rel=0.1)
    assert chances.temperature == pytest.approx(logits.temperature)


def test_isotonic_pools_what_falls() -> None:
    """Of 1, 2, 3 and 4 the second and third are in the wrong order."""
    curve = fit([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1], "isotonic")

    assert curve.knots == [[1.0, 0.0], [2.5, 0.5], [4.0, 1.0]]


derandomized = settings(derandomize=True, deadline=None, max_examples=100)
judged = st.lists(
    st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40
).filter(lambda pairs: len({truth for _, truth in pairs}) == 2)


@derandomized
@given(judged)
def test_isotonic_rises_and_keeps_the_share(pairs: list[tuple[int, bool]]) -> None:
    """Its knots are in order; and never is the fit worse than the share alone."""
    scores, truth = map(np.array, zip(*pairs, strict=True))

    curve = fit(scores, truth, "isotonic")

    heights = [height for _, height in curve.knots]
    assert heights == sorted(heights)
    assert 0 <= heights[0] <= truth.mean() <= heights[-1] <= 1


def test_scores_that_tell_the_documents_apart_are_fitted_all_the_same() -> None:
    """A plain logistic regression would have no end."""
    curve = fit([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1], "platt")

    found = curve.of(np.array([0.0, 3.0]), "logit")
    assert 0 < found[0] < 0.5 < found[1] < 1


@pytest.mark.parametrize(
    ("scores", "truth", "method", "message"),
    [
        (
            [1.0, 2.0],
            [1, 1],
            "platt",
            "fit needs finite scores of relevant and of other documents, got 2 "
            "relevant and 0 others, 0 of them not finite.",
        ),
        (
            [],
            [],
            "isotonic",
            "fit needs finite scores of relevant and of other documents, got 0 "
            "relevant and 0 others, 0 of them not finite.",
        ),
        (
            [1.0, np.nan],
            [0, 1],
            "isotonic",
            "fit needs finite scores of relevant and of other documents, got 1 "
            "relevant and 1 others, 1 of them not finite.",
        ),
        (
            [1.0, 2.0],
            [1, 0],
            "platt",
            "fit needs scores that are higher where documents are relevant.",
        ),
        (
            [1.0, 2.0, 2.0],
            [1, 0, 0],
            "temperature",
            "temperature needs logits that are 0 at even odds. Use platt.",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    scores: list[float], truth: list[int], method: str, message: str
) -> None:
    """The message says what is needed."""
    with pytest.raises(ValueError, match=r".") as caught:
        fit(scores, truth, method)

    assert str(caught.value) == message
