"""Many queries at once: tables of lists, streams, and what may be a list."""

from __future__ import annotations

import math
import time
import weakref

import numpy as np
import pyarrow as pa
import pytest

import resift

QUERIES = ["red fox", "hen", "owl"]
DOCUMENTS = [["a hen", "red fox", None, "fox"], [], ["owl", "owl owl", "", "an owl"]]
TABLE = pa.table({"query": QUERIES, "documents": DOCUMENTS})
BM25 = resift.load("bm25", config=None)


class Lengths:
    """Scores a text by its length, one column and a note beside it."""

    score_kind = "probability"

    @resift.hookimpl
    def score(self, query, documents):
        """Score by length; the empty query of one row has nothing to say."""
        values = np.array([len(text) / 10 for text in documents])
        columns = {"why": [text[:1] for text in documents]}
        return resift.Scores(values, columns, usage={"calls": 1})


def by_row(table: pa.Table) -> list[list[tuple[int, int, float | None]]]:
    """Return index, rank and score of what is shown, query by query."""
    rows: dict[int, list] = {}
    for row in table.to_pylist():
        shown = (row["index"], row["rank"], row["_relevance_score"])
        rows.setdefault(row["row"], []).append(shown)
    return [rows.get(i, []) for i in range(len(QUERIES))]


def ranked(reranker: resift.Reranker, **options) -> list:
    """Return what `rank_many` says of the same queries."""
    rankings = reranker.rank_many(QUERIES, DOCUMENTS, **options)
    return [[(d.index, d.rank, d.score) for d in ranking] for ranking in rankings]


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"min_score": 0.3}])
@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("plugin", [Lengths(), "bm25"])
def test_a_table_is_ranked_as_its_lists_are(plugin, window, options):
    """Order, ranks and scores are those of `rank_many`, whatever is set."""
    if plugin == "bm25" and "min_score" in options:
        pytest.skip("bm25 gives no probabilities")
    reranker = (
        resift.load(plugin, config=None, window=window)
        if isinstance(plugin, str)
        else resift.Reranker(plugin, window=window)
    )

    table = reranker.rerank_many(TABLE, **options)

    assert by_row(table) == ranked(reranker, **options)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())]
)
def test_lists_may_be_of_any_kind_and_sliced(kind):
    """Offsets are read as they stand; a null list is an empty one."""
    lists = pa.array([["x"], *DOCUMENTS[:1], None, *DOCUMENTS[2:]], kind)
    chunks = pa.chunked_array([lists.slice(1, 1), lists.slice(2)])
    table = pa.table({"query": QUERIES, "documents": chunks})

    assert by_row(BM25.rerank_many(table)) == ranked(BM25)


def test_ids_and_what_the_reranker_says_come_along():
    """Ids under their own name, columns as `rank` shows them, usage added up."""
    ids = [[10, 11, 12, 13], [], [20, 21, 22, 23]]
    table = resift.Reranker(Lengths()).rerank_many(
        TABLE.append_column("ids", pa.array(ids)), ids="ids", top_k=1
    )

    assert table.drop_columns("_relevance_score").to_pydict() == {
        "row": [0, 2],
        "index": [1, 1],
        "rank": [1, 1],
        "ids": [11, 21],
        "why": ["r", "o"],
    }
    assert resift.usage_of(table) == {"calls": 2}


def test_structs_hold_text_ids_and_columns():
    """A field is the text, another the id; declared columns reach the reranker."""

    class Newest:
        columns = ("year",)

        @resift.hookimpl
        def score(self, documents, candidates):
            """Score by year."""
            return candidates["year"].to_pylist()

    documents = [[{"body": "a", "id": "x", "year": 1}, {"body": "b", "id": "y"}]]
    documents[0][1]["year"] = 2
    table = pa.table({"query": ["q"], "documents": documents})

    result = resift.Reranker(Newest(), text="body").rerank_many(table, ids="id")

    assert result["id"].to_pylist() == ["y", "x"]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            TABLE,
            {"query": "q"},
            "rerank_many: the table has no column 'q'. Columns: 'query', 'documents'. "
            "Name the right one with query=....",
        ),
        (
            TABLE,
            {"documents": "query"},
            "rerank_many: documents must be a column of lists, got string.",
        ),
        (
            TABLE.append_column("ids", pa.array([[1, 2, 3, 4], [], [5]])),
            {"ids": "ids"},
            "rerank_many: row 2 must have one id per document.",
        ),
        (
            TABLE.rename_columns({"query": "rank"}),
            {"query": "rank", "ids": "rank"},
            "rerank_many: ids must not be called 'rank', as an added column is.",
        ),
        (
            pa.table({"query": ["a", " "], "documents": [["x"], ["y"]]}),
            {},
            "bm25 (resift) needs a query that is not blank, got ' '.",
        ),
    ],
)
def test_what_does_not_fit_is_told(table, options, message):
    """Columns, lists and ids are checked before anything is scored."""
    with pytest.raises(resift.InputError) as caught:
        BM25.rerank_many(table, **options)

    assert str(caught.value).endswith(message.removeprefix("bm25 (resift)"))


def test_the_row_of_a_failing_query_is_told():
    """The error is that of `rank`, with a note of where."""
    table = pa.table({"query": ["a", " "], "documents": [["x"], ["y"]]})
    with pytest.raises(resift.InputError) as caught:
        BM25.rerank_many(table)

    assert caught.value.__notes__ == ["It was asked by row 1 of the table."]


def test_a_table_without_rows_gives_none():
    """The columns are there, whatever the number of rows."""
    result = BM25.rerank_many(TABLE.slice(0, 0))

    assert result.schema.names == ["row", "index", "rank", "_relevance_score"]
    assert len(result) == 0


def test_a_merger_ranks_no_lists():
    """One list leaves nothing to merge, in a table as in `rank`."""
    with pytest.raises(resift.InputError, match="only merges lists"):
        resift.load("rrf", config=None).rerank_many(TABLE)


# Streams -----------------------------------------------------------------------------


class Packing:
    """Keeps how many queries came together."""

    def __init__(self):
        self.blocks = []

    @resift.hookimpl
    def score_many(self, queries, documents):
        """Score by length."""
        self.blocks.append(len(queries))
        return [[float(len(text)) for text in texts] for texts in documents]


def test_a_stream_is_ranked_in_blocks_and_in_order():
    """At most *budget* documents at a time, and one query at least."""
    plugin = Packing()
    pairs = [(f"q{n}", ["a", "bb", "ccc", "dddd"][:n]) for n in (2, 1, 4, 1, 1, 1, 1)]

    rankings = list(resift.Reranker(plugin).rank_stream(iter(pairs), budget=3))

    assert plugin.blocks == [2, 1, 3, 1]
    assert [len(ranking) for ranking in rankings] == [2, 1, 4, 1, 1, 1, 1]
    assert [ranking[0].document for ranking in rankings[:3]] == ["bb", "a", "dddd"]


def test_blocks_of_a_stream_are_bounded_by_tokens():
    """Four letters are about a token; a query with more is a block by itself."""
    plugin = Packing()
    texts = [["a" * 4], ["b" * 8], ["c" * 40], [{"text": "d" * 8, "id": "x" * 99}], []]

    rankings = list(
        resift.Reranker(plugin).rank_stream([("q", own) for own in texts], tokens=3)
    )

    assert plugin.blocks == [2, 1, 1]  # the last query has nothing to score
    assert [len(ranking) for ranking in rankings] == [1, 1, 1, 1, 0]


def test_a_stream_is_read_only_as_far_as_it_is_used():
    """The first ranking comes before the last query is known."""
    read = []

    def pairs():
        for n in range(1_000):
            read.append(n)
            yield "q", ["a", "bb"]

    next(resift.Reranker(Packing()).rank_stream(pairs(), budget=4))

    assert len(read) == 3


def test_a_stream_may_return_the_error_of_a_query():
    """The others have their answers; by default the first error is raised."""
    pairs = [("hen", ["a hen"]), (" ", ["a"]), ("owl", ["owl"])]

    one, error, other = BM25.rank_stream(pairs, on_error="return")

    assert isinstance(error, resift.InputError)
    assert (len(one), len(other)) == (1, 1)
    with pytest.raises(resift.InputError):
        list(BM25.rank_stream(pairs))


def test_a_budget_is_a_count():
    """It is checked at the call, before the first ranking is asked for."""
    with pytest.raises(resift.InputError, match="budget must be an integer"):
        BM25.rank_stream([], budget=0)


def test_queries_without_documents_fill_a_block_too():
    """They are held as the others are, so that each counts as one document."""
    read = []

    def pairs():
        for n in range(100):
            read.append(n)
            yield "q", []

    next(BM25.rank_stream(pairs(), budget=4))

    assert len(read) == 5


class Text(str):
    """A document that can be seen to be held."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("n", [4_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_rank_many_reads_a_generator_one_block_ahead_of_whom_it_serves(n):
    """However many queries there are, only those of one block are ever held."""
    alive = weakref.WeakSet()
    read = done = ahead = held = 0

    def documents():
        nonlocal read
        for _ in range(n):
            read += 1
            text = Text("aa")
            alive.add(text)
            yield [text]

    queries = (f"q{i}" for i in range(n))
    for _ in resift.Reranker(Packing()).rank_many(queries, documents()):
        done += 1
        ahead, held = max(ahead, read - done), max(held, len(alive))

    assert done == n
    assert max(ahead, held) <= 3_201  # a block, and the query that did not fit


def test_rank_many_of_a_generator_is_that_of_a_list():
    """The same rankings, whichever of the two has no length; lists give a list."""
    expected = BM25.rank_many(QUERIES, DOCUMENTS)

    streams = [
        BM25.rank_many(iter(QUERIES), iter(DOCUMENTS)),
        BM25.rank_many(QUERIES, (own for own in DOCUMENTS)),
        BM25.rank_many((query for query in QUERIES), DOCUMENTS),
    ]

    assert isinstance(expected, list)
    assert [next(streams[0]), *streams[0]] == expected
    assert [list(stream) for stream in streams[1:]] == [expected, expected]


@pytest.mark.parametrize(
    ("queries", "documents", "message"),
    [
        (
            iter(["p", "q", "r"]),
            [["a"], ["b"]],
            "rank_many needs one list of documents per query, got no list for query "
            "3, counted from 1.",
        ),
        (
            ["p"],
            iter([["a"], ["b"]]),
            "rank_many needs one list of documents per query, got 1 queries and more "
            "lists.",
        ),
        (
            "query",
            iter([["a"], ["b"]]),
            "rank_many needs a list of queries and a list of documents for each, got "
            "str and list_iterator.",
        ),
        (
            iter(["p", "q", "r"]),
            5,
            "rank_many needs a list of queries and a list of documents for each, got "
            "list_iterator and int.",
        ),
    ],
    ids=["few", "more", "text", "number"],
)
def test_a_stream_that_does_not_match_is_told(queries, documents, message):
    """One list for each query, also where nobody knows beforehand how many."""
    with pytest.raises(resift.InputError) as caught:
        list(BM25.rank_many(queries, documents))

    assert str(caught.value) == f"{BM25.who}: {message}"


def test_lists_are_scored_in_blocks_too():
    """`rank_many` and `rerank_many` pack at most 3,200 documents at a time."""
    texts = [["a", "bb"] * 1_000] * 4
    many, table = Packing(), Packing()

    rankings = resift.Reranker(many).rank_many(["q"] * 4, texts)
    resift.Reranker(table).rerank_many(
        pa.table({"query": ["q"] * 4, "documents": texts}), top_k=1
    )

    assert many.blocks == table.blocks == [1, 1, 1, 1]
    assert [len(ranking) for ranking in rankings] == [2_000] * 4


def test_blocks_of_a_list_share_its_time():
    """What is not asked in time has that for its answer; nothing that came is lost."""

    class Slow(Packing):
        @resift.hookimpl
        def score_many(self, queries, documents, timeout):
            time.sleep(timeout)
            return [[1.0] * len(texts) for texts in documents]

    answers = resift.Reranker(Slow()).rank_many(
        ["p", "q"], [["a"] * 1_700 + ["b"]] * 2, timeout=0.01, on_error="return"
    )

    assert len(answers[0]) == 1_701
    assert str(answers[1]) == (
        "Reranker 'Slow' was not asked: the time for this call had run out."
    )


# What is a list ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "documents",
    [
        iter(["hen", None, "fox"]),
        (text for text in ["hen", None, "fox"]),
        np.array(["hen", None, "fox"], dtype=object),
        pa.array(["hen", None, "fox"]),
        pa.chunked_array([["hen"], [None, "fox"]], pa.large_string()),
        pa.array(["hen", None, "fox"]).dictionary_encode(),
        np.array(["hen", math.nan, "fox"], dtype=object),
    ],
)
def test_documents_may_come_in_anything_that_has_an_order(documents):
    """Iterators, arrays of numpy and Arrow; what is missing is not scored."""
    ranking = BM25.rank("fox", documents)

    assert [d.document for d in ranking] == ["fox", "hen", None]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_documents_may_come_in_a_series(library):
    """A column of a frame is ranked as its list is; so are columns of lists."""
    frames = pytest.importorskip(library)
    texts = frames.Series(["hen", None, "fox"])
    many = frames.Series([["hen", "fox"], ["fox"]])

    assert [d.document for d in BM25.rank("fox", texts)] == ["fox", "hen", None]
    rankings = BM25.rank_many(frames.Series(["fox", "fox"]), many)
    assert [[d.document for d in r] for r in rankings] == [["fox", "hen"], ["fox"]]


def test_an_arrow_array_of_bytes_that_are_no_text_is_told():
    """The message names neither the text nor its bytes."""
    wrong = pa.array([b"ok", b"\xff\xfe"]).view(pa.string())

    with pytest.raises(resift.InputError, match="not valid UTF-8") as caught:
        BM25.rank("fox", wrong)

    assert caught.value.__cause__ is None
