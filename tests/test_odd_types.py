"""Types that Arrow alone cannot reorder or join, as pandas and polars export them."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import resift
from samples import loaded, table

N = 6
VIEW = pa.string_view()
TABLE = pa.table({"_rowid": range(N), "text": [f"fox {i}" for i in range(N)]})


@pytest.mark.parametrize(
    "column",
    [
        pa.RunEndEncodedArray.from_arrays(pa.array([4, N], pa.int32()), ["a", "b"]),
        pa.array([["fox"], ["a", "b"], [], None, [None], ["ä"]], pa.list_(VIEW)),
        pa.array([{"t": f"{i}"} for i in range(N)], pa.struct([("t", VIEW)])),
    ],
    ids=["runs", "list of views", "struct of views"],
)
def test_rows_of_a_type_that_arrow_cannot_take_are_taken_one_by_one(column):
    """polars exports lists and structs of string views; they come back as they were."""
    result = TABLE.append_column("odd", column)

    reranked = loaded("bm25").rerank("3 1", result, id=None)

    order = [3, 1, 0, 2, 4, 5]
    assert sorted(reranked["text"].to_pylist()[:2]) == ["fox 1", "fox 3"]
    order[:2] = [int(text[-1]) for text in reranked["text"].to_pylist()[:2]]
    assert reranked["odd"].to_pylist() == [column[i].as_py() for i in order]
    assert reranked.schema.field("odd").type == column.type


def test_a_text_inside_a_struct_of_views_is_read():
    """`text="meta.title"` works on polars frames too."""
    frame = pl.DataFrame({"_rowid": [1, 2], "meta": [{"t": "a"}, {"t": "b"}]})

    table = loaded("bm25").rerank("b", frame, text="meta.t")

    assert table["_rowid"].to_pylist() == [2, 1]


def test_a_polars_categorical_may_be_text_and_id():
    """Its values are string views, in a dictionary."""
    kind = pl.Categorical
    frame = pl.DataFrame({"c": pl.Series(["fox", "owl", "fox"], dtype=kind)})

    table = loaded("bm25").rerank("owl", frame, text="c", id="c")

    assert table["c"].to_pylist() == ["owl", "fox"]
    assert table.schema.field("c").type == pa.table(frame).schema.field("c").type


def categories(prefix: str, n: int) -> pd.DataFrame:
    """Return three rows of a categorical column that has *n* categories."""
    known = [f"{prefix}{i}" for i in range(n)]
    column = pd.Categorical(known[:3], categories=known)
    return pd.DataFrame({"c": column})


def test_dictionaries_that_do_not_fit_into_one_keep_the_values_that_are_there():
    """100 categories each are too many for the int8 index; six are used."""
    frames = [categories("a", 100), categories("b", 100)]

    table = loaded().rerank("", *frames, id=None)

    assert table["c"].to_pylist() == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert table.schema.field("c").type == pa.Table.from_pandas(frames[0])["c"].type


def test_more_values_than_one_dictionary_can_hold_are_refused():
    """Here all 200 are used, and an int8 counts to 127."""
    frames = [
        pd.DataFrame({"c": pd.Categorical([f"{prefix}{i}" for i in range(100)])})
        for prefix in "ab"
    ]

    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", *frames, id=None)

    assert str(caught.value) == (
        "rerank: column 'c' cannot be reordered: Integer value 128 not in range: -128 "
        "to 127. Cast it."
    )


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (
            pd.DataFrame({"text": ["the confidential text", 5]}),
            "Conversion failed for column text with type object",
        ),
        (
            pd.DataFrame([[1, 2]], columns=["text", "text"]),
            "Duplicate column names found: ['text', 'text']",
        ),
        (pd.DataFrame({"n": [2**70]}), "Python int too large to convert to C long"),
        (
            pd.DataFrame({"text": ["\ud800"]}, dtype=object),
            "a string is not valid Unicode",
        ),
        (
            pl.DataFrame({"n": [2**70]}, schema={"n": pl.Int128}),
            "Invalid or unsupported format string: '_pli128'",
        ),
    ],
    ids=["mixed types", "one name twice", "huge", "surrogate", "int128"],
)
def test_a_frame_that_is_no_table_is_told_without_its_texts(frame, reason):
    """What a pandas frame may hold and Arrow may not is named, and not quoted."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", frame)

    assert str(caught.value) == f"rerank: a result cannot be an Arrow table: {reason}."


# Lists without rows ------------------------------------------------------------------


def test_a_frame_without_rows_may_have_any_types():
    """An empty pandas frame is all float64: that is nobody's mistake."""
    empty = pd.DataFrame({"_rowid": [], "text": []})

    alone = loaded("bm25").rerank("a", empty)
    beside = loaded("bm25").rerank("a", empty, table(*"abc"))

    assert (len(alone), alone.column_names[-1]) == (0, "_relevance_score")
    assert beside["text"].to_pylist() == ["a", "b", "c"]
    assert beside.schema.field("_rowid").type == pa.int64()


def test_a_null_id_inside_a_dictionary_is_told():
    """The null may stand among the values, not among the indices."""
    ids = pa.DictionaryArray.from_arrays([0, 1], pa.array(["a", None]))

    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", pa.table({"_rowid": ids}))

    assert str(caught.value) == (
        "rerank: the id column '_rowid' of list 1 has 1 nulls. An id must tell "
        "documents apart."
    )


def test_a_frame_without_columns_or_rows_is_an_empty_list():
    """Nothing was found: no reason to lose what another list found."""
    empty = pd.DataFrame()

    assert loaded().rerank("", empty, table("a"))["text"].to_pylist() == ["a"]
    assert len(loaded().rerank("", empty)) == 0


def test_rows_without_columns_are_refused():
    """There is nothing to tell them apart by, and nothing to return."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", table("a").select([]), id=None)

    assert str(caught.value) == (
        "rerank: the results have rows, but no columns. Select some."
    )


def test_an_id_that_cannot_be_encoded_is_told():
    """Runs have no dictionary in Arrow."""
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([3], pa.int32()), ["a"])

    with pytest.raises(
        resift.InputError, match="must hold numbers or strings, got run"
    ):
        loaded().rerank("", pa.table({"_rowid": runs}))


def test_a_column_that_a_list_lacks_may_be_null():
    """Its rows have no value there, whatever the other list promises of its own."""
    strict = pa.schema(
        [pa.field("_rowid", pa.int64(), nullable=False), ("extra", pa.int32())]
    )
    strict = strict.set(1, strict.field(1).with_nullable(nullable=False))
    second = pa.table({"_rowid": [2], "extra": [7]}, schema=strict)

    result = loaded().rerank("", pa.table({"_rowid": [1]}), second)

    assert result.schema.field("extra").nullable
    assert result["extra"].to_pylist() == [None, 7]
    assert not loaded().rerank("", second).schema.field("extra").nullable


# Candidates --------------------------------------------------------------------------


class Reads:
    """Scores by a column of the candidates."""

    @resift.hookimpl
    def score(self, documents, candidates):
        return [float(len(tags)) for tags in candidates["tags"].to_pylist()]


@pytest.mark.parametrize("depth", [0, 1])
def test_candidates_of_a_polars_frame_are_taken(depth):
    """Also where texts repeat, and inside a composite."""
    frame = pl.DataFrame(
        {
            "_rowid": [1, 2, 3],
            "text": ["a", "a", "b"],
            "tags": [["x"], ["y"], list("ab")],
        }
    )
    reranker = resift.Reranker(Reads())
    if depth:
        reranker = loaded(
            "cascade", stages=[reranker, resift.Reranker(Reads())], keep=[2]
        )

    result = reranker.rerank("q", frame)

    assert result["_rowid"].to_pylist()[0] == 3
