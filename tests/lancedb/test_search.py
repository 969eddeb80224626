"""`resift.lancedb.search`: legs, windows, pages, columns, failures."""

from __future__ import annotations

import asyncio
import json
import time

import lancedb
import pyarrow as pa
import pytest
from lancedb.index import FTS

import resift
import resift.lancedb
from embedding import embed_by
from resift.errors import BackendError, InputError
from resift.lancedb.given import given
from resift.notes import notes_of

VECTOR = [1.0, 0.0]


def test_a_search_merges_all_legs(table):
    """Every leg counts, each with raw scores."""
    page = resift.lancedb.search(table, "apple", vectors=VECTOR, limit=3, explain=True)

    assert page["id"].to_pylist() == [1, 7, 0]
    assert page["_vector_rank"].to_pylist() == [2, 8, 1]
    assert page["_text_rank"].to_pylist() == [1, 2, None]
    assert page["_text_score"][0].as_py() > 1


def test_it_returns_all_columns_but_vectors(table):
    """Without `select` every payload column comes back, in the table's order."""
    page = resift.lancedb.search(table, "apple", vectors=VECTOR)

    assert page.column_names == ["id", "text", "kind", "_relevance_score"]
    assert page.schema.field("id").type == pa.int32()


def test_vectors_come_when_asked_for(table, rows):
    """Selected vector columns are aligned with their rows."""
    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, select=["vector", "id"], limit=4
    )

    assert page.column_names == ["vector", "id", "_relevance_score"]
    expected = rows.take(pa.array(page["id"]))["vector"]
    assert page["vector"].to_pylist() == expected.to_pylist()


def test_a_row_that_vanished_meanwhile_stays(table, monkeypatch):
    """A row whose vector cannot be taken any more stays, with null and a note."""
    take = type(table).take_row_ids

    def without_first(self, ids):
        return take(self, ids[1:])

    monkeypatch.setattr(type(table), "take_row_ids", without_first)

    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, select=["vector", "id"], limit=4
    )

    assert len(page) == 4
    assert page["vector"].null_count == 1
    assert notes_of(page) == [
        "search: 1 rows moved while their vectors were read; their vector is null"
    ]


def test_row_ids_come_when_asked_for(table):
    """`_rowid` is a column like any other, shown only when selected."""
    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, select=["_rowid", "id"], limit=2
    )

    assert page.column_names == ["_rowid", "id", "_relevance_score"]
    assert page.schema.field("_rowid").type == pa.uint64()


@pytest.mark.parametrize("reranker", ["rrf", "dbsf", "bm25"])
def test_pages_tile(table, reranker):
    """Pages of any size, one after another, are the whole result: no row twice."""

    def page(limit, offset):
        return resift.lancedb.search(
            table,
            "red fox",
            vectors=VECTOR,
            reranker=reranker,
            limit=limit,
            offset=offset,
            window=8,
        )

    whole = page(8, 0)

    assert len(whole) == 8
    for size in (1, 2, 3, 5):
        pages = [page(min(size, 8 - at), at) for at in range(0, 8, size)]
        assert pa.concat_tables(pages).equals(whole)


def test_only_the_window_is_scored(table, longest):
    """The best of the union are scored, and no more texts are sent."""
    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, reranker=resift.Reranker(longest), window=3,
        limit=3,
    )  # fmt: skip

    assert [len(texts) for texts in longest.sent] == [3]
    assert page["_relevance_score"].null_count == 0


def test_a_page_beyond_the_window_is_refused(table):
    """An offset that the window does not reach is an error that names `window`."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", limit=10, offset=95)

    assert str(error.value) == (
        "search: offset + limit (95 + 10) must not go beyond window (100). Raise "
        "window, and keep it the same for all pages."
    )


def test_a_column_that_is_not_there_stops_the_search_early(table):
    """A text column that the table does not have is an error of the reranker."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", reranker="bm25", text="body")

    assert str(error.value) == (
        "Reranker 'bm25' (resift 0.1.0): the results have no text column 'body'. "
        "Columns: 'id', 'text', 'kind', '_score', '_rowid'. Name the right one with "
        "text=..., and select it in the search."
    )


def test_the_embedding_function_makes_the_query_vector(embedding_table):
    """A table with an embedding function is searched by text alone."""
    page = resift.lancedb.search(embedding_table, "anything", limit=2, explain=True)

    assert page["id"].to_pylist() == [0, 1]
    assert "_vector_rank" in page.column_names


def test_an_unregistered_embedding_function_hurts_only_its_leg(tmp_path, rows):
    """A table whose function is not registered here is searched by what is given."""
    entry = {"name": "nobody", "source_column": "text", "vector_column": "vector"}
    functions = json.dumps([{**entry, "model": {}}]).encode()
    schema = rows.schema.with_metadata({b"embedding_functions": functions})
    table = lancedb.connect(tmp_path).create_table("odd", rows.cast(schema))
    table.create_index("text", config=FTS())

    page = resift.lancedb.search(table, "apple", vectors=VECTOR)
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple")

    assert len(page) == 8
    assert str(error.value) == (
        "search: the table's embedding function 'nobody' is not registered here. "
        "Import the module that registers it, or give the vectors: vectors={column: "
        "vector}, or vectors=False for none."
    )


def test_filters_apply_before_the_search(table):
    """`where` restricts every leg."""
    page = resift.lancedb.search(table, "apple", vectors=VECTOR, where="id > 4")

    assert sorted(page["id"].to_pylist()) == [5, 6, 7]


def test_weights_shift_the_merge(table):
    """A leg of weight 0 does not count."""
    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, weights={"text": 0, "vector": 1}, limit=3
    )

    assert page["id"].to_pylist() == [0, 1, 2]


def test_several_vectors_of_one_search(table, tmp_path, rows):
    """Any number of vector legs merge with the text leg."""
    second = rows.append_column("other", rows["vector"].combine_chunks()[::-1])
    wide = lancedb.connect(tmp_path).create_table("wide", second)
    wide.create_index("text", config=FTS())

    page = resift.lancedb.search(
        wide, "tea", vectors={"vector": VECTOR, "other": VECTOR}, explain=True
    )

    assert len(page) == 8
    assert {"_vector_rank", "_other_rank", "_text_rank"} <= set(page.column_names)


def test_declared_vector_columns_reach_the_reranker(table):
    """A reranker that reads a vector column gets it, and it is not shown unasked."""

    class Nearest:
        columns = ("vector",)
        needs_text = False

        @resift.hookimpl
        def score(self, query, documents, candidates):
            return [vector[1] for vector in candidates["vector"].to_pylist()]

    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, reranker=Nearest(), limit=2
    )

    assert page["id"].to_pylist() == [7, 6]
    assert page.column_names == ["id", "text", "kind", "_relevance_score"]


def test_a_failing_leg_gives_a_partial_answer(embedding_table, monkeypatch):
    """One leg fails: the others answer, and the result says so."""
    embedding_table.create_index("text", config=FTS())

    def fail(self, query, *args, **kwargs):
        msg = "no model"
        raise RuntimeError(msg)

    embed_by(monkeypatch, fail)

    page = resift.lancedb.search(embedding_table, "apple")

    assert page["id"].to_pylist() == [1, 7]
    assert notes_of(page) == [
        "search: leg 'vector' failed (RuntimeError: no model); the answer is partial"
    ]


def test_a_filter_that_cannot_be_read_is_the_requests_fault(table):
    """What every leg is refused for is an input error, said once."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", vectors=VECTOR, where="knd = 'a'")

    assert str(error.value).startswith("search: LanceDB refuses it: ")
    assert "knd" in str(error.value)
    assert "partial" not in str(error.value)


def test_all_legs_failing_is_an_error(embedding_table, monkeypatch):
    """Nothing found by anybody is an error that chains the first failure."""

    def fail(self, query, *args, **kwargs):
        msg = "no model"
        raise RuntimeError(msg)

    embed_by(monkeypatch, fail)

    with pytest.raises(BackendError) as error:
        resift.lancedb.search(embedding_table, "apple")

    assert str(error.value) == (
        "No leg of the search gave a result: leg 'vector' failed (RuntimeError: no "
        "model)."
    )
    assert isinstance(error.value.__cause__, RuntimeError)


def test_a_name_is_built_once_per_config(table, tmp_path, monkeypatch):
    """Searching by name again uses the reranker that is there; a new config builds."""
    config = tmp_path / "resift.toml"
    config.write_text('[rerankers.mine]\nuse = "bm25"\n')
    monkeypatch.setenv("RESIFT_CONFIG", str(config))

    first = given("mine").reranker
    again = given("mine").reranker
    config.write_text('[rerankers.mine]\nuse = "rrf"\n')
    changed = given("mine").reranker

    assert first is again
    assert changed is not first
    assert not changed.can_score


def test_asearch_equals_search(tmp_path, rows, table):
    """An async table gives the same page, vectors and all."""
    expected = resift.lancedb.search(
        table, "apple", vectors=VECTOR, select=["id", "vector"], limit=4, explain=True
    )

    async def run():
        db = await lancedb.connect_async(tmp_path)
        opened = await db.open_table("rows")
        return await resift.lancedb.asearch(
            opened,
            "apple",
            vectors=VECTOR,
            select=["id", "vector"],
            limit=4,
            explain=True,
        )

    assert asyncio.run(run()).equals(expected)


def test_asearch_takes_a_sync_table(table):
    """A sync table is searched in a thread."""
    page = asyncio.run(resift.lancedb.asearch(table, "apple", limit=2))

    assert page["id"].to_pylist() == [1, 7]


def test_asearch_never_blocks_the_loop(table):
    """The event loop ticks while a slow reranker scores."""

    def slow(query, documents):
        time.sleep(0.4)
        return [0.0] * len(documents)

    async def run():
        ticks = 0
        search = asyncio.create_task(
            resift.lancedb.asearch(table, "apple", reranker=slow)
        )
        while not search.done():
            await asyncio.sleep(0.02)
            ticks += 1
        return ticks

    assert asyncio.run(run()) >= 8


def test_an_empty_table_answers_with_no_rows(tmp_path, rows):
    """Nothing found is an empty table with the column."""
    empty = lancedb.connect(tmp_path).create_table("empty", rows.slice(0, 0))

    page = resift.lancedb.search(empty, "apple", vectors=VECTOR, reranker="bm25")

    assert len(page) == 0
    assert page.column_names == ["id", "text", "kind", "_relevance_score"]


def test_a_configured_window_counts(table, longest):
    """A reranker that was told to score few documents scores few in a search, too."""
    reranker = resift.Reranker(longest, window=2)

    page = resift.lancedb.search(table, "apple", vectors=VECTOR, reranker=reranker)

    assert [len(texts) for texts in longest.sent] == [2]
    assert len(page) == 8


def test_an_empty_page_has_the_columns_that_were_asked_for(table):
    """Selected vectors are a column of the right type even where no row is found."""
    page = resift.lancedb.search(
        table, "apple", vectors=VECTOR, select=["id", "vector"], where="id > 99"
    )

    assert page.num_rows == 0
    assert page.schema.field("vector").type == table.schema.field("vector").type


def test_true_means_the_default(table):
    """True asks for the legs that there are by default."""
    page = resift.lancedb.search(table, "apple", fts=True)

    assert page["id"].to_pylist() == [1, 7]


def test_weights_must_not_all_be_0(table):
    """Weights that count nothing are an error, as they are in a merge."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", weights=[0])

    assert str(error.value) == (
        "search: weights must be finite, not negative and not all 0, got [0.0]."
    )


def test_a_changed_option_is_a_changed_config(table, tmp_path, monkeypatch):
    """A reranker is built anew when only an option of it changed."""
    config = tmp_path / "resift.toml"
    monkeypatch.setenv("RESIFT_CONFIG", str(config))
    scores = []
    for k in (60, 0):
        config.write_text(f'[rerankers.mine]\nuse = "rrf"\noptions = {{ k = {k} }}\n')
        page = resift.lancedb.search(table, "apple", reranker="mine")
        scores.append(page["_relevance_score"][0].as_py())

    assert scores == pytest.approx([1 / 61, 1.0])


def test_only_what_is_probably_relevant_comes(table):
    """`min_score` is an argument of the search, too, and pages stay what they are."""

    class Chance:
        score_kind = "probability"

        @resift.hookimpl
        def score(self, documents):
            return [0.9 if "red" in text else 0.2 for text in documents]

    options = {"reranker": resift.Reranker(Chance()), "vectors": VECTOR}

    pages = [
        resift.lancedb.search(
            table, "apple", min_score=0.5, limit=2, offset=offset, **options
        )["id"].to_pylist()
        for offset in (0, 2)
    ]

    assert sorted(pages[0] + pages[1]) == [0, 1, 5]


def test_a_merger_gives_no_probabilities(table):
    """Where fused scores are compared with a threshold, nothing would mean anything."""
    with pytest.raises(InputError, match="min_score needs scores that are probabil"):
        resift.lancedb.search(table, "apple", min_score=0.5)


class Told:
    """Score by the words that a document shares with the instruction."""

    def __init__(self):
        self.heard = []

    @resift.hookimpl
    def score(self, documents, instruction):
        self.heard.append(instruction)
        words = set((instruction or "").split())
        return [float(len(words & set(text.split()))) for text in documents]


def test_an_instruction_reaches_the_reranker(table):
    """That of the search, else the reranker's own; so in LanceDB's own builder."""
    told = Told()
    reranker = resift.Reranker(told, instruction="banana")

    resift.lancedb.search(table, "apple", reranker=reranker, instruction="cherry")
    resift.lancedb.search(table, "apple", reranker=reranker)
    table.search("apple", query_type="fts").rerank(
        resift.lancedb.load(reranker)
    ).to_list()

    assert told.heard == ["cherry", "banana", "banana"]


def test_an_instruction_that_nothing_reads_is_refused(table):
    """Words without an effect are an error, not a degraded answer."""
    with pytest.raises(InputError, match="does not read an instruction"):
        resift.lancedb.search(table, "apple", reranker="bm25", instruction="cherry")
