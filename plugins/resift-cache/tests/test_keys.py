"""Keys: what makes two scores the same, and what does not."""

from __future__ import annotations

import pyarrow as pa
import pytest

import resift
from resift_cache.keys import description, is_identified, list_key, pair_keys

VECTORS = pa.array([[0.0, 1.0], [1.0, 0.0]], pa.list_(pa.float32(), 2))


def test_a_key_is_short_and_stable() -> None:
    """16 bytes, the same in every process and version that shares the file."""
    (key,) = pair_keys("reranker", "query", ["document"], None)

    assert key.hex() == "8575034ca5fa993e4076c3e9d095c879"


@pytest.mark.parametrize(
    "other",
    [
        ("other", "query", "document"),
        ("reranker", "other", "document"),
        ("reranker", "query", "other"),
        ("rerankerq", "uery", "document"),
        ("reranker", "queryd", "ocument"),
        ("reranker", "query", "document "),
    ],
)
def test_every_part_counts_and_none_runs_into_the_next(
    other: tuple[str, str, str],
) -> None:
    """Moving a letter from one part to its neighbour gives another key."""
    (one,) = pair_keys("reranker", "query", ["document"], None)

    assert pair_keys(other[0], other[1], [other[2]], None) != [one]


def test_a_pair_does_not_depend_on_its_list() -> None:
    """The same text has the same key wherever it stands."""
    alone = pair_keys("reranker", "query", ["b"], None)

    assert pair_keys("reranker", "query", ["a", "b"], None)[1:] == alone


def test_a_list_depends_on_all_and_on_their_order() -> None:
    """Another document, or the same in another order, is another list."""
    lists = [["a", "b"], ["b", "a"], ["a"], ["a", "b", "b"]]

    assert len({list_key("reranker", "query", texts, None) for texts in lists}) == 4
    assert list_key("r", "q", ["a"], None) != pair_keys("r", "q", ["a"], None)[0]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (VECTORS, VECTORS.take([1, 0])),
        (VECTORS, VECTORS.cast(pa.list_(pa.float64(), 2))),
        (pa.array([1, 2]), pa.array([2, 1])),
        (pa.array([1, 2]), pa.array([1.0, 2.0])),
        (pa.array(["a", None]), pa.array(["a", "None"])),
        (pa.array([[1], [2, 3]]), pa.array([[1], [2, None]])),
    ],
)
def test_the_row_counts_where_it_is_read(one: pa.Array, two: pa.Array) -> None:
    """Another value or type in a column is another score."""
    keys = [
        pair_keys("r", "q", ["x", "y"], pa.table({"column": column}))
        for column in (one, two)
    ]

    assert keys[0] != keys[1]


def test_a_row_is_the_same_in_another_table() -> None:
    """Slices, chunks and metadata make no difference."""
    whole = pa.table({"vector": VECTORS}).replace_schema_metadata({"a": "b"})
    chunked = pa.concat_tables([whole.slice(1), whole.slice(0, 1)])

    keys = pair_keys("r", "q", ["x", "x"], whole)

    assert pair_keys("r", "q", ["x"], whole.slice(1)) == keys[1:]
    assert pair_keys("r", "q", ["x", "x"], chunked) == keys[::-1]


def test_text_that_is_no_valid_unicode_has_a_key() -> None:
    """A lone surrogate is text like any other."""
    assert len(set(pair_keys("r", "\ud800", ["\udfff", "x"], None))) == 2


@pytest.mark.parametrize(
    ("made_of", "wanted"),
    [
        ({"use": "resift:bm25", "version": "0.1.0", "options": {"k1": 2.0}}, True),
        ({"use": "module:Class"}, False),
        (
            {
                "use": "resift:cascade",
                "version": "0.1.0",
                "options": {"stages": [{"use": "module:Class"}]},
            },
            False,
        ),
        (
            {
                "use": "mine:f",
                "version": "1",
                "options": {"function": "<function f at 0x7f21>"},
            },
            False,
        ),
    ],
)
def test_a_description_tells_everything_or_not(made_of: object, wanted: object) -> None:
    """Instances, functions and addresses say nothing about what a score depends on."""
    assert is_identified(made_of) is wanted


def described(**options: object) -> str:
    """Return the description of a `bm25` with these options, in a cascade."""
    stages = [{"use": "bm25", "options": options}, "bm25"]
    with resift.load("cascade", stages=stages, keep=[3], config=None) as reranker:
        return description(reranker, "")


def test_options_that_change_no_score_are_no_part_of_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their names come from the class, wherever the reranker stands."""
    cls = type(resift.load("bm25", config=None).plugin)
    monkeypatch.setattr(cls, "neutral_options", ("b",), raising=False)

    assert described(b=0.1) == described(b=0.9) == described()
    assert described(k1=2.0) != described()
