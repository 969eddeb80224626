from __future__ import annotations

import gc
import threading

import pyarrow as pa
import pytest

import resift


@pytest.fixture
def server(serve):
    """A server with Voyage's dialect."""
    return serve("voyage")


@pytest.fixture
def reranker(server, key):
    """A reranker that talks to it."""
    with resift.load("voyage", base_url=server.url, api_key=key) as reranker:
        yield reranker


def test_strings_are_ranked(reranker, query, documents):
    """The best document comes first, with its score and its place in the input."""
    ranked = reranker.rank(query, documents)

    assert [(d.index, d.rank) for d in ranked] == [(0, 1), (2, 2), (1, 3)]
    assert [d.score for d in ranked] == pytest.approx([1.0, 2 / 3, 0.0])


def test_result_tables_are_reranked(reranker, query, documents):
    """A vector leg and a full-text leg become one table, null where not scored."""
    vector = pa.table(
        {
            "_rowid": pa.array([1, 2], pa.uint64()),
            "text": documents[:2],
            "_distance": pa.array([0.1, 0.2], pa.float32()),
        }
    )
    full_text = pa.table(
        {
            "_rowid": pa.array([3, 1], pa.uint64()),
            "text": [documents[2], documents[0]],
            "_score": pa.array([7.0, 5.0], pa.float32()),
        }
    )
    table = reranker.rerank(query, vector, full_text)

    assert table["_rowid"].to_pylist() == [1, 3, 2]
    assert table["_relevance_score"].to_pylist() == pytest.approx([1.0, 2 / 3, 0.0])


def test_null_and_blank_texts_are_not_sent(server, reranker, query):
    """They would be refused, or scored for nothing."""
    table = pa.table({"text": ["Paris, capital of France", None, " "]})
    got = reranker.rerank(query, table, id=None)

    assert server.requests[0].body["documents"] == ["Paris, capital of France"]
    assert got["_relevance_score"].to_pylist() == [1.0, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "狐は雪の中で狩りをする",
        "🦊❄️",
        "a\x00b",
        "\ud800 lone",
        '{"index": 0}',
        "é" * 5000,
    ],
)
def test_any_text_can_be_sent(server, reranker, text):
    """Texts arrive as they are; a lone surrogate, which no text has, as a mark."""
    reranker.score("q", [text])
    (sent,) = server.requests[0].body["documents"]

    assert sent == text.replace("\ud800", "\ufffd")


def test_many_threads_share_one_reranker(server, reranker, query):
    """Each thread gets the scores of its own documents."""
    failures = []

    def work(i):
        texts = [f"{word} {i}" for word in ("capital of France", "capital", "nothing")]
        got = list(reranker.score(query, texts).values)
        if got != pytest.approx([1.0, 1 / 3, 0.0]):
            failures.append(got)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(server.requests) == 16


def test_one_connection_serves_many_calls(reranker, query, documents):
    """The client is opened once."""
    client = reranker.warmup().plugin._connection.open()
    for _ in range(3):
        reranker.score(query, documents)

    assert reranker.plugin._connection.open() is client


def test_closing_twice_is_fine(server, query, documents, key):
    """`close` releases the client, and may come first, last or twice."""
    plugin = resift.load("voyage", base_url=server.url, api_key=key).plugin
    plugin.close()
    plugin.score(query, documents)
    plugin.close()
    plugin.close()

    assert not plugin._connection.is_open


def test_a_reranker_that_is_dropped_closes_its_connections(server, documents, key):
    """Nobody has to call `close` for sockets not to leak."""
    plugin = resift.load("voyage", base_url=server.url, api_key=key).plugin
    plugin.score("q", documents)
    client = plugin._connection.open()
    del plugin
    gc.collect()

    assert client.is_closed


def test_no_documents_ask_nobody(server, key):
    """Nothing in, nothing out."""
    plugin = resift.load("voyage", base_url=server.url, api_key=key).plugin

    assert len(plugin.score("q", [])) == 0
    assert server.requests == []


def test_a_failure_falls_back(server, query, documents, key):
    """As a first choice, it is replaced by the next one when it fails."""
    server.fail(500, times=9)
    with resift.load(
        "fallback",
        rerankers=[
            {
                "use": "voyage",
                "options": {"base_url": server.url, "api_key": key, "max_retries": 0},
            },
            "bm25",
        ],
        config=None,
    ) as reranker:
        ranked = reranker.rank(query, documents)

    assert len(ranked) == 3
    assert any("voyage" in note for note in ranked.notes)
