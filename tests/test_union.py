"""The union of result tables: what is gathered, from which list, in which type."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resift
from resift import union as union_module
from resift.union import Union

IDS = [7, 8, 9]
COLUMNS = {
    "_rowid": pa.array(IDS, pa.uint64()),
    "text": pa.array(["a", None, "c"]),
    "view": pa.array(["a", "b", None], pa.string_view()),
    "vector": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32(), 2)),
    "price": pa.array([Decimal("1.50"), None, Decimal(2)], pa.decimal128(10, 2)),
    "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
    "meta": pa.array([{"page": 1}, {"page": 2}, None]),
    "seen": pa.array([0, 1, 2], pa.timestamp("ms")),
}


def taken(union: Union, *documents: int, columns: list[str] | None = None) -> pa.Table:
    """Take documents by their position in the union."""
    return union.take(np.array(documents, dtype=np.int64), columns)


def test_every_type_is_kept() -> None:
    """Rows come back as they went in, whatever their type, in the order asked for."""
    table = pa.table(COLUMNS)
    union = Union([table, table.slice(1)], id="_rowid")

    rows = taken(union, 2, 0)

    assert rows.schema == table.schema
    assert rows.to_pylist() == [table.to_pylist()[2], table.to_pylist()[0]]


def test_a_value_comes_from_the_first_list_that_has_document_and_column() -> None:
    """8 is in both lists: its text is the first list's, its `_score` the second's."""
    first = pa.table({"_rowid": [7, 8], "text": ["a", "b"], "_distance": [0.1, 0.2]})
    second = pa.table({"_rowid": [9, 8], "_score": [5.0, 4.0], "text": ["c", "B"]})
    union = Union([first, second], id="_rowid")

    rows = taken(union, *range(union.n_documents)).sort_by("_rowid")

    assert rows.to_pydict() == {
        "_rowid": [7, 8, 9],
        "text": ["a", "b", "c"],
        "_distance": [0.1, 0.2, None],
        "_score": [None, 4.0, 5.0],
    }


def test_only_columns_of_a_later_list_can_be_taken() -> None:
    """Asking for nothing but a late column gives that column."""
    first = pa.table({"_rowid": [7, 8]})
    second = pa.table({"_rowid": [8], "_score": [4.0]})
    union = Union([first, second], id="_rowid")

    assert taken(union, 0, 1, columns=["_score"]).to_pydict() == {"_score": [None, 4.0]}
    assert taken(union, 0, 1, columns=[]).num_rows == 2


def test_a_few_rows_of_many_chunks_are_those_of_a_full_take() -> None:
    """Cutting each chunk first gives the rows that cutting the whole gives."""
    rng = np.random.default_rng(3)
    chunks = [
        pa.table({"_rowid": rng.permutation(500)[:200], "_score": rng.random(200)})
        for _ in range(6)
    ]
    lists = [pa.concat_tables(chunks[:3]), *chunks[3:]]
    union = Union(lists, id="_rowid")
    everything = taken(union, *range(union.n_documents))

    few = rng.permutation(union.n_documents)[:20]

    assert union.take(few).to_pydict() == everything.take(few).to_pydict()


def test_documents_are_numbered_by_best_rank_then_list() -> None:
    """All first rows come before all second rows, so a stable sort settles ties."""
    lists = [pa.table({"_rowid": [1, 2, 3]}), pa.table({"_rowid": [3, 4]})]

    union = Union(lists, id="_rowid")

    ids = taken(union, *union.order(np.zeros(4)).tolist())["_rowid"].to_pylist()
    assert ids == [1, 3, 2, 4]


def test_many_documents_are_ordered_as_few_are() -> None:
    """The faster way to sort many scores keeps equal ones in their order, too."""
    rng = np.random.default_rng(5)
    scores = rng.integers(-40, 40, 9_000) / 8
    union = Union([pa.table({"_rowid": range(9_000)})], id="_rowid")

    order = union.order(scores)

    assert order.tolist() == np.argsort(-scores, kind="stable").tolist()


def test_a_polars_frame_is_a_result() -> None:
    """Polars exports string views, which Arrow cannot take as they are."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"_rowid": ["x", "y"], "text": ["a", "b"]})

    table = resift.load("rrf", config=None).rerank("query", frame, frame[::-1])

    assert sorted(table["text"].to_pylist()) == ["a", "b"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"_rowid": ["8"]},
            "rerank: the id column '_rowid' must have one type, got int64, string. "
            "Cast it.",
        ),
        (
            {"_rowid": [8], "text": [1.5]},
            "rerank: column 'text' is string in one list and double in another. "
            "Cast one of them.",
        ),
    ],
)
def test_lists_of_different_types_are_refused(
    other: dict[str, list[object]], message: str
) -> None:
    """A column must have one type in all lists; the message names it and the types."""
    first = pa.table({"_rowid": [7], "text": ["a"]})

    with pytest.raises(resift.InputError) as caught:
        Union([first, pa.table(other)], id="_rowid")

    assert str(caught.value) == message


def test_what_is_kept_for_the_next_call_is_small():
    """Lengths that never come again must not fill the memory."""
    kept = union_module._in_step.cache_info().currsize
    for n in (50_001, 50_002, 50_003):
        table = pa.table({"_rowid": np.arange(n)})
        resift.load("rrf", config=None).rerank("", table, table)

    assert union_module._in_step.cache_info().currsize == kept


@pytest.mark.parametrize("sizes", [(3, 2), (0, 0), (1,), (0, 5, 2), (90, *[1] * 9)])
def test_rows_are_read_rank_by_rank(sizes):
    """All first rows before all second rows, lists in their order."""
    ranks = np.concatenate([np.arange(size) for size in sizes])

    assert (
        union_module._in_step(sizes).tolist()
        == np.argsort(ranks, kind="stable").tolist()
    )


@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 1 + 2**-52, 1e300, -1e300, 5e-324]),
        max_size=60,
    )
)
def test_many_documents_are_sorted_as_few_are(values):
    """Zeros of both signs are equal, and the last bit of a score counts."""
    scores = np.array(values)

    assert (
        union_module._falling(scores).tolist()
        == np.argsort(-scores, kind="stable").tolist()
    )


def test_a_long_union_has_the_order_of_a_short_one(monkeypatch):
    """The way of sorting depends on the length, the order does not."""
    rows = pa.table({"_rowid": np.arange(300), "_score": np.arange(300) % 7})
    short = resift.load("dbsf", config=None).rerank("", rows, rows[::-1].slice(3))
    monkeypatch.setattr(union_module, "_MANY", 1)

    assert (
        resift.load("dbsf", config=None)
        .rerank("", rows, rows[::-1].slice(3))
        .equals(short)
    )


# Documents ---------------------------------------------------------------------------


def test_several_columns_may_be_the_id():
    """Row 1 of one table is not row 1 of another."""
    one = pa.table({"table": ["a", "a"], "_rowid": [1, 2], "text": ["x", "y"]})
    two = pa.table({"table": ["b", "a"], "_rowid": [1, 2], "text": ["z", "y"]})

    result = resift.load("rrf", config=None).rerank(
        "", one, two, id=("table", "_rowid")
    )

    assert result["text"].to_pylist() == ["y", "x", "z"]
    assert resift.notes_of(result) == []


def test_rows_of_one_id_and_different_text_are_noted():
    """Row ids of two tables are equal by chance; nothing vanishes without a word."""
    one = pa.table({"_rowid": [0, 1, 2], "text": ["a", None, "c"]})
    two = pa.table({"_rowid": [0, 1, 2], "text": ["z", "b", "c"]})

    result = resift.load("rrf", config=None).rerank("", one, two)

    assert resift.notes_of(result) == [
        "rerank: 1 documents have rows of one '_rowid' that differ in 'text'; the "
        "first list's is used. If they are rows of different tables, name the column "
        "that tells the tables apart, too: id=('table', '_rowid')."
    ]


def test_long_lists_are_compared_by_length_and_the_first_texts():
    """One text of 5,000 that is longer is noticed; nulls are like any text."""
    texts = [f"text {i:05}" for i in range(5_000)]
    one = pa.table({"_rowid": range(5_000), "text": texts})
    two = one.set_column(1, "text", pa.array([*texts[:-2], None, "text 4999"]))

    assert resift.notes_of(resift.load("rrf", config=None).rerank("", one, one)) == []
    assert resift.notes_of(resift.load("rrf", config=None).rerank("", one, two)) != []


# Values ------------------------------------------------------------------------------


def test_a_null_never_hides_what_another_list_knows():
    """Each value is the first that is not null, list by list, then row by row."""
    first = pa.table({"_rowid": [7, 8, 9], "text": [None, "b", None], "n": [1, 2, 3]})
    second = pa.table({"_rowid": [8, 7], "text": ["B", "A"], "n": [5, 6]})
    third = pa.table({"_rowid": [7, 9], "text": ["aa", "c"], "n": [None, 4]})
    union = Union([first, second, third], id="_rowid")

    rows = taken(union, *range(union.n_documents)).sort_by("_rowid")

    assert rows["text"].to_pylist() == ["A", "b", "c"]
    assert rows["n"].to_pylist() == [1, 2, 3]


def test_a_reranker_reads_the_text_that_a_later_list_has():
    """The null of the vector leg does not hide the text of the other."""
    first = pa.table({"_rowid": [1, 2], "text": pa.array([None, "hen"])})
    second = pa.table({"_rowid": [1], "text": ["red fox"]})

    result = resift.load("bm25", config=None).rerank("fox", first, second)

    assert result["text"].to_pylist() == ["red fox", "hen"]


def test_many_small_chunks_are_laid_end_to_end():
    """A stream of one row a batch has the answer, and the layout, of one batch."""
    whole = pa.table({"_rowid": range(2_000), "text": [str(i) for i in range(2_000)]})
    stream = pa.Table.from_batches(whole.to_batches(max_chunksize=1))
    other = whole.take(pa.array(range(1_999, -1, -1)))
    rrf = resift.load("rrf", config=None)

    union = Union([stream, other], id="_rowid")

    assert max(column.num_chunks for column in union.tables[0].columns) == 1
    assert rrf.rerank("", stream, other).equals(rrf.rerank("", whole, other))
