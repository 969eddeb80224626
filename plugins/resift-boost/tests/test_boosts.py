"""`Boost`: what is worth what, from columns of every type."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from resift.errors import InputError
from resift_boost import Boost

NEW = datetime(2026, 1, 15, tzinfo=UTC)
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def worth(column: pa.Array, **options: object) -> list[float]:
    """Return what each row is worth; nothing may be odd."""
    found, odd = Boost(column="x", **options).of(pa.chunked_array([column]))
    assert odd == 0
    return found.tolist()


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ("exp", [1.0, 1.0, 2**-0.5, 0.5, 0.25, 1.0, 0.5]),
        ("gauss", [1.0, 1.0, 2**-0.25, 0.5, 1 / 16, 1.0, 0.5]),
        ("linear", [1.0, 1.0, 0.75, 0.5, 0.0, 1.0, 0.5]),
    ],
)
def test_a_decay_is_a_half_at_its_scale(decay: str, expected: list[float]) -> None:
    """At 10, offset 2, scale 4: on both sides, one within the offset."""
    column = pa.array([10.0, 12.0, 14.0, 16.0, 20.0, 8.0, 4.0])

    found = worth(column, decay=decay, origin=10, offset=2, scale=4)

    assert found == pytest.approx(expected)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo", "-08:00"])
def test_timestamps_of_every_unit_and_zone(unit: str, zone: str | None) -> None:
    """Fourteen days are a half-life; no zone is UTC."""
    column = pa.array([NEW, OLD], pa.timestamp(unit, "UTC")).cast(
        pa.timestamp(unit, zone)
    )

    assert worth(column, decay="exp", half_life="14d", origin=NEW) == [1.0, 0.5]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NEW, OLD], pa.date32()),
        pa.array([NEW, OLD], pa.date64()),
        pa.array(["2026-01-15", "2026-01-01T00:00:00Z"]),
        pa.array(["2026-01-15T09:00+09:00", "2026-01-01"], pa.large_string()),
        pa.array(["2026-01-15", "2026-01-01"], pa.string_view()),
        pa.array(["2026-01-15", "2026-01-01"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("origin", [NEW, date(2026, 1, 15), "2026-01-15T00:00:00Z"])
def test_dates_and_texts_are_times(column: pa.Array, origin: object) -> None:
    """An origin may be a time, a date or a text, too."""
    assert worth(column, decay="gauss", scale="2w", origin=origin) == [1.0, 0.5]


def test_a_duration_is_a_distance_from_nothing() -> None:
    """A column of ages needs no origin."""
    column = pa.array([timedelta(0), timedelta(hours=36)])

    assert worth(column, decay="linear", scale="1.5d") == [1.0, 0.5]


def test_now_is_the_origin_of_times() -> None:
    """What is a half-life old at this moment is worth a half."""
    column = (
        pa.array([time.time() - 3600], pa.float64())
        .cast(pa.int64(), safe=False)
        .cast(pa.timestamp("s"))
    )

    assert worth(column, decay="exp", scale="60m") == pytest.approx([0.5], abs=0.01)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 3], kind)
        for kind in (pa.int8(), pa.uint64(), pa.float16(), pa.float32())
    ]
    + [pa.array([Decimal(0), Decimal(3)]), pa.array([0, 3]).dictionary_encode()],
    ids=lambda column: str(column.type),
)
def test_numbers_of_every_type(column: pa.Array) -> None:
    """The logarithm of 1 and of 4."""
    found = worth(column, curve="log1p", weight=2)

    assert found == pytest.approx([0, 2 * np.log(4)])


def test_true_is_one() -> None:
    """A boolean under a curve."""
    assert worth(pa.array([True, False]), curve="linear", weight=-3) == [-3.0, 0.0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["docs", "forum", "mail", None]),
        pa.array(["docs", "forum", "mail", None]).dictionary_encode(),
        pa.array(["docs", "forum", "mail", None], pa.string_view()),
    ],
    ids=lambda column: str(column.type),
)
def test_values_by_their_text(column: pa.Array) -> None:
    """What is not listed, and null, is worth nothing."""
    values = {"docs": 1.0, "forum": 0.3}

    assert worth(column, values=values) == [1.0, 0.3, 0.0, 0.0]


def test_booleans_and_integers_have_texts() -> None:
    """As TOML must write the keys of a table."""
    assert worth(pa.array([True, False]), values={"true": 2.0}) == [2.0, 0.0]
    assert worth(pa.array([3, 4]), values={"3": 1.0}) == [1.0, 0.0]


def test_null_is_neutral_and_what_is_odd_is_counted() -> None:
    """NaN, infinity, and what the curve cannot take."""
    column = pa.chunked_array([[1.0, None], [np.nan, np.inf, -np.inf, -2.0]])

    found, odd = Boost(column="x", curve="log1p").of(column)

    assert found.tolist() == [np.log(2), 0, 0, 0, 0, 0]
    assert odd == 4


def test_what_no_score_can_hold_is_odd() -> None:
    """A number that would overflow moves nothing, and is counted."""
    boost = Boost(column="x", curve="linear", weight=1e10)

    found, odd = boost.of(pa.chunked_array([[1e300, 1e25, 2.0]]))

    assert found.tolist() == [0, 0, 2e10]
    assert odd == 2


def test_a_text_that_is_no_date_is_odd() -> None:
    """It is worth nothing, as null is."""
    boost = Boost(column="x", decay="exp", scale="1d", origin=OLD)

    found, odd = boost.of(pa.chunked_array([["soon", "2026-01-02", None]]))

    assert found.tolist() == [0, 0.5, 0]
    assert odd == 1


def test_a_time_at_the_end_of_its_type() -> None:
    """No unit is changed on the way, so that nothing overflows."""
    column = pa.array([2**63 - 1, -(2**63)], pa.timestamp("s"))

    assert worth(column, decay="exp", scale="1d") == [0.0, 0.0]


@pytest.mark.parametrize("column", [pa.array([], pa.int64()), pa.nulls(2)])
def test_nothing_is_worth_nothing(column: pa.Array) -> None:
    """No rows, or nulls only."""
    assert worth(column, curve="linear") == [0.0] * len(column)


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        (
            pa.array([1]),
            {"decay": "exp", "scale": "1d"},
            "boost: the column 'x' holds numbers, so that scale and offset must be "
            "numbers.",
        ),
        (
            pa.array([NEW]),
            {"decay": "exp", "scale": 14},
            "boost: the column 'x' holds times, so that scale and offset must be texts "
            "such as '14d'.",
        ),
        (
            pa.array([NEW]),
            {"decay": "exp", "scale": "1d", "origin": 3},
            "boost: the column 'x' holds times, so that the origin must be one, or be "
            "left out.",
        ),
        (
            pa.array([timedelta(1)]),
            {"decay": "exp", "scale": "1d", "origin": NEW},
            "boost: the column 'x' holds durations, so that the origin must be one, or "
            "be left out.",
        ),
        (
            pa.array([NEW]),
            {"curve": "linear"},
            "boost: the column 'x' holds times, so that it needs a decay or values, "
            "not a curve.",
        ),
        (
            pa.array([[1.0]]),
            {"curve": "linear"},
            "boost: the column 'x' must hold numbers, times or ISO dates, got "
            "list<item: double>.",
        ),
        (
            pa.array([[1.0]]),
            {"values": {"1": 1.0}},
            "boost: the column 'x' must hold texts, numbers or booleans, got "
            "list<item: double>.",
        ),
        (
            pa.array([b"1"]),
            {"curve": "log1p"},
            "boost: the column 'x' must hold numbers, times or ISO dates, got binary.",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_refused(
    column: pa.Array, options: dict[str, object], message: str
) -> None:
    """The message names the column, what it holds, and what would fit."""
    boost = Boost(column="x", **options)

    with pytest.raises(InputError) as caught:
        boost.of(pa.chunked_array([column]))

    assert str(caught.value) == message
