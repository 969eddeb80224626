"""Weights of legs: in a search, in the adapter, and on the reranker itself."""

from __future__ import annotations

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS
from lancedb.rerankers import MRRReranker

import resift
import resift.lancedb
from resift.errors import InputError
from resift.notes import notes_of

NEAR = [1.0, 0.0]


def hybrid(table, reranker):
    query = table.search(query_type="hybrid").vector(NEAR).text("apple").limit(8)
    return query.rerank(reranker).to_arrow()


@pytest.mark.parametrize(
    "weights", [{"vector": 1, "fts": 9}, {"vector": 1, "text": 9}, [1, 9], (1, 9)]
)
def test_a_hybrid_query_weighs_its_legs(table, weights):
    """By name or by position; `"text"` means `"fts"`."""
    plain = hybrid(table, resift.lancedb.load("rrf"))
    weighed = hybrid(table, resift.lancedb.load("rrf", weights=weights))

    assert plain["id"].to_pylist()[:3] == [1, 7, 0]
    expected = [1 / 62 + 9 / 61, 1 / 68 + 9 / 62, 1 / 61]
    np.testing.assert_allclose(
        weighed["_relevance_score"].to_numpy()[:3], expected, rtol=1e-6
    )


def test_a_weighted_mrr_migrates(table):
    """`rrf` with k = 0 and MRRReranker's weights gives its order and its scores."""
    weights = {"vector": 0.7, "fts": 0.3}
    theirs = hybrid(table, MRRReranker(weight_vector=0.7, weight_fts=0.3))
    ours = hybrid(table, resift.lancedb.load("rrf", k=0, weights=weights))

    assert ours["id"].equals(theirs["id"])
    np.testing.assert_allclose(
        ours["_relevance_score"].to_numpy(), theirs["_relevance_score"].to_numpy()
    )


def test_a_search_weighs_kinds_of_legs(table, tmp_path, rows):
    """A name that is not a column is a kind: every vector leg, every full-text leg."""
    wide = rows.append_column("other", rows["vector"])
    searched = lancedb.connect(tmp_path).create_table("wide", wide)
    searched.create_index("text", config=FTS())
    options = {"vectors": {"vector": NEAR, "other": NEAR}, "limit": 8}

    by_kind = resift.lancedb.search(
        searched, "apple", weights={"fts": 5, "other": 0.5, "vector": 2}, **options
    )
    in_order = resift.lancedb.search(searched, "apple", weights=[2, 0.5, 5], **options)

    assert by_kind.equals(in_order)


def test_the_weights_of_an_adapter_count_in_a_search(table):
    """A search by an adapter weighs as the adapter does, unless the call says."""
    reranker = resift.lancedb.load("rrf", weights={"vector": 0, "text": 1})

    page = resift.lancedb.search(table, "apple", vectors=NEAR, reranker=reranker)
    called = resift.lancedb.search(
        table, "apple", vectors=NEAR, reranker=reranker, weights=[1, 0]
    )
    alone = resift.lancedb.search(
        table, "", vectors=NEAR, reranker=reranker, limit=3, fts=False
    )

    assert page["id"].to_pylist()[:2] == [1, 7]
    assert called["id"].to_pylist()[:3] == [0, 1, 2]
    assert alone["id"].to_pylist() == [0, 1, 2]


def test_a_weight_for_no_leg_is_noted(table):
    """What a reranker weighs, and the table does not have, is said."""
    reranker = resift.load("rrf", weights={"title": 2, "text": 3})

    page = resift.lancedb.search(table, "apple", vectors=NEAR, reranker=reranker)

    assert notes_of(page) == [
        "search: the reranker has a weight for 'title', which is not a leg. Legs: "
        "'vector', 'text'"
    ]


def test_several_vector_searches_are_weighed_by_position(table):
    """`rerank_multivector` takes one weight per result; names weigh the kind."""
    searches = [
        table.search(vector).with_row_id(True).limit(8).to_arrow()
        for vector in (NEAR, [0.0, 1.0])
    ]
    first = resift.lancedb.load("rrf", weights=[1, 0]).rerank_multivector(searches)
    even = resift.lancedb.load("rrf", weights={"vector": 1, "fts": 3})
    plain = resift.lancedb.load("rrf")

    assert first["id"].to_pylist() == list(range(8))
    assert even.rerank_multivector(searches).equals(plain.rerank_multivector(searches))
    with pytest.raises(InputError, match="one value per list"):
        resift.lancedb.load("rrf", weights=[1, 2, 3]).rerank_multivector(searches)


def test_a_single_list_has_nothing_to_be_weighed_against(table):
    """Weights change no score of a vector search or a full-text search."""
    plain = resift.lancedb.load("rrf")

    def vector(reranker):
        return table.search(NEAR).rerank(reranker, query_string="x").to_arrow()

    for weights in ([2, 5], {"vector": 3, "fts": 2}):
        weighed = resift.load("rrf", config=None, weights=weights)
        assert vector(resift.lancedb.load(weighed)).equals(vector(plain))


def test_weights_of_the_config_count_in_both(table, tmp_path, monkeypatch):
    """One table of the config weighs LanceDB's own queries and a search alike."""
    config = tmp_path / "resift.toml"
    config.write_text(
        '[rerankers.mine]\nuse = "rrf"\nweights = { vector = 1, text = 9 }\n'
    )
    monkeypatch.setenv("RESIFT_CONFIG", str(config))

    by_query = hybrid(table, resift.lancedb.load("mine"))
    page = resift.lancedb.search(table, "apple", vectors=NEAR, reranker="mine")
    expected = hybrid(table, resift.lancedb.load("rrf", weights=[1, 9]))

    assert by_query.equals(expected)
    assert page["_relevance_score"].equals(expected["_relevance_score"])


def test_a_weight_for_no_leg_of_a_query_is_refused():
    """LanceDB's queries have two legs, and no others can be weighed."""
    with pytest.raises(InputError) as error:
        resift.lancedb.load("rrf", weights={"body": 2})

    assert str(error.value).endswith(
        ": weights names 'body', which is not a leg of LanceDB's queries. Legs: "
        "'vector', 'fts'."
    )


def test_the_sum_of_the_legs_is_the_union(table):
    """Weighing loses no row."""
    page = resift.lancedb.search(table, "apple", vectors=NEAR, weights={"text": 3})

    assert sorted(page["id"].to_pylist()) == list(range(8))
    assert pa.types.is_float32(page["_relevance_score"].type)
