"""MaxSim: numbers worked by hand, a slow oracle, two references, and invariances."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from resift_colbert.blocks import each_block
from resift_colbert.half import widened
from resift_colbert.maxsim import best_matches, maxsim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resift_colbert.blocks import Block

derandomized = settings(derandomize=True, deadline=None, max_examples=80)

QUERY = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
DOCUMENTS = np.array(
    [[1.0, 0.0], [0.6, 0.8], [0.8, -0.6], [-1.0, 0.0]], dtype=np.float32
)


def unit(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    """Return *n* random vectors of length 1, float32."""
    vectors = rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")


def oracle(query: np.ndarray, documents: Sequence[np.ndarray]) -> list[float]:
    """Score as the formula reads, one similarity at a time, in float64."""
    return [
        sum(max(float(q @ d) for d in document) for q in query)
        if len(document)
        else float("nan")
        for document in (document.astype("f8") for document in documents)
    ]


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw a query and some documents, empty ones among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dim = draw(st.integers(1, 12))
    lengths = draw(st.lists(st.integers(0, 7), max_size=9))
    query = unit(rng, draw(st.integers(1, 6)), dim)
    return query, [unit(rng, length, dim) for length in lengths]


def scored(query: np.ndarray, documents: Sequence[np.ndarray]) -> np.ndarray:
    """Lay the documents end to end, and score them."""
    whole = [np.empty((0, query.shape[1]), dtype=np.float32), *documents]
    return maxsim(query, np.concatenate(whole), np.array([*map(len, documents)], int))


def test_numbers_worked_by_hand() -> None:
    """Each query token adds its best match: 1 + 0.8, then 0.8 - 0.6, then -1 + 0."""
    scores = maxsim(QUERY, DOCUMENTS, np.array([2, 1, 1]))

    assert scores.tolist() == pytest.approx([1.8, 0.2, -1.0])
    assert scores.dtype == np.float32


def test_a_negative_best_match_counts_against_the_document() -> None:
    """Nothing is padded with zeros, so no zero can win over a negative similarity."""
    scores = maxsim(-QUERY[:1], DOCUMENTS[:3], np.array([3]))

    assert scores.tolist() == pytest.approx([-0.6])


def test_a_document_without_tokens_scores_nan() -> None:
    """Empty documents score NaN wherever they stand, and do not disturb the others."""
    scores = maxsim(QUERY, DOCUMENTS, np.array([0, 2, 0, 0, 1, 1, 0]))

    assert np.isnan(scores[[0, 2, 3, 6]]).all()
    assert scores[[1, 4, 5]].tolist() == pytest.approx([1.8, 0.2, -1.0])


def test_no_documents_give_no_scores() -> None:
    """Zero documents in, zero scores out."""
    assert maxsim(QUERY, DOCUMENTS[:0], np.array([], dtype=int)).shape == (0,)


@derandomized
@given(problems())
def test_equals_the_formula(problem: tuple[np.ndarray, list[np.ndarray]]) -> None:
    """The scores are those of the formula, computed one similarity at a time."""
    query, documents = problem

    assert scored(query, documents) == pytest.approx(
        oracle(query, documents), abs=1e-5, nan_ok=True
    )


@derandomized
@given(problems(), st.randoms())
def test_scores_follow_their_documents(
    problem: tuple[np.ndarray, list[np.ndarray]], random: object
) -> None:
    """Shuffling documents, their tokens and the query's tokens changes no score."""
    query, documents = problem
    order = list(range(len(documents)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = [documents[i][::-1] for i in order]

    assert scored(query[::-1], shuffled) == pytest.approx(
        scored(query, documents)[order], abs=1e-5, nan_ok=True
    )


@derandomized
@given(problems())
def test_a_score_does_not_depend_on_the_other_documents(
    problem: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    """A document alone scores what it scores among others."""
    query, documents = problem
    alone = [scored(query, [document])[0] for document in documents]

    assert scored(query, documents) == pytest.approx(alone, abs=1e-5, nan_ok=True)


@derandomized
@given(problems())
def test_repeated_tokens_change_nothing(
    problem: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    """A maximum does not care how often it is there."""
    query, documents = problem
    doubled = [np.concatenate([document, document]) for document in documents]

    assert scored(query, doubled) == pytest.approx(
        scored(query, documents), abs=1e-5, nan_ok=True
    )


@derandomized
@given(problems())
def test_scores_are_bounded_by_the_query_tokens(
    problem: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    """Unit vectors score between minus and plus the number of query tokens."""
    query, documents = problem
    scores = scored(query, documents)

    assert (np.abs(scores[~np.isnan(scores)]) <= len(query) + 1e-5).all()


@derandomized
@given(problems())
def test_best_matches_add_up_to_the_score(
    problem: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    """The similarities of the best matches sum to the score, and are where it says."""
    query, documents = problem
    whole = np.concatenate([np.empty((0, query.shape[1]), "f4"), *documents])
    lengths = np.array([*map(len, documents)], dtype=int)

    places, values = best_matches(query, whole, lengths)

    assert values.sum(axis=1) == pytest.approx(
        scored(query, documents), abs=1e-5, nan_ok=True
    )
    for document, row, found in zip(documents, places, values, strict=True):
        if len(document):
            there = (query * document[row]).sum(axis=1)
            assert there == pytest.approx(found, abs=1e-5)
        else:
            assert (row == -1).all()


def test_blocks_leave_no_seams() -> None:
    """Documents beyond one block, and one longer than a block, score the same."""
    rng = np.random.default_rng(1)
    query = unit(rng, 5, 128)
    lengths = np.array([700, 1, 0, 900, 5000, 3, 2048, 2047, 1])
    documents = np.split(unit(rng, int(lengths.sum()), 128), np.cumsum(lengths)[:-1])
    alone = [scored(query, [document])[0] for document in documents]

    assert scored(query, documents) == pytest.approx(alone, abs=1e-5, nan_ok=True)


def test_half_precision_scores_as_its_values_do() -> None:
    """float16 documents score what the same values score as float32."""
    rng = np.random.default_rng(2)
    query, half = unit(rng, 8, 32), unit(rng, 600, 32).astype(np.float16)
    lengths = np.full(12, 50)

    assert np.array_equal(
        maxsim(query, half, lengths), maxsim(query, half.astype(np.float32), lengths)
    )


def test_every_half_is_widened_exactly() -> None:
    """All 65 536 float16 values become the float32 that numpy makes of them."""
    halves = np.arange(65_536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]

    assert np.array_equal(widened(finite), finite.astype(np.float32))
    assert np.array_equal(widened(halves), halves.astype(np.float32), equal_nan=True)
    assert widened(halves[:0]).shape == (0,)


def test_equals_sentence_transformers() -> None:
    """The padded, masked similarity of sentence-transformers gives the same scores."""
    from sentence_transformers.util import maxsim as padded

    rng = np.random.default_rng(3)
    query = unit(rng, 32, 128)
    documents = [unit(rng, n, 128) for n in rng.integers(30, 301, 60)]

    reference = padded([query], documents).numpy()[0]

    assert np.abs(scored(query, documents) - reference).max() < 1e-4


def test_equals_maxsim_cpu() -> None:
    """maxsim-cpu gives the same scores."""
    maxsim_cpu = pytest.importorskip("maxsim_cpu", reason="maxsim-cpu is not installed")
    rng = np.random.default_rng(4)
    query = unit(rng, 32, 128)
    documents = [unit(rng, n, 128) for n in rng.integers(30, 301, 60)]

    reference = maxsim_cpu.maxsim_scores_variable(query, documents)

    assert np.abs(scored(query, documents) - reference).max() < 1e-4


def blas_threads() -> list[int]:
    """Return how many threads each BLAS library in this process may use."""
    libraries = threadpoolctl.threadpool_info()
    return [lib["num_threads"] for lib in libraries if lib["user_api"] == "blas"]


def test_blas_gets_its_threads_back() -> None:
    """However many calls overlap or fail, BLAS is set back as it was."""
    rng = np.random.default_rng(5)
    query, documents = unit(rng, 8, 128), unit(rng, 20_000, 128)
    lengths = np.full(200, 100)
    expected = maxsim(query, documents, lengths)

    def fail(_block: Block) -> None:
        raise RuntimeError

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with ThreadPoolExecutor(6) as pool:
            calls = [
                pool.submit(maxsim, query, documents, lengths)
                if i % 3
                else pool.submit(each_block, fail, query, documents, lengths)
                for i in range(24)
            ]
        after = blas_threads()

    assert after == before
    for i, call in enumerate(calls):
        if i % 3:
            np.testing.assert_allclose(call.result(), expected, atol=1e-5)
        else:
            assert isinstance(call.exception(), RuntimeError)


@pytest.mark.parametrize(
    ("query", "documents", "lengths", "message"),
    [
        (
            QUERY,
            np.zeros((3, 5), "f4"),
            np.array([3]),
            "maxsim: query and documents must have the shapes (n_query_tokens, dim) "
            "and (n_tokens, dim), got (2, 2) and (3, 5).",
        ),
        (
            QUERY,
            DOCUMENTS,
            np.array([2, 1]),
            "maxsim: lengths must sum to the 4 tokens, got 3.",
        ),
        (
            QUERY,
            DOCUMENTS,
            np.array([5, -1]),
            "maxsim: lengths must be non-negative integers, one per document, got "
            "int64 of shape (2,).",
        ),
        (
            QUERY,
            DOCUMENTS,
            np.array([2.0, 2.0]),
            "maxsim: lengths must be non-negative integers, one per document, got "
            "float64 of shape (2,).",
        ),
    ],
)
def test_shapes_that_disagree_are_refused(
    query: np.ndarray, documents: np.ndarray, lengths: np.ndarray, message: str
) -> None:
    """A wrong shape is an error that shows both shapes, for both functions."""
    for function in (maxsim, best_matches):
        with pytest.raises(ValueError, match=r"^maxsim: ") as error:
            function(query, documents, lengths)

        assert str(error.value) == message
