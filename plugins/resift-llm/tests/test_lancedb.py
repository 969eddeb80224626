from __future__ import annotations

import pytest

lancedb = pytest.importorskip("lancedb")

import resift.lancedb  # noqa: E402


def test_a_hybrid_search_is_reranked(server, tmp_path, query, documents):
    """`llm` stands in for LanceDB's `OpenaiReranker` in a real hybrid query."""
    table = lancedb.connect(tmp_path).create_table(
        "texts",
        [
            {"text": text, "vector": [float(i), 1.0]}
            for i, text in enumerate([*documents, "Rain is expected."])
        ],
    )
    table.create_index("text", config=lancedb.index.FTS())
    reranker = resift.lancedb.load("llm", base_url=server.base_url, model="m")
    search = table.search(query_type="hybrid").vector([1.0, 1.0]).text(query)

    got = search.limit(4).rerank(reranker).to_arrow()
    reranker.reranker.close()
    assert got["text"].to_pylist()[:2] == [documents[2], documents[0]]
    assert got["_relevance_score"].to_pylist() == [4.0, 3.0, 2.0, 1.0]
