"""A degraded answer says so where people look: log, frames, metadata, a column."""

from __future__ import annotations

import asyncio
import logging

import lancedb
import pytest
from lancedb.index import FTS

import resift
import resift.lancedb
from embedding import embed_by
from resift.errors import BackendTimeoutError, ServerError
from resift.lancedb import incidents
from resift.notes import is_degraded, notes_of

NEAR = [1.0, 0.0]


class Vendor:
    """A server that is down until it is mended."""

    def __init__(self) -> None:
        self.is_down = True

    @resift.hookimpl
    def score(self, documents):
        if self.is_down:
            msg = "vendor: 503 overloaded"
            raise ServerError(msg)
        return [float(len(text)) for text in documents]


@pytest.fixture(autouse=True)
def _calm():
    """Start without an incident, and leave none."""
    incidents._ongoing.clear()
    yield
    incidents._ongoing.clear()


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def reranker(vendor):
    """Return a fallback to nothing behind a vendor that is down."""
    vendors = [resift.Reranker(vendor, name="vendor")]
    fallback = resift.load("fallback", config=None, rerankers=vendors, failures=99)
    fallback.name = "safe"
    return fallback


QUERIES = {
    "vector": lambda t, r: t.search(NEAR).limit(3).rerank(r, query_string="apple"),
    "fts": lambda t, r: t.search("apple", query_type="fts").rerank(r),
    "hybrid": lambda t, r: (
        t.search(query_type="hybrid").vector(NEAR).text("apple").limit(3).rerank(r)
    ),
}
NOTES = [
    "fallback: vendor failed: vendor: 503 overloaded",
    "fallback: nothing is scored, the documents keep their order",
]


@pytest.mark.parametrize("kind", QUERIES)
def test_frames_carry_the_notes(table, reranker, kind):
    """`.to_pandas()` has them in `attrs`, `.to_arrow()` in the metadata."""
    query = QUERIES[kind](table, resift.lancedb.load(reranker))

    frame = query.to_pandas()
    arrow = query.to_arrow()

    assert frame.attrs == {"resift.notes": NOTES, "resift.degraded": True}
    assert notes_of(arrow) == NOTES
    assert is_degraded(arrow)
    assert list(frame["id"]) == arrow["id"].to_pylist()
    assert "_degraded" not in frame


@pytest.mark.parametrize("kind", QUERIES)
def test_a_column_says_it_where_asked_for(table, vendor, reranker, kind):
    """`degraded=True` adds `_degraded` to every row: `.to_list()` shows it."""
    query = QUERIES[kind](table, resift.lancedb.load(reranker, degraded=True))

    down = query.to_list()
    vendor.is_down = False
    up = query.to_list()

    assert [row["_degraded"] for row in down] == [True] * len(down)
    assert [row["_degraded"] for row in up] == [False] * len(up)


def test_an_incident_is_logged_once(table, vendor, reranker, caplog):
    """One warning when it begins, one line when it is over, and again the next time."""
    caplog.set_level(logging.INFO, "resift")
    adapter = resift.lancedb.load(reranker)

    def ask(times):
        for _ in range(times):
            QUERIES["fts"](table, adapter).to_list()

    ask(3)
    vendor.is_down = False
    ask(2)
    vendor.is_down = True
    ask(1)

    began = f"{reranker.who} in LanceDB is degraded: {'; '.join(NOTES)}"
    over = f"{reranker.who} in LanceDB is whole again"
    assert [(r.name, r.levelname, r.message) for r in caplog.records] == [
        ("resift", "WARNING", began),
        ("resift", "INFO", over),
        ("resift", "WARNING", began),
    ]


def test_a_search_says_it_in_the_same_places(table, reranker, caplog):
    """Metadata, frames, the column and the log, for a search by a degraded reranker."""
    page = resift.lancedb.search(
        table, "apple", vectors=NEAR, reranker=reranker, degraded=True
    )
    explained = resift.lancedb.search(
        table, "apple", vectors=NEAR, reranker=reranker, degraded=True, explain=True
    )

    assert page.to_pandas().attrs == {"resift.notes": NOTES, "resift.degraded": True}
    assert page["_degraded"].to_pylist() == [True] * 8
    assert explained["_degraded"].to_pylist() == [True] * 8
    assert [record.message for record in caplog.records] == [
        f"search: reranker 'safe' is degraded: {'; '.join(NOTES)}"
    ]


def test_a_whole_answer_says_nothing(table, caplog):
    """No metadata, no attribute, no line, and false in the column."""
    page = resift.lancedb.search(table, "apple", vectors=NEAR, degraded=True)

    assert page["_degraded"].to_pylist() == [False] * 8
    assert page.to_pandas().attrs == {}
    assert not caplog.records


def test_a_lost_leg_is_an_incident(embedding_table, monkeypatch, caplog):
    """It is logged once, without the words of a foreign error, which may hold a key."""
    embedding_table.create_index("text", config=FTS())

    def fail(self, query, *args, **kwargs):
        msg = "key sk-123 is refused"
        raise RuntimeError(msg)

    embed_by(monkeypatch, fail)

    pages = [
        resift.lancedb.search(embedding_table, "apple", degraded=True) for _ in "ab"
    ]

    assert pages[1]["_degraded"].to_pylist() == [True, True]
    assert [record.message for record in caplog.records] == [
        "search: leg 'vector' of table 'embedded' is degraded: it failed"
    ]


@pytest.mark.parametrize("is_async", [True, False])
def test_all_legs_timing_out_is_a_timeout(embedding_table, monkeypatch, is_async):
    """A caller that retries on timeouts sees one, sync and async."""

    def late(self, query, *args, **kwargs):
        msg = "no answer"
        raise TimeoutError(msg)

    embed_by(monkeypatch, late)

    async def run():
        db = await lancedb.connect_async(embedding_table.uri.rpartition("/")[0])
        opened = await db.open_table(embedding_table.name)
        await resift.lancedb.asearch(opened, "apple")

    def ask():
        if is_async:
            return asyncio.run(run())
        return resift.lancedb.search(embedding_table, "apple")

    with pytest.raises(BackendTimeoutError) as error:
        ask()

    assert str(error.value) == (
        "No leg of the search gave a result: leg 'vector' timed out (TimeoutError: no "
        "answer)."
    )


def test_a_stored_column_of_that_name_is_not_replaced(tmp_path, rows, reranker):
    """`degraded=True` refuses to overwrite what the table itself calls so."""
    saved = rows.append_column("_degraded", rows["id"])
    table = lancedb.connect(tmp_path).create_table("saved", saved)

    with pytest.raises(resift.InputError) as error:
        resift.lancedb.search(table, "", vectors=NEAR, degraded=True)

    assert str(error.value) == (
        "degraded=True adds a column '_degraded', which the results already have."
    )
