"""`mmr`: where relevance and vectors come from, and what is done about gaps."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift.errors import InputError, OptionsError

TEXTS = ["red fox", "a red fox", "red car", "blue whale"]
VECTORS = [[1.0, 0.0, 0.0], [0.99, 0.14, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def table(vectors: object = None, **columns: object) -> pa.Table:
    vectors = (
        pa.array(VECTORS, pa.list_(pa.float32(), 3)) if vectors is None else vectors
    )
    return pa.table(
        {"_rowid": [1, 2, 3, 4], "text": TEXTS, "vector": vectors, **columns}
    )


def mmr(**options: object) -> resift.Reranker:
    return resift.load("mmr", config=None, **options)


def ids(ranked: pa.Table) -> list[int]:
    return ranked["_rowid"].to_pylist()


def test_a_near_twin_makes_way() -> None:
    """The results' own order is the relevance where there is nothing better."""
    ranked = mmr(trade_off=0.5).rerank("fox", table())

    assert ids(ranked) == [1, 3, 4, 2]
    scores = ranked["_relevance_score"].to_pylist()
    assert scores == sorted(scores, reverse=True)


def test_the_scores_of_the_results_are_the_relevance() -> None:
    """Merged scores count, stretched to 0..1: with `relative` those of retrieval."""
    results = table(_score=pa.array([10.0, 9.9, 1.0, 9.0]))

    ranked = mmr(trade_off=0.6, merge="relative").rerank("fox", results)

    assert ids(ranked) == [1, 4, 2, 3]


def test_a_reranker_may_say_what_is_relevant() -> None:
    """Its columns and notes come along, its scores as evidence."""

    class Last:
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> resift.Scores:
            n = len(documents)
            return resift.Scores(np.arange(float(n)), {"place": list(range(n))}, ["hm"])

    reranker = mmr(reranker=Last(), trade_off=0.5)

    ranked = reranker.rerank("fox", table(), explain=True)

    assert ids(ranked) == [4, 3, 2, 1]
    assert ranked["place"].to_pylist() == [3, 2, 1, 0]
    assert ranked["_relevance"].to_pylist() == [3.0, 2.0, 1.0, 0.0]
    assert ranked.schema.metadata[b"resift.notes"] == b'["hm"]'
    assert reranker.columns == ("vector",)
    assert reranker.needs_text


def test_rows_of_equal_text_keep_their_vectors() -> None:
    """Around a reranker that reads every column, too: texts alone tell too little."""

    class Reading:
        @resift.hookimpl
        def score(self, documents: Sequence[str], candidates: pa.Table) -> list[float]:
            return candidates["boost"].to_pylist()

    results = table(boost=pa.array([4.0, 3.0, 2.0, 1.0]))
    results = results.set_column(1, "text", pa.array(["same"] * 4))
    ranked = mmr(reranker=Reading(), trade_off=0.5).rerank("q", results)

    assert ids(ranked) == [1, 3, 4, 2]


def test_the_vectors_of_the_reranker() -> None:
    """A reranker that compares vectors needs no column."""

    class Embedding:
        @resift.hookimpl
        def score(self, documents: Sequence[str]) -> list[float]:
            return [0.0] * len(documents)

        def embed(
            self, query: str, documents: Sequence[str]
        ) -> tuple[list[float], list[list[float]]]:
            return [2.0, 1.0, 0.1], [VECTORS[TEXTS.index(d)] for d in documents]

    reranker = mmr(reranker=Embedding(), embeddings="", trade_off=0.5)

    assert [d.index for d in reranker.rank("fox", TEXTS)] == [1, 2, 3, 0]
    assert reranker.columns == ()


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float16(), 3),
        pa.list_(pa.float64(), 3),
        pa.list_(pa.float32()),
        pa.large_list(pa.float64()),
    ],
)
def test_vectors_of_every_type(kind: pa.DataType) -> None:
    """Fixed or not, in any precision, also in a slice of a table."""
    results = table(pa.array(VECTORS, pa.list_(pa.float32(), 3)).cast(kind))

    assert ids(mmr(trade_off=0.5).rerank("fox", results)) == [1, 3, 4, 2]
    assert ids(mmr(trade_off=0.5).rerank("fox", results.slice(1))) == [2, 3, 4]


def test_mappings_are_ranked_too() -> None:
    """Vectors may stand in the documents themselves."""
    rows = [
        {"text": text, "vector": vector}
        for text, vector in zip(TEXTS, VECTORS, strict=True)
    ]

    assert [d.index for d in mmr(trade_off=0.5).rank("fox", rows)] == [0, 2, 3, 1]


def test_a_document_without_a_vector_counts_by_relevance_and_is_noted() -> None:
    """Null, zero and not finite vectors are like no other."""
    vectors = pa.array(
        [VECTORS[0], None, [0.0, 0.0, 0.0], [np.nan, 1.0, 0.0]],
        pa.list_(pa.float32(), 3),
    )

    ranked = mmr(trade_off=0.5).rerank("fox", table(vectors))

    assert ids(ranked) == [1, 2, 3, 4]
    assert ranked.schema.metadata[b"resift.notes"] == (
        b'["mmr: 3 of 4 documents have no vector"]'
    )


def test_only_nulls_are_no_reason_to_fail() -> None:
    """Without any vector the order stays."""
    vectors = pa.nulls(4, pa.list_(pa.float32(), 3))

    assert ids(mmr().rerank("fox", table(vectors))) == [1, 2, 3, 4]


def test_what_is_not_scored_follows_behind() -> None:
    """In the order of the reranker inside."""
    inner = resift.load(
        "cascade", config=None, stages=["bm25", {"use": "bm25"}], keep=[2]
    )

    ranked = mmr(reranker=inner, trade_off=0.1).rerank("red fox", table())

    assert ids(ranked)[:2] == [1, 2]
    assert ranked["_relevance_score"].null_count == 2


def test_top_k_changes_nothing_about_the_first() -> None:
    """Fewer are chosen, the same ones; the others are not scored."""
    reranker = mmr(trade_off=0.5)

    few = reranker.score("fox", TEXTS, table(), top_k=2)

    assert ids(reranker.rerank("fox", table(), top_k=2)) == [1, 3]
    assert few.ranking().tolist() == [0, 2, 1, 3]
    assert np.isnan(few.values).tolist() == [False, True, False, True]


def test_one_document_and_none() -> None:
    """The edges need no care."""
    assert ids(mmr().rerank("fox", table().slice(0, 1))) == [1]
    assert ids(mmr().rerank("fox", table().slice(0, 0))) == []


def test_a_missing_column_is_named() -> None:
    """The message says what there is, and what to do."""
    with pytest.raises(InputError) as caught:
        mmr(embeddings="embedding").rerank("fox", table())

    assert str(caught.value).startswith(
        "Reranker 'mmr' (resift-mmr 0.1.0) needs the column 'embedding', which the "
        "results do not have."
    )


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (
            pa.array(["a", "b", "c", "d"]),
            "mmr: the column 'vector' must hold vectors of floats, got string.",
        ),
        (
            pa.array([[1.0], [1.0, 2.0], [1.0], None]),
            "mmr: the vectors in the column 'vector' must be of one length, got "
            "lengths from 1 to 2.",
        ),
    ],
)
def test_a_column_without_vectors_is_refused(vectors: pa.Array, message: str) -> None:
    """The message says what it holds instead."""
    with pytest.raises(InputError) as caught:
        mmr().rerank("fox", table(vectors))

    assert str(caught.value) == message


def test_it_is_configured_in_toml(tmp_path: Path) -> None:
    """Options as in code."""
    file = tmp_path / "resift.toml"
    file.write_text(
        "[rerankers.varied]\n"
        'use = "mmr"\n'
        'options = { embeddings = "vector", trade_off = 0.5, reranker = "bm25" }\n'
    )

    assert ids(resift.load("varied", config=file).rerank("fox", table()))[0] == 1


def test_it_pickles() -> None:
    """By name, and as a plain instance."""
    by_name = mmr(trade_off=0.5, reranker="bm25")

    for reranker in (by_name, resift.Reranker(by_name.plugin)):
        copy = pickle.loads(pickle.dumps(reranker))
        assert ids(copy.rerank("fox", table())) == ids(by_name.rerank("fox", table()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trade_off": 2}, "trade_off must be between 0 and 1, got 2.0. Use 0.7."),
        (
            {"embeddings": ""},
            "embeddings must name a column of vectors, as there is no reranker that "
            "offers its own (a method 'embed').",
        ),
        (
            {"reranker": "rrf"},
            "its rerankers must score, but 'rrf' only merges.",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object], message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(OptionsError) as caught:
        mmr(**options)

    assert str(caught.value) == f"Reranker 'mmr' (resift-mmr 0.1.0): {message}"
