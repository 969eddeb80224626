"""`calibrate`: any scores as probabilities, in the order they had."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import resift
from resift.errors import OptionsError
from resift_calibrate import Calibrate, fit, identity

PLATT = {"scale": 1.0, "shift": 0.0}


class Numbers:
    """Score by the number that a text is."""

    score_kind = "logit"
    pointwise = True

    @resift.hookimpl
    def score(self, documents: Sequence[str]) -> list[float]:
        return [float(text) for text in documents]


def calibrate(reranker: object, **options: object) -> resift.Reranker:
    return resift.load("calibrate", config=None, reranker=reranker, **options)


def test_min_score_works_for_every_reranker() -> None:
    """Three logits, of which one is above even odds."""
    reranker = calibrate(Numbers(), **PLATT, min_score=0.5)

    ranked = reranker.rank("q", ["-1", "1", "-3"])

    assert [item.document for item in ranked] == ["1"]
    assert ranked[0].score == pytest.approx(0.7310586)
    assert reranker.score_kind == "probability"
    assert reranker.pointwise


def test_the_order_is_that_of_the_reranker() -> None:
    """Also where a curve is level, or a sigmoid ends."""
    level = calibrate(Numbers(), method="isotonic", knots=[[0, 0.5]])

    for reranker in (level, calibrate(Numbers(), **PLATT)):
        ranked = reranker.rank("q", ["100", "300", "-1", "200"])
        assert [item.document for item in ranked] == ["300", "200", "100", "-1"]


def test_what_is_not_scored_stays_so() -> None:
    """And in its place: of a cascade, as far as it came."""
    inner = resift.load("cascade", config=None, stages=[Numbers(), Numbers()], keep=[1])

    scores = calibrate(inner, **PLATT).score("q", ["1", "0", "2"])

    assert np.isnan(scores.values).tolist() == [True, True, False]
    assert scores.ranking().tolist() == [2, 0, 1]


def test_the_scores_of_the_reranker_are_explained() -> None:
    """As a column of their own."""
    scores = calibrate(Numbers(), **PLATT).score("q", ["1", "0"])

    assert scores.columns["_Numbers_score"].to_pylist() == [1.0, 0.0]


def test_many_queries_reach_the_reranker_together() -> None:
    """So that it can pack them; the error of one is its own."""
    asked = []

    class Packing:
        score_kind = "logit"

        @resift.hookimpl
        def score_many(
            self, queries: Sequence[str], documents: Sequence[Sequence[str]]
        ) -> list[object]:
            asked.append(list(queries))
            return [[0.0] * len(documents[0]), resift.ServerError("503")]

    reranker = calibrate(Packing(), **PLATT)

    first, second = reranker.rank_many(
        ["a", "b"], [["x", "y"], ["z"]], on_error="return"
    )

    assert asked == [["a", "b"]]
    assert [item.score for item in first] == [0.5, 0.5]
    assert isinstance(second, resift.ServerError)


def test_a_calibration_for_another_reranker_is_said() -> None:
    """Another option is enough; one that fits says nothing."""
    bm25 = resift.load("bm25", config=None)
    other = resift.load("bm25", config=None, b=0.2)
    fitted = {**PLATT, "fitted_for": identity(bm25)}

    assert calibrate(bm25, **fitted).score("q", ["q", "r"]).notes == ()
    assert calibrate(other, **fitted).score("q", ["q", "r"]).notes == (
        f"calibrate: the parameters were fitted for {identity(bm25)}, but the reranker "
        f"is {identity(other)}; fit them again",
    )
    assert identity(bm25).startswith("resift:bm25 0.1.0 ")


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic"])
def test_what_was_fitted_are_the_options(method: str) -> None:
    """As TOML holds them, too."""
    curve = fit([-2.0, -1.0, 1.0, 1.5, 2.0], [0, 0, 1, 0, 1], method, "logit")
    options = {k: v for k, v in asdict(curve).items() if v is not None}

    scores = calibrate(Numbers(), **options).score("q", ["-1", "1", "2"])

    expected = curve.of(np.array([-1.0, 1.0, 2.0]), "logit")
    assert scores.values.tolist() == expected.tolist()


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Knots are lists of two numbers."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.sure]\n"
        'use = "calibrate"\n'
        "min_score = 0.5\n"
        'options = { reranker = "bm25", method = "isotonic", '
        "knots = [[0, 0.1], [0.1, 0.9]] }\n"
    )

    ranked = resift.load("sure", config=file).rank("fox", ["a hen", "a fox"])

    assert [item.document for item in ranked] == ["a fox"]


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = calibrate("bm25", **PLATT)
    plain = resift.Reranker(Calibrate(resift.load("bm25", config=None), **PLATT))

    for reranker in (by_name, plain):
        copy = pickle.loads(pickle.dumps(reranker))
        assert copy.rank("fox", ["a", "fox"])[0].document == "fox"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "scale is required where the method is 'platt'."),
        ({"scale": 1}, "shift is required where the method is 'platt'."),
        (
            {**PLATT, "temperature": 2},
            "temperature has no effect where the method is 'platt'.",
        ),
        (
            {"method": "temperature"},
            "temperature is required where the method is 'temperature'.",
        ),
        (
            {"method": "isotonic", "scale": 1},
            "scale has no effect where the method is 'isotonic'.",
        ),
        ({"scale": -1, "shift": 0}, "scale must be above 0 and finite, got -1.0."),
        (
            {"method": "temperature", "temperature": float("inf")},
            "temperature must be above 0 and finite, got inf.",
        ),
        ({"scale": 1, "shift": float("nan")}, "shift must be finite, got nan."),
        *[
            (
                {"method": "isotonic", "knots": knots},
                "knots must be pairs of a score and a probability, both rising.",
            )
            for knots in (
                [],
                [[1.0]],
                [[0.0, 0.5], [0.0, 0.6]],
                [[0.0, 0.5], [1.0, 0.4]],
                [[0.0, -0.1]],
                [[0.0, 1.1]],
                [[float("nan"), 0.5]],
            )
        ],
        (
            {**PLATT, "reranker": "rrf"},
            "its rerankers must score, but 'rrf' only merges.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        calibrate(**{"reranker": "bm25", **options})

    assert str(caught.value) == (
        f"Reranker 'calibrate' (resift-calibrate 0.1.0): {message}"
    )
