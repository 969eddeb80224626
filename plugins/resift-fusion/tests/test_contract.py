"""The contract of `resift.testing`, for each of the mergers."""

from __future__ import annotations

from typing import ClassVar

from resift.testing import MergerSuite


class TestCombSum(MergerSuite):
    """Every promise that a merger makes."""

    name = "comb-sum"


class TestCombSumOfRawScores(MergerSuite):
    """The same, with the scores as they are."""

    name = "comb-sum"
    options: ClassVar = {"normalize": "none"}
    expected_failures: ClassVar = {
        "constant_list_counts": "Raw scores have no zero: the least found is missing's."
    }


class TestCombMnz(MergerSuite):
    """Every promise that a merger makes."""

    name = "comb-mnz"


class TestBorda(MergerSuite):
    """Every promise that a merger makes."""

    name = "borda"


class TestInverseSquareRank(MergerSuite):
    """Every promise that a merger makes."""

    name = "isr"
