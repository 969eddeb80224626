"""What LanceDB's query builders take, a search takes: for all legs, or per leg."""

from __future__ import annotations

import asyncio
import inspect

import lancedb
import lancedb.query
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS

import resift.lancedb
from resift.errors import InputError
from resift.lancedb.engine import BuilderOptions
from resift.notes import notes_of

NEAR = [1.0, 0.0]


@pytest.fixture
def long_vectors(tmp_path):
    """Return a table whose best row by cosine is the worst by distance."""
    flat = np.array([[10, 1], [0.9, 0.1], [1, 1], [0, 1]], dtype=np.float32).ravel()
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat), 2)
    rows = {"text": list("abcd"), "n": range(4), "vector": vectors, "other": vectors}
    table = lancedb.connect(tmp_path).create_table("long", pa.table(rows))
    table.create_index("text", config=FTS())
    return table


def texts(table, **options):
    """Return the texts that a search finds, sync and async alike."""
    found = resift.lancedb.search(table, "a", **options)

    async def run():
        db = await lancedb.connect_async(table.uri.rpartition("/")[0])
        opened = await db.open_table(table.name)
        return await resift.lancedb.asearch(opened, "a", **options)

    assert asyncio.run(run()).equals(found)
    return found["text"].to_pylist()


def test_the_distance_is_the_one_asked_for(long_vectors):
    """`distance_type` reaches the builder: cosine orders as LanceDB's cosine."""
    theirs = long_vectors.search(NEAR, vector_column_name="vector")
    theirs = theirs.distance_type("cosine").to_arrow()["text"].to_pylist()

    ours = texts(
        long_vectors, vectors={"vector": NEAR}, fts=False, distance_type="cosine"
    )

    assert ours == theirs == ["a", "b", "c", "d"]
    assert texts(long_vectors, vectors={"vector": NEAR}, fts=False) != theirs


def test_an_option_may_differ_per_leg(long_vectors):
    """A mapping names legs; those that it does not name keep LanceDB's default."""
    page = resift.lancedb.search(
        long_vectors,
        "a",
        vectors={"vector": NEAR, "other": NEAR},
        fts=False,
        distance_type={"other": "cosine"},
        explain=True,
    )

    ranks = dict(
        zip(page["text"].to_pylist(), page["_other_rank"].to_pylist(), strict=True)
    )
    assert ranks == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert page["_vector_rank"].to_pylist() != page["_other_rank"].to_pylist()


@pytest.mark.parametrize(
    "options",
    [
        {"nprobes": 3},
        {"minimum_nprobes": 2},
        {"maximum_nprobes": 40},
        {"refine_factor": 2},
        {"ef": 20},
        {"bypass_vector_index": True},
        {"use_lsm": False},
        {"fast_search": False},
        {"distance_range": (0.0, None)},
    ],
)
def test_every_option_runs(long_vectors, options):
    """Sync and async builders take them all."""
    found = texts(long_vectors, vectors={"vector": NEAR}, **options)

    assert sorted(found) == list("abcd")


def test_a_distance_range_leaves_rows_out(long_vectors):
    """Both bounds reach the builder."""
    found = texts(
        long_vectors, vectors={"vector": NEAR}, fts=False, distance_range=(0.5, 3.0)
    )

    assert found == ["c", "d"]


def test_fast_search_leaves_out_what_is_not_indexed(long_vectors):
    """Without a vector index there is nothing to find."""
    options = {"vectors": {"vector": NEAR}, "fts": False}

    assert texts(long_vectors, fast_search=True, **options) == []


def test_a_postfilter_filters_what_was_found(long_vectors):
    """A filter after the search finds fewer rows than one before it."""
    options = {"vectors": {"vector": NEAR}, "fts": False, "where": "n > 1"}

    assert texts(long_vectors, window=2, limit=2, **options) == ["c", "d"]
    assert texts(long_vectors, window=2, limit=2, postfilter=True, **options) == ["c"]


def test_a_phrase_query_is_for_full_text(table):
    """It reaches the full-text builder, which finds no phrase without positions."""
    page = resift.lancedb.search(table, "fox red", vectors=NEAR, fts="text")

    with pytest.raises(InputError, match=r"LanceDB refuses leg 'text': .*position"):
        resift.lancedb.search(table, "fox red", vectors=NEAR, phrase_query=True)

    assert notes_of(page) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"distance_type": "euclid"},
            "search: LanceDB refuses leg 'vector': Invalid distance type 'euclid'.  "
            "Must be one of l2, cosine, dot, or hamming",
        ),
        (
            {"nprobes": 3, "vectors": False},
            "search: nprobes is for vector legs, and none is searched.",
        ),
        (
            {"phrase_query": True, "fts": False},
            "search: phrase_query is for full-text legs, and none is searched.",
        ),
        (
            {"ef": {"text": 3}},
            "search: ef does not fit leg 'text', which does not take it.",
        ),
        (
            {"ef": {"image": 3}},
            "search: ef names 'image', which is unknown. Known: 'vector', 'text'.",
        ),
        (
            {"postfilter": True},
            "search: postfilter says when to filter. Give where, too.",
        ),
        (
            {"bypass_vector_index": 1},
            "search: bypass_vector_index must be True or False, got 1.",
        ),
        (
            {"distance_range": 0.5},
            "search: distance_range must be (lowest, highest), got 0.5.",
        ),
    ],
)
def test_what_has_no_effect_is_refused(table, options, message):
    """Also what LanceDB refuses, which is not a reason for a partial answer."""
    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", **{"vectors": NEAR, **options})

    assert str(error.value) == message


def test_what_an_older_lancedb_lacks_is_refused(table, monkeypatch):
    """An option that no builder of the installed LanceDB has is not one for a leg."""
    monkeypatch.delattr(lancedb.query.LanceQueryBuilder, "use_lsm")

    with pytest.raises(InputError) as error:
        resift.lancedb.search(table, "apple", vectors=NEAR, use_lsm=False)

    assert str(error.value) == (
        f"search: the installed LanceDB, {lancedb.__version__}, does not take use_lsm. "
        "Upgrade it, or leave the argument out."
    )


def test_an_unknown_option_is_no_option(table):
    """A misspelt one is Python's own error."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'nprobe'"):
        resift.lancedb.search(table, "apple", nprobe=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nprobe'"):
        asyncio.run(resift.lancedb.asearch(table, "apple", nprobe=3))


def test_no_option_of_the_builders_is_forgotten():
    """Each setter is an option here, an argument of the search, or not for a search."""
    arguments = {"limit", "offset", "rerank", "select", "text", "vector", "where"}
    automatic = {"create", "with_row_id"}
    synonyms = {"metric"}
    not_for_a_ranking = {
        "fragment_ids",
        "order_by",
        "with_fragments",
        "with_row_address",
    }
    builders = lancedb.query.LanceVectorQueryBuilder, lancedb.query.LanceFtsQueryBuilder
    setters = {
        name
        for builder in builders
        for name, method in inspect.getmembers(builder, callable)
        if not name.startswith(("_", "to_"))
    }

    results = {"analyze_plan", "explain_plan", "output_schema"}
    others = arguments | automatic | synonyms | not_for_a_ranking | results
    assert setters - others == BuilderOptions.__annotations__.keys() - {"postfilter"}


def test_the_signature_names_every_option():
    """What an editor and `help` show is what may be given."""
    import inspect

    parameters = inspect.signature(resift.lancedb.search).parameters

    assert set(BuilderOptions.__annotations__) <= set(parameters)
    assert "builder" not in parameters
