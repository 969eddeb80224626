"""What a plugin may answer, and every lie that is caught."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.scores import Scores, checked, checked_items, checked_merge, expand

WHO = "Reranker 'x'"
TEXT = "the confidential text of a document"


def refusal(answer: object, n: int = 3) -> str:
    """Return the whole message that refuses an answer, looking for the text."""
    with pytest.raises(resift.ScoreError) as caught:
        checked(answer, n, WHO)
    assert TEXT not in str(caught.value)
    assert not (caught.value.__cause__ and TEXT in str(caught.value.__cause__))
    return str(caught.value)


# What is right -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        [3, 1.0, True],
        (3, 1, 1),
        np.array([3, 1, 1], dtype=np.int8),
        np.array([3, 1, 1], dtype=np.float16),
        pa.array([3.0, 1.0, 1.0]),
        {0: 3, 1: 1, np.int64(2): np.float32(1)},
        (value for value in [3, 1, 1]),
        [np.float32(3), np.int64(1), 1],
        Scores([3, 1, 1]),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_anything_that_holds_one_number_per_document_is_right(answer):
    """Lists, arrays, tensors, mappings and `Scores` all become float64."""
    scores = checked(answer, 3, WHO)

    assert scores.values.dtype == np.float64
    assert scores.values.tolist() == [3.0, 1.0, 1.0]
    assert scores.ranking().tolist() == [0, 1, 2]


def test_a_tensor_is_right():
    """A torch tensor needs no conversion."""
    torch = pytest.importorskip("torch")

    assert checked(torch.tensor([1.0, 2.0]), 2, WHO).values.tolist() == [1.0, 2.0]


def test_no_document_needs_no_score():
    """Nothing in, nothing out."""
    for answer in ([], {}, np.empty(0), Scores(np.empty(0))):
        assert len(checked(answer, 0, WHO)) == 0


def test_what_a_mapping_leaves_out_is_not_scored():
    """A backend may truncate: the rest is NaN, and ranks last in the order it came."""
    scores = checked({3: 1.0, 1: 2.0}, 5, WHO)

    assert np.isnan(scores.values[[0, 2, 4]]).all()
    assert scores.ranking().tolist() == [1, 3, 0, 2, 4]


def test_nan_means_not_scored_in_scores_only():
    """In `Scores` a NaN is legal; in a plain sequence it is a mistake."""
    values = [1.0, math.nan, 3.0]

    assert checked(Scores(values), 3, WHO).ranking().tolist() == [2, 0, 1]
    assert refusal(values) == (
        "Reranker 'x' must return finite scores, but the score of document 1 is nan (1 "
        "of 3 are not finite)."
    )


def test_scores_are_ranked_in_float64():
    """Two scores that are one float32 are no tie; equal ones keep their order."""
    scores = Scores(np.array([1.0, 1.0 + 1e-12, 0.5, 0.5]))

    assert scores.ranking().tolist() == [1, 0, 2, 3]


def test_an_order_replaces_sorting():
    """Where stages cannot be compared, `order` says what is best."""
    scores = Scores([np.nan, 2.0, np.nan], order=[1, 2, 0])

    assert checked(scores, 3, WHO).ranking().tolist() == [1, 2, 0]


def test_scores_are_an_array():
    """`Scores` can be read by numpy, and has a length."""
    scores = Scores(np.array([1.0, 2.0]))

    assert len(scores) == 2
    assert np.asarray(scores).tolist() == [1.0, 2.0]
    assert np.array(scores, dtype=np.float32).dtype == np.float32
    assert np.asarray(scores) is scores.values


# What is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "must return one score per document (3), got None."),
        (TEXT, "must return one score per document (3), got a str."),
        (b"123", "must return one score per document (3), got a bytes."),
        ({1.0, 2.0, 3.0}, "must return one score per document (3), got a set."),
        ([1.0], "must return one score per document (3), got 1."),
        ([1.0] * 4, "must return one score per document (3), got 4."),
        ([], "must return one score per document (3), got 0."),
        (
            np.ones((3, 1)),
            "must return one score per document (3), got an array of shape (3, 1).",
        ),
        (
            np.float64(1),
            "must return one score per document (3), got an array of shape ().",
        ),
        (
            1.0,
            "returned a float that cannot be read as an array (TypeError: 'float' "
            "object is not iterable). Return floats.",
        ),
        (
            [1.0, math.inf, -math.inf],
            "must return finite scores, but the score of document 1 is inf (2 of 3 are "
            "not finite).",
        ),
        (
            pa.array([1.0, None, 2.0]),
            "must return finite scores, but the score of document 1 is nan (1 of 3 are "
            "not finite).",
        ),
        ([1.0, None, 2.0], "must return numbers, but the score of document 1 is None."),
        (
            ["0.1", "0.2", "0.3"],
            "must return numbers, but the score of document 0 is a str.",
        ),
        ([TEXT, 1, 2], "must return numbers, but the score of document 0 is a str."),
        (
            [Decimal(1), 2, 3],
            "must return numbers, but the score of document 0 is a Decimal.",
        ),
        (
            [1j, 2, 3],
            "must return numbers, but the score of document 0 is a complex.",
        ),
        ([{}, 1, 2], "must return numbers, but the score of document 0 is a dict."),
        (
            [1, 10**400, 2],
            "must return finite scores, but the score of document 1 is inf (1 of 3 are "
            "not finite).",
        ),
        ([0, 1e39, 0], "does not fit"),
        ({3: 1.0}, "scored document 3, but was given 0 to 2."),
        ({-1: 1.0}, "scored document -1, but was given 0 to 2."),
        ({"0": 1.0}, "returned a str as the index of a document."),
        ({TEXT: 1.0}, "returned a str as the index of a document."),
        ({True: 1.0}, "returned True as the index of a document."),
        ({0.0: 1.0}, "returned 0.0 as the index of a document."),
        ({0: TEXT}, "must return numbers, but the score of document 0 is a str."),
        ({0: None}, "must return numbers, but the score of document 0 is None."),
        (
            {0: 1, 2: math.nan},
            "must return finite scores, but the score of document 2 is nan (1 of 3 are "
            "not finite).",
        ),
        (
            {1: 10**400},
            "must return finite scores, but the score of document 1 is inf (1 of 3 are "
            "not finite).",
        ),
        (
            Scores([1.0, math.inf, math.nan]),
            "must return finite scores, but the score of document 1 is inf (1 of 3 are "
            "not finite).",
        ),
        (Scores([1.0]), "must return one score per document (3), got 1."),
        (Scores(None), "must return one score per document (3), got None."),
        (
            Scores({0: 1.0, 1: 1.0, 2: 1.0}),
            "must return one score per document (3), got a dict.",
        ),
    ],
    ids=lambda value: (
        "" if isinstance(value, str) else repr(value)[:40].split(" at ")[0]
    ),
)
def test_a_lie_is_a_score_error_that_says_what_came(answer, message):
    """Whatever is not one usable score per document is refused, never repaired."""
    if message == "does not fit":
        assert (
            refusal(answer) == "Reranker 'x': the score 1e+39 does not fit a float32."
        )
    else:
        assert refusal(answer) == f"Reranker 'x' {message}"


def test_a_coroutine_is_refused_and_closed():
    """An answer that should have been awaited is told so, with no warning left over."""

    async def score():
        return [1.0]

    assert refusal(score()) == (
        "Reranker 'x' returned a coroutine: hooks are synchronous. Make it a plain def."
    )


def test_a_tensor_that_requires_a_gradient_is_refused():
    """What numpy cannot read is told with numpy's reason."""
    torch = pytest.importorskip("torch")

    message = refusal(torch.ones(3, requires_grad=True))

    assert message.startswith(
        "Reranker 'x' returned a Tensor that cannot be read as an array (RuntimeError: "
    )


@pytest.mark.parametrize(
    "order", [[0, 0, 1], [0, 1], [1, 2, 3], [0.0, 1.0, 2.0], "abc"]
)
def test_an_order_must_be_a_permutation(order):
    """Every document stands in `order` once."""
    assert refusal(Scores([3.0, 2.0, 1.0], order=order)) == (
        "Reranker 'x': order must be a permutation of 0 to 2, each index once."
    )


@pytest.mark.parametrize(
    ("values", "order"),
    [([1.0, 2.0, 3.0], [0, 1, 2]), ([1.0, np.nan, 0.5], [0, 1, 2])],
    ids=["rising", "a gap"],
)
def test_an_order_must_not_contradict_the_values(values, order):
    """Along `order` scored documents come first, and their scores fall."""
    assert refusal(Scores(values, order=order)) == (
        "Reranker 'x': along order the scored documents must come first and their "
        "scores must not rise. Give NaN to a document of an earlier stage."
    )


def test_a_column_must_have_one_value_per_document():
    """Extra output is aligned with the documents."""
    assert refusal(Scores([1.0] * 3, columns={"why": ["a", "b"]})) == (
        "Reranker 'x': column 'why' of its scores must have one value for each of the "
        "3 documents, got 2."
    )


def test_a_column_must_be_arrow_data():
    """Values of several types are refused, and not quoted."""
    assert refusal(Scores([1.0] * 3, columns={"why": [1, TEXT, {}]})) == (
        "Reranker 'x': column 'why' of its scores cannot be an Arrow array "
        "(ArrowInvalid). Give values of one type."
    )


def test_notes_must_be_a_sequence_of_sentences():
    """One string would become a note per letter."""
    assert refusal(Scores([1.0] * 3, notes="slow")) == (
        "Reranker 'x': notes must be a sequence of sentences, got one string."
    )


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (None, "None"),
        ([], "0"),
        ([[1.0]] * 3, "3"),
        ({0: [1.0], 1: [1.0]}, "dict"),
        ("ab", "str"),
        (5, "int"),
        (iter([1, 2]), "list_iterator"),
    ],
)
def test_score_many_must_answer_every_query(answer, got):
    """One item per query, in a list."""
    with pytest.raises(resift.ScoreError) as caught:
        checked_items(answer, 2, WHO)

    assert str(caught.value) == (
        f"Reranker 'x' must return a list of scores for each query (2), got {got}."
    )


def test_a_wrong_merge_is_a_merge_error():
    """Mergers are held to the same rules, NaN included."""
    with pytest.raises(resift.MergeError) as caught:
        checked_merge([1.0, math.nan], 2, WHO)

    assert str(caught.value) == (
        "Reranker 'x' must return finite scores, but the score of document 1 is nan (1 "
        "of 2 are not finite)."
    )


# Spreading ---------------------------------------------------------------------------


def test_scores_of_distinct_documents_spread_over_all():
    """Values, columns and order reach each document; those not sent come last."""
    scores = Scores(
        np.array([1.0, np.nan, 2.0]),
        {"why": pa.array(["a", "b", "c"])},
        ("note",),
        np.array([2, 0, 1]),
    )

    spread = expand(scores, np.array([0, -1, 1, 2, 0]))

    np.testing.assert_equal(spread.values, [1.0, np.nan, np.nan, 2.0, 1.0])
    assert spread.columns["why"].to_pylist() == ["a", None, "b", "c", "a"]
    assert spread.order.tolist() == [3, 0, 4, 2, 1]
    assert spread.notes == ("note",)


def test_a_masked_score_is_no_score():
    """What is masked would otherwise count as the number below the mask."""
    masked = np.ma.masked_array([1.0, 2.0], mask=[0, 1])

    with pytest.raises(resift.ScoreError) as caught:
        checked(masked, 2, WHO)

    assert str(caught.value) == (
        "Reranker 'x' returned a masked array. Return a mapping of the scores there "
        "are, or resift.Scores with NaN for the others."
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"notes": None}, "notes must be a sequence of sentences, got NoneType."),
        (
            {"columns": None},
            "columns of its scores must be a mapping of names to values, got NoneType.",
        ),
        ({"columns": {5: [1]}}, "a column of its scores must have a name, got 5."),
        (
            {"columns": {"n": [2**70]}},
            "column 'n' of its scores cannot be an Arrow array (OverflowError). Give "
            "values of one type.",
        ),
    ],
)
def test_what_else_scores_hold_is_checked(more, message):
    """Notes and columns are for users and for Arrow: no traceback of either's."""
    with pytest.raises(resift.ScoreError) as caught:
        checked(Scores(np.array([1.0]), **more), 1, WHO)

    assert str(caught.value) == f"Reranker 'x': {message}"


def test_a_duration_is_no_score():
    """numpy counts a timedelta among the integers."""
    with pytest.raises(resift.ScoreError) as caught:
        checked(np.array([1], "m8[s]"), 1, WHO)

    assert str(caught.value) == (
        "Reranker 'x' must return numbers, but the score of document 0 is a timedelta."
    )


def test_a_column_of_string_views_is_taken():
    """polars exports them, and Arrow cannot reorder them."""
    views = pa.array(["a", "b"], pa.string_view())

    scores = checked(Scores(np.array([1.0, 2.0]), {"why": views}), 2, "x")
    spread = expand(scores, np.array([1, 0]))

    assert spread.columns["why"].to_pylist() == ["b", "a"]
