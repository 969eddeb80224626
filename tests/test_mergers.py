"""Mergers: numbers worked by hand, a slow oracle, and invariances."""

from __future__ import annotations

import itertools
import math
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import resift
from resift.ranking import Ranking
from resift.rerankers.mergers import (
    ConvexCombination,
    DistributionBasedScoreFusion,
    ReciprocalRankFusion,
    RelativeScoreFusion,
)
from resift.testing import MergerSuite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Merger(Protocol):
    def merge(self, rankings: Sequence[Ranking], n_documents: int) -> np.ndarray: ...


RRF = ReciprocalRankFusion()
DBSF = DistributionBasedScoreFusion()
RELATIVE = RelativeScoreFusion()
CONVEX = ConvexCombination()
SCORE_FUSION: list[Merger] = [DBSF, RELATIVE, CONVEX]
ALL: list[Merger] = [RRF, *SCORE_FUSION]
A, B, C, D = range(4)

derandomized = settings(derandomize=True, deadline=None, max_examples=60)


def name(merger: Merger) -> str:
    """Return how a test id calls the merger."""
    return type(merger).__name__


def ranked(
    documents: Sequence[int],
    scores: Sequence[float] | None = None,
    weight: float = 1.0,
    lowest: float | None = None,
) -> Ranking:
    """Return a `Ranking` of plain lists."""
    return Ranking(
        np.array(documents, dtype=np.int64),
        None if scores is None else np.array(scores, dtype=np.float64),
        weight,
        lowest=lowest,
    )


@st.composite
def legs(
    draw: st.DrawFn, least: int = 1, most: int = 2, *, scored: bool = True
) -> tuple[list[Ranking], int]:
    """Up to *most* lists over up to 12 documents, whole scores, best first."""
    n_documents = draw(st.integers(0, 12))
    rankings = []
    for _ in range(draw(st.integers(least, most))):
        shuffled = draw(st.permutations(range(n_documents)))
        documents = shuffled[: draw(st.integers(0, n_documents))]
        n = len(documents)
        values = st.lists(st.integers(-50, 50), min_size=n, max_size=n)
        scores = sorted(draw(values), reverse=True)
        weight = draw(st.sampled_from([0.0, 0.25, 1.0, 3.0]))
        rankings.append(ranked(documents, scores if scored else None, weight))
    return rankings, n_documents


# Contract -----------------------------------------------------------------------------


class TestReciprocalRankFusion(MergerSuite):
    """Every promise that a merger makes."""

    name = "rrf"


class TestDistributionBasedScoreFusion(MergerSuite):
    """Every promise that a merger makes."""

    name = "dbsf"


class TestRelativeScoreFusion(MergerSuite):
    """Every promise that a merger makes."""

    name = "relative"


class TestConvexCombination(MergerSuite):
    """Every promise that a merger makes."""

    name = "convex"


# By hand ------------------------------------------------------------------------------

# Two lists over four documents: A B C with 3 2 1, and D B with 20 10.
TWO = [ranked([A, B, C], [3, 2, 1]), ranked([D, B], [20, 10])]


def test_rrf_sums_reciprocal_ranks() -> None:
    """B is second twice: 1/62 + 1/62; the others stand in one list only."""
    merged = RRF.merge(TWO, 4)

    assert merged == pytest.approx([1 / 61, 2 / 62, 1 / 63, 1 / 61], rel=1e-15)


def test_rrf_with_k_0_sums_plain_reciprocals() -> None:
    """With k=0 the first rank counts 1, the second a half, the third a third."""
    merged = ReciprocalRankFusion(k=0).merge(TWO, 4)

    assert merged == pytest.approx([1, 1, 1 / 3, 1])


def test_dbsf_maps_three_standard_deviations() -> None:
    """3 2 1 have mean 2, sigma 1: 4/6 3/6 2/6. Two scores are .5 +- 1/(6 sqrt 2)."""
    half = 1 / (6 * math.sqrt(2))

    merged = DBSF.merge(TWO, 4)

    assert merged == pytest.approx([4 / 6, 3 / 6 + 0.5 - half, 2 / 6, 0.5 + half])


def test_dbsf_lifts_an_outlier_below_the_range_to_zero() -> None:
    """Twenty 1s and a 0: the 0 has z = -20/21 / sqrt(1/21), below -3, and is lifted."""
    sigma = math.sqrt(1 / 21)
    outlier = 0.5 - (20 / 21) / (6 * sigma)
    others = 0.5 + (1 / 21) / (6 * sigma)

    merged = DBSF.merge([ranked(range(21), [1.0] * 20 + [0.0])], 22)

    assert outlier < 0
    assert merged[:20] == pytest.approx([others - outlier] * 20)
    assert merged[20:].tolist() == [0.0, 0.0]


def test_relative_stretches_each_list() -> None:
    """3 2 1 become 1 .5 0, and 20 10 become 1 0."""
    assert RELATIVE.merge(TWO, 4).tolist() == [1.0, 0.5, 0.0, 1.0]


def test_convex_mixes_by_alpha() -> None:
    """.7 of 1 .5 0, and .3 of 1 0."""
    assert ConvexCombination(alpha=0.7).merge(TWO, 4) == pytest.approx(
        [0.7, 0.7 * 0.5, 0.0, 0.3]
    )


def test_convex_uses_the_least_possible_scores_where_all_are_known() -> None:
    """From -1: 4/4 3/4 2/4; from 0: 20/20 10/20."""
    lists = [
        ranked([A, B, C], [3, 2, 1], lowest=-1.0),
        ranked([D, B], [20, 10], lowest=0.0),
    ]

    merged = ConvexCombination(alpha=0.7).merge(lists, 4)

    assert merged == pytest.approx([0.7, 0.7 * 0.75 + 0.3 * 0.5, 0.7 * 0.5, 0.3])


def test_convex_normalises_both_lists_in_the_same_way() -> None:
    """A minimum known of one list only is not used: it would shift the shares."""
    lists = [TWO[0], ranked([D, B], [20, 10], lowest=0.0)]

    assert CONVEX.merge(lists, 4).tolist() == CONVEX.merge(TWO, 4).tolist()


def test_convex_ignores_a_minimum_that_a_score_undercuts() -> None:
    """A cosine of -1.0000001 does not turn negative: the list's own least is 0."""
    merged = CONVEX.merge([ranked([A, B], [1.0, -1.5], lowest=-1.0)], 2)

    assert merged.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_convex_does_not_mix_a_single_list(alpha: float) -> None:
    """One list keeps its normalised scores whatever alpha is."""
    merged = ConvexCombination(alpha=alpha).merge([ranked([B, A], [5, 1])], 3)

    assert merged.tolist() == [0.0, 1.0, 0.0]


# Edge rules ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("merger", "constant"), [(DBSF, 0.5), (RELATIVE, 1.0), (CONVEX, 1.0)], ids=name
)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("score", [0.0, 0.1, -7.3])
def test_a_constant_list_is_not_a_missing_one(
    merger: Merger, constant: float, n: int, score: float
) -> None:
    """Equal scores, one row included, give the same value, and more than missing."""
    merged = merger.merge([ranked(range(n), [score] * n)], n + 1)

    assert merged.tolist() == [constant] * n + [0.0]


@pytest.mark.parametrize("merger", SCORE_FUSION, ids=name)
def test_a_list_without_scores_is_evenly_spaced(merger: Merger) -> None:
    """An order only is read as the scores -1, -2, -3, and mixes with scored lists."""
    bare = [ranked([C, A, B]), ranked([A, D], [9, 8])]
    spaced = [ranked([C, A, B], [-1, -2, -3]), bare[1]]

    merged = merger.merge(bare, 4)

    assert merged.tolist() == merger.merge(spaced, 4).tolist()


@pytest.mark.parametrize("merger", ALL, ids=name)
def test_empty_lists_contribute_nothing(merger: Merger) -> None:
    """No document, an empty list and an empty list without scores all give zeros."""
    assert merger.merge([ranked([]), ranked([], [])], 0).tolist() == []
    assert merger.merge([ranked([], []), ranked([])], 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("merger", ALL, ids=name)
def test_values_are_float64(merger: Merger) -> None:
    """The union's scores are float64, one per document."""
    merged = merger.merge(TWO, 4)

    assert (merged.dtype, merged.shape) == (np.float64, (4,))


@pytest.mark.parametrize("merger", SCORE_FUSION, ids=name)
def test_inputs_are_not_changed(merger: Merger) -> None:
    """Merging writes to none of the arrays it is given."""
    lists = [ranked([A, B], [2, 1]), ranked([B], [5])]
    for ranking in lists:
        ranking.documents.flags.writeable = False
        assert ranking.scores is not None
        ranking.scores.flags.writeable = False

    assert np.isfinite(merger.merge(lists, 2)).all()


@pytest.mark.parametrize("merger", SCORE_FUSION, ids=name)
@pytest.mark.parametrize(
    "scores",
    [
        [1.7e308, 0.0, -1.7e308],
        [1.7e308, 1.6e308, 1.5e308],
        [1e-323, 5e-324, 0.0],
        [1e-200, 0.0, -1e-200],
    ],
    ids=["widest", "high", "subnormal", "tiny"],
)
def test_extreme_scores_neither_overflow_nor_vanish(
    merger: Merger, scores: list[float]
) -> None:
    """Scores at the limits of float64 stay finite, distinct and in order."""
    merged = merger.merge([ranked([A, B, C], scores)], 3)

    assert np.isfinite(merged).all()
    assert merged[A] > merged[B] > merged[C] >= 0


def test_three_lists_are_too_many_for_convex() -> None:
    """Alpha shares between two lists: three are refused, with the way out."""
    with pytest.raises(resift.MergeError) as caught:
        CONVEX.merge([ranked([A], [1])] * 3, 1)

    assert str(caught.value) == (
        "convex: rankings must be one or two lists, got 3. "
        "Use 'dbsf' or 'relative', which merge any number."
    )


@pytest.mark.parametrize("k", [-1, math.nan, math.inf])
def test_rrf_refuses_a_k_out_of_range(k: float) -> None:
    """A negative k would divide by zero; NaN and infinity lose every score."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whole message below
        ReciprocalRankFusion(k=k)

    assert str(caught.value) == (
        f"k must be a finite number of at least 0, got {k!r}. Use 60."
    )


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan])
def test_convex_refuses_an_alpha_out_of_range(alpha: float) -> None:
    """Alpha is a share."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whole message below
        ConvexCombination(alpha=alpha)

    assert str(caught.value) == (
        f"alpha must be between 0 and 1, got {alpha!r}. "
        "It is the share of the first list."
    )


def test_the_module_imports_neither_arrow_nor_pydantic() -> None:
    """Mergers need numpy only, so that the default merger costs no start-up time."""
    code = (
        "import sys, resift.rerankers.mergers; "
        "print(sorted({'pyarrow', 'pydantic', 'lancedb', 'torch'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


# Oracle -------------------------------------------------------------------------------


def spread(scores: Sequence[float]) -> list[float]:
    """Min-max, one score at a time."""
    low, high = min(scores), max(scores)
    return [(s - low) / (high - low) if high > low else 1.0 for s in scores]


def three_sigma(scores: Sequence[float]) -> list[float]:
    """DBSF by the standard library, the least lifted to 0."""
    if min(scores) == max(scores):
        return [0.5] * len(scores)
    mean, sigma = statistics.mean(scores), statistics.stdev(scores)
    values = [(s - (mean - 3 * sigma)) / (6 * sigma) for s in scores]
    return [value - min(0.0, *values) for value in values]


def oracle(
    rankings: list[Ranking],
    n_documents: int,
    normalise: Callable[[Sequence[float]], list[float]],
) -> list[float]:
    """Merge with dictionaries and the standard library, one document at a time."""
    fused = dict.fromkeys(range(n_documents), 0.0)
    for ranking in rankings:
        if len(ranking):
            assert ranking.scores is not None
            values = normalise(ranking.scores.tolist())
            for document, value in zip(ranking.documents.tolist(), values, strict=True):
                fused[document] += ranking.weight * value
    return list(fused.values())


@derandomized
@given(legs(most=4))
def test_mergers_agree_with_the_oracle(case: tuple[list[Ranking], int]) -> None:
    """Vectorised and one-at-a-time results are the same."""
    rankings, n = case

    by_rank = oracle(rankings, n, lambda s: [1 / (61 + i) for i in range(len(s))])
    assert RRF.merge(rankings, n) == pytest.approx(by_rank)
    assert DBSF.merge(rankings, n) == pytest.approx(oracle(rankings, n, three_sigma))
    assert RELATIVE.merge(rankings, n) == pytest.approx(oracle(rankings, n, spread))


# Invariances --------------------------------------------------------------------------


@derandomized
@given(legs(most=4))
def test_the_order_of_the_lists_does_not_matter(
    case: tuple[list[Ranking], int],
) -> None:
    """Lists may come in any order, up to rounding."""
    rankings, n = case

    for merger in (RRF, DBSF, RELATIVE):
        merged = merger.merge(rankings, n)
        for other in itertools.islice(itertools.permutations(rankings), 6):
            assert merger.merge(list(other), n) == pytest.approx(merged)


@derandomized
@given(legs(least=2), st.sampled_from([0.0, 0.25, 0.7, 1.0]))
def test_swapping_the_lists_of_convex_swaps_the_shares(
    case: tuple[list[Ranking], int], alpha: float
) -> None:
    """Alpha belongs to the first list: swapped lists need ``1 - alpha``."""
    rankings, n = case

    merged = ConvexCombination(alpha=alpha).merge(rankings, n)

    swapped = ConvexCombination(alpha=1 - alpha).merge(rankings[::-1], n)
    assert swapped == pytest.approx(merged)


@derandomized
@given(legs(), st.integers(1, 1000), st.integers(-1000, 1000))
def test_score_fusion_ignores_shift_and_scale(
    case: tuple[list[Ranking], int], scale: int, shift: int
) -> None:
    """A positive affine map of one list's scores changes nothing."""
    rankings, n = case
    first, *rest = rankings
    assert first.scores is not None
    moved = Ranking(first.documents, first.scores * scale + shift, first.weight)

    for merger in SCORE_FUSION:
        merged = merger.merge(rankings, n)
        assert merger.merge([moved, *rest], n) == pytest.approx(merged, abs=1e-12)


@derandomized
@given(legs())
def test_rrf_ignores_scores(case: tuple[list[Ranking], int]) -> None:
    """Rank fusion reads the order only."""
    rankings, n = case
    bare = [Ranking(r.documents, None, r.weight) for r in rankings]

    assert RRF.merge(bare, n).tolist() == RRF.merge(rankings, n).tolist()


@derandomized
@given(st.lists(st.integers(-50, 50), unique=True, max_size=12))
def test_a_single_list_keeps_its_order(scores: list[int]) -> None:
    """One list comes out in the order in which it went in, for every merger."""
    n = len(scores)
    scored = ranked(range(n)[::-1], sorted(scores, reverse=True))
    bare = ranked(range(n)[::-1])

    for merger, single in itertools.product(ALL, [scored, bare]):
        along = merger.merge([single], n)[single.documents]
        assert (np.diff(along) < 0).all()


@derandomized
@given(legs(), st.sampled_from([0.5, 2.0, 8.0]))
def test_scaling_all_weights_scales_the_scores(
    case: tuple[list[Ranking], int], factor: float
) -> None:
    """Only the ratios of the weights matter to the order."""
    rankings, n = case
    scaled = [Ranking(r.documents, r.scores, r.weight * factor) for r in rankings]

    for merger in ALL:
        merged = merger.merge(rankings, n)
        assert merger.merge(scaled, n).tolist() == (merged * factor).tolist()


@derandomized
@given(legs(most=3))
def test_weight_zero_leaves_the_list_out(case: tuple[list[Ranking], int]) -> None:
    """A list of weight 0 changes no score."""
    rankings, n = case
    ignored = Ranking(np.arange(n), np.arange(n, 0, -1.0), 0.0)

    for merger in (RRF, DBSF, RELATIVE):
        merged = merger.merge([*rankings, ignored], n)
        assert merged.tolist() == merger.merge(rankings, n).tolist()


@derandomized
@given(legs(), st.data())
def test_renaming_documents_renames_the_scores(
    case: tuple[list[Ranking], int], data: st.DataObject
) -> None:
    """A document's score follows it, whatever its position in the union."""
    rankings, n = case
    new = np.array(data.draw(st.permutations(range(n))), dtype=np.int64)
    renamed = [Ranking(new[r.documents], r.scores, r.weight) for r in rankings]

    for merger in ALL:
        merged = merger.merge(renamed, n)
        assert merged[new].tolist() == merger.merge(rankings, n).tolist()


@derandomized
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8),
)
def test_found_is_never_less_than_missing(
    first: list[float], second: list[float]
) -> None:
    """For any finite scores the result is finite, and nothing falls below missing."""
    n = len(first) + len(second) + 1
    lists = [
        ranked(range(len(first)), first),
        ranked(range(len(first), n - 1), second),
    ]

    for merger in ALL:
        merged = merger.merge(lists, n)
        assert np.isfinite(merged).all()
        assert merged[-1] == 0.0
        assert (merged >= 0).all()
