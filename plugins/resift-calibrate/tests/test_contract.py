"""`calibrate` keeps the contract of every reranker."""

from __future__ import annotations

from collections.abc import Sequence

import resift
from resift.testing import CompositeSuite, word_overlap


class Overlap:
    """Score by the words that query and document share."""

    score_kind = "similarity"
    pointwise = True

    @resift.hookimpl
    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [word_overlap(query, text) for text in documents]


class TestPlatt(CompositeSuite):
    """A sigmoid."""

    name = "calibrate"
    options = {"reranker": Overlap(), "scale": 5.0, "shift": -1.0}


class TestIsotonic(CompositeSuite):
    """Knots, level beyond them."""

    name = "calibrate"
    options = {
        "reranker": Overlap(),
        "method": "isotonic",
        "knots": [[0.0, 0.1], [0.8, 0.9]],
    }
