"""CombSUM, CombMNZ, Borda and ISR: numbers worked by hand, and the shared rules."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import resift
from resift.rerankers.mergers import RelativeScoreFusion
from resift_fusion import Borda, CombMnz, CombSum, InverseSquareRank

if TYPE_CHECKING:
    from collections.abc import Sequence


class Merger(Protocol):
    def merge(
        self, rankings: Sequence[resift.Ranking], n_documents: int
    ) -> np.ndarray: ...


ALL: list[Merger] = [
    CombSum(),
    CombSum(normalize="none"),
    CombMnz(gamma=0.5),
    Borda(),
    InverseSquareRank(),
]
A, B, C, D, E = range(5)


def name(merger: Merger) -> str:
    """Return how a test id calls the merger."""
    return f"{type(merger).__name__}-{getattr(merger, 'normalize', '')}"


def ranked(
    documents: Sequence[int],
    scores: Sequence[float] | None = None,
    weight: float = 1.0,
) -> resift.Ranking:
    """Return a `Ranking` of plain lists."""
    return resift.Ranking(
        np.array(documents, dtype=np.int64),
        None if scores is None else np.array(scores, dtype=np.float64),
        weight,
        name="semantic",
    )


# Two lists over five documents: A B C with 3 2 1, and D B with -10 -30. E is in none.
TWO = [ranked([A, B, C], [3, 2, 1]), ranked([D, B], [-10, -30])]


@pytest.mark.parametrize(
    ("merger", "expected"),
    [
        (CombSum(), [1, 0.5, 0, 1, 0]),
        (CombSum(normalize="none"), [3 - 30, 2 - 30, 1 - 30, 1 - 10, 1 - 30]),
        (CombMnz(), [1, 2 * 0.5, 0, 1, 0]),
        (CombMnz(gamma=0), [1, 0.5, 0, 1, 0]),
        (CombMnz(gamma=2), [1, 4 * 0.5, 0, 1, 0]),
        (Borda(), [5 + 2, 4 + 4, 3 + 2, 1.5 + 5, 1.5 + 2]),
        (InverseSquareRank(), [1, 2 * (1 / 4 + 1 / 4), 1 / 9, 1, 0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_worked_by_hand(merger: Merger, expected: list[float]) -> None:
    """Each formula, written out for two short lists."""
    assert merger.merge(TWO, 5) == pytest.approx(expected)


def test_weights_multiply_what_a_list_contributes() -> None:
    """The second list counts three times."""
    lists = [TWO[0], resift.Ranking(TWO[1].documents, TWO[1].scores, weight=3.0)]

    merged = InverseSquareRank().merge(lists, 5)

    assert merged == pytest.approx([1, 2 * (1 / 4 + 3 / 4), 1 / 9, 3, 0])


def test_borda_gives_away_all_points() -> None:
    """Of N documents a list shares N (N + 1) / 2 points, whatever it holds."""
    assert Borda().merge(TWO, 5).sum() == 2 * 5 * 6 / 2


@pytest.mark.parametrize(
    ("merger", "options", "message"),
    [
        (
            CombSum,
            {"normalize": "z-score"},
            "normalize must be 'min-max' or 'none', got 'z-score'.",
        ),
        (
            CombMnz,
            {"gamma": -1},
            "gamma must be a finite number of at least 0, got -1. Use 1.",
        ),
        (
            CombMnz,
            {"gamma": math.nan},
            "gamma must be a finite number of at least 0, got nan. Use 1.",
        ),
    ],
)
def test_options_out_of_range_are_refused(
    merger: type, options: dict[str, object], message: str
) -> None:
    """The message repeats the value and says what is allowed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whole message below
        merger(**options)

    assert str(caught.value) == message


@pytest.mark.parametrize("merger", ALL, ids=name)
def test_shared_rules(merger: Merger) -> None:
    """Empty lists and weight 0 contribute nothing; results are float64."""
    ignored = ranked([E, D, C, B, A], [9, 8, 7, 6, 5], weight=0.0)

    merged = merger.merge([*TWO, ignored, ranked([], [])], 5)

    assert merged.tolist() == merger.merge(TWO, 5).tolist()
    assert merged.dtype == np.float64
    assert merger.merge([ranked([], [])], 2).tolist() == [0.0, 0.0]
    assert merger.merge([ranked([])], 0).tolist() == []


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(0, 6))
def test_lists_may_come_in_any_order_and_one_keeps_its_own(
    first: list[int], second: list[int], size: int
) -> None:
    """Swapping lists changes nothing; a single list is returned as it came."""
    descending = list(range(size, 0, -1))
    lists = [ranked(first[:size], descending), ranked(second[:size], descending)]

    for merger in ALL:
        merged = merger.merge(lists, 6)
        assert merger.merge(lists[::-1], 6) == pytest.approx(merged)
        along = merger.merge(lists[:1], 6)[first[:size]]
        assert (np.diff(along) < 0).all()


def test_comb_sum_is_relative() -> None:
    """With min-max, CombSUM is the core's `relative`."""
    assert CombSum().merge(TWO, 5).tolist() == (
        RelativeScoreFusion().merge(TWO, 5).tolist()
    )


@pytest.mark.parametrize("registered", ["borda", "comb-mnz", "comb-sum", "isr"])
def test_it_is_found_by_name(registered: str) -> None:
    """Each name loads through its entry point and merges Arrow tables."""
    pa = pytest.importorskip("pyarrow")
    first = pa.table({"_rowid": [7, 8], "_distance": [0.1, 0.2]})
    second = pa.table({"_rowid": [9, 7], "_score": [5.0, 4.0]})

    with resift.load(f"resift-fusion:{registered}", config=None) as reranker:
        table = reranker.rerank("query", first, second)

    assert sorted(table["_rowid"].to_pylist()) == [7, 8, 9]
    assert table["_rowid"][0].as_py() == 7


def test_an_option_is_checked_when_the_merger_is_loaded() -> None:
    """A wrong option is an error that names the merger and the value."""
    with pytest.raises(resift.OptionsError) as caught:
        resift.load("comb-mnz", config=None, gamma=-2)

    assert "comb-mnz" in str(caught.value)
    assert "gamma must be a finite number of at least 0, got -2.0." in str(caught.value)


def test_the_readme_example_runs() -> None:
    """The README's code gives the result that its comment claims."""
    readme = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    code, claim = readme.split("```python\n")[1].split("```")[0].rsplit("  # ", 1)
    setup, expression = code.rstrip().rsplit("\n", 1)
    namespace: dict[str, object] = {}
    exec(setup, namespace)  # noqa: S102  # our own README

    assert repr(eval(expression, namespace)) == claim.strip()  # noqa: S307
