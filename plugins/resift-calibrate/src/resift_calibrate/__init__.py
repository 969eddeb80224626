"""`calibrate`: scores that mean something, and the functions that find out what.

A tool that has judged queries calls `fit` for the options of the reranker, `held_out`
for probabilities of queries that were not fitted on, `calibration_error` and
`reliability` to tell how true they are, and `threshold` for a `min_score`.
"""

from __future__ import annotations

from resift_calibrate.curves import Curve, Method, fit
from resift_calibrate.reranker import Calibrate, identity
from resift_calibrate.truth import (
    Bin,
    calibration_error,
    covered,
    held_out,
    reliability,
    threshold,
)

__all__ = [
    "Bin",
    "Calibrate",
    "Curve",
    "Method",
    "calibration_error",
    "covered",
    "fit",
    "held_out",
    "identity",
    "reliability",
    "threshold",
]
