"""Types that Arrow alone cannot reorder or join, as pandas and polars export them."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import resift
from samples import ids, loaded, table

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
            "has a column 'text' that cannot be Arrow: it holds int and str. Give it "
            "values of one type",
        ),
        (
            pd.DataFrame({"n": [2**70]}),
            "has a column 'n' that cannot be Arrow: it holds int. Give it values of "
            "one type",
        ),
        (
            [{"n": 1, "when": "now"}, {"when": 2.5}],
            "has a column 'when' that cannot be Arrow: it holds float and str. Give it "
            "values of one type",
        ),
        (
            [{"n": 1}, {2: 1}],
            "must have strings as keys, got int",
        ),
        (
            pd.DataFrame([[1, 2]], columns=["text", "text"]),
            "cannot be an Arrow table: Duplicate column names found: ['text', 'text']",
        ),
        (
            pl.DataFrame({"n": [2**70]}, schema={"n": pl.Int128}),
            "cannot be an Arrow table: Invalid or unsupported format string: '_pli128'",
        ),
    ],
    ids=["mixed", "huge", "mixed mappings", "no name", "one name twice", "int128"],
)
def test_a_frame_that_is_no_table_is_told_without_its_texts(frame, reason):
    """What Python may hold and Arrow may not is named, and not quoted."""
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", frame)

    assert str(caught.value) == f"rerank: a result {reason}."


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


# Frames and mappings -----------------------------------------------------------------


def test_a_named_index_of_pandas_is_a_column():
    """Also one of several levels; an index without a name is left out."""
    rows = {"text": ["tea", "red fox"]}
    named = pd.DataFrame(rows, index=pd.Index(["d1", "d2"], name="doc"))
    pairs = [("a", 1), ("b", 2)]
    levels = pd.DataFrame(
        rows, index=pd.MultiIndex.from_tuples(pairs, names=["x", "y"])
    )
    bare = pd.DataFrame(rows, index=["d1", "d2"])

    assert loaded().rerank("", named, id="doc")["doc"].to_pylist() == ["d1", "d2"]
    result = loaded().rerank("", levels, id=["x", "y"])
    assert result["y"].to_pylist() == [1, 2]
    assert loaded().rerank("", bare, id=None).column_names == [
        "text",
        "_relevance_score",
    ]


def test_an_index_that_is_a_column_too_must_agree_with_it():
    """What `set_index(drop=False)` leaves is one column; two that differ are not."""
    frame = pd.DataFrame({"_rowid": [1, 2]}).set_index("_rowid", drop=False)
    other = frame.assign(_rowid=[3, 4])

    assert ids(loaded().rerank("", frame)) == [1, 2]
    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", other)
    assert str(caught.value) == (
        "rerank: a result has a column '_rowid' and an index of that name, and they "
        "differ. Rename one: frame.rename_axis(...)."
    )


def test_mappings_and_lazy_frames_are_results():
    """Keys that some rows lack are null there, and no hits are an empty list."""
    one = [{"_rowid": 2**63, "text": "tea"}, {"_rowid": 2, "vector": [0.5, 1.0]}]
    two = [{"_rowid": 2, "text": "red fox"}]

    for second in (two, pl.LazyFrame(two)):
        result = loaded().rerank("", one, second, [])

        assert result.select(["_rowid", "text", "vector"]).to_pylist() == [
            {"_rowid": 2, "text": "red fox", "vector": [0.5, 1.0]},
            {"_rowid": 2**63, "text": "tea", "vector": None},
        ]


def test_half_an_emoji_becomes_a_replacement_character():
    """Python strings may hold lone surrogates, and Arrow ones may not."""
    rows = {"_rowid": [1, 2], "text": ["fox \ud83e", "hen"]}
    mappings = [{"_rowid": 1, "text": "fox \ud83e"}, {"_rowid": 2, "text": "hen"}]

    for result in (pd.DataFrame(rows, dtype=object), mappings):
        reranked = loaded("bm25").rerank("fox", result)

        assert reranked["text"].to_pylist() == ["fox \ufffd", "hen"]


async def _search() -> pa.Table:
    return table("a")


def test_what_must_be_awaited_is_told():
    """An async search is a coroutine until it is awaited."""
    search = _search()

    with pytest.raises(resift.InputError) as caught:
        loaded().rerank("", search)

    search.close()
    assert str(caught.value).endswith("got coroutine. Await it first.")


# Text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(VIEW)],
    ids=str,
)
def test_a_list_of_strings_is_joined_by_newlines(kind):
    """Tags and paragraphs are one text; an empty list is none."""
    tags = pa.array([["red", None, "fox"], [], None, ["hen"]], kind)
    seen: list[str] = []

    def score(query, documents):
        seen.extend(documents)
        return [0.0] * len(documents)

    resift.Reranker(score).rerank("q", pa.table({"text": tags}), id=None)

    assert seen == ["red\nfox", "hen"]


def test_a_text_that_is_not_utf_8_is_told_by_its_place():
    """The column, the list and the row are named, the text is not quoted."""
    stops = pa.array([0, 1, 3], pa.int32()).buffers()[1]
    buffers = [None, stops, pa.py_buffer(b"a\xff\xfe")]
    bad = pa.Array.from_buffers(pa.string(), 2, buffers)
    second = pa.table({"_rowid": [2, 3], "text": bad})

    with pytest.raises(resift.InputError) as caught:
        loaded("bm25").rerank("a", table("a"), second)

    assert str(caught.value) == (
        f"Reranker 'bm25' (resift {resift.__version__}): the text column 'text' is not "
        "valid UTF-8 in row 1 of list 2. Mend that text, or leave its row out."
    )
    assert caught.value.__cause__ is None
