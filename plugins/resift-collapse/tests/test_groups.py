"""Groups: what belongs together, of every type, against a slow oracle."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resift.errors import InputError
from resift_collapse.groups import groups, places

SAME = uuid.UUID(int=7)


def together(*columns: pa.Array, separator: str = "") -> list[list[int]]:
    """Return the rows of each group, in order."""
    found = groups([pa.chunked_array([column]) for column in columns], separator)
    rows: dict[int, list[int]] = {}
    for row, group in enumerate(found.tolist()):
        rows.setdefault(group, []).append(row)
    return list(rows.values())


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b", None, "a", None]),
        pa.array(["a", "b", None, "a", None], pa.large_string()),
        pa.array(["a", "b", None, "a", None], pa.string_view()),
        pa.array(["a", "b", None, "a", None]).dictionary_encode(),
        pa.array([1, 2, None, 1, None]),
        pa.array([1.0, 2.0, float("nan"), 1.0, float("nan")]),
        pa.array([True, False, None, True, None]),
        pa.array([b"a", b"b", None, b"a", None]),
        pa.array(
            [datetime(2026, 1, d, tzinfo=UTC) if d else None for d in (1, 2, 0, 1, 0)]
        ),
        pa.array([SAME.bytes, b"x" * 16, None, SAME.bytes, None], pa.uuid()),
    ],
    ids=lambda column: str(column.type),
)
def test_equal_values_are_together_and_nulls_alone(column: pa.Array) -> None:
    """Whatever their type; NaN is nothing that could be equal."""
    assert together(column) == [[0, 3], [1], [2], [4]]


def test_a_dictionary_may_hold_a_value_twice() -> None:
    """Values are compared, not where they stand."""
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), ["a", "a", "b"])

    assert together(column) == [[0, 1], [2]]


def test_several_columns_are_one_key() -> None:
    """A null in any of them makes a group of its own."""
    site = pa.array(["x", "x", "y", "x", "x"])
    author = pa.array([1, 2, 1, 1, None])

    assert together(site, author) == [[0, 3], [1], [2], [4]]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_what_stands_before_the_separator_counts(kind: pa.DataType) -> None:
    """The last one; a text without any counts as it is, a null not at all."""
    ids = pa.array(["a#1", "a#2", "a#b#1", "a", "#", None, "", None, "a#b#2"], kind)

    assert together(ids, separator="#") == [[0, 1, 3], [2, 8], [4, 6], [5], [7]]


def test_rows_without_any_value_are_alone() -> None:
    """A column of nulls has no type to complain about."""
    assert together(pa.nulls(2), separator="#") == [[0], [1]]


def test_no_rows() -> None:
    """Zero in, zero out."""
    assert together(pa.array([], pa.string())) == []


derandomized = settings(derandomize=True, deadline=None, max_examples=100)


@derandomized
@given(st.lists(st.integers(0, 4)), st.randoms(use_true_random=False))
def test_places_count_those_before(keys: list[int], chance: object) -> None:
    """As a loop with counters does."""
    ranking = list(range(len(keys)))
    chance.shuffle(ranking)
    seen: Counter[int] = Counter()
    expected = [0] * len(keys)
    for row in ranking:
        expected[row] = seen[keys[row]]
        seen[keys[row]] += 1

    found = places(np.array(keys, dtype=np.int64), np.array(ranking, dtype=np.int64))

    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("column", "separator", "message"),
    [
        (
            pa.array([[1.0]]),
            "",
            "collapse: by must name a column whose values compare, got one of "
            "list<item: double>.",
        ),
        (
            pa.array([1]),
            "#",
            "collapse: by must name a column of texts for a separator, got int64.",
        ),
    ],
)
def test_a_column_that_cannot_be_grouped_is_refused(
    column: pa.Array, separator: str, message: str
) -> None:
    """The message says what it holds."""
    with pytest.raises(InputError) as caught:
        together(column, separator=separator)

    assert str(caught.value) == message
