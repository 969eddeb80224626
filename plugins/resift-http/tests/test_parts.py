from __future__ import annotations

import time

import pytest

import resift
from resift.errors import BackendTimeoutError, BadRequestError, ServerError

QUERY = "capital of France"


def test_more_documents_than_the_limit_are_sent_in_parts(serve, key):
    """Every score comes back to its document, whichever request it was in."""
    server = serve("voyage", score=lambda _, text: int(text) / 100, max_documents=7)
    texts = [str(i) for i in range(50)]
    with resift.load(
        "voyage", base_url=server.url, api_key=key, max_documents=7
    ) as reranker:
        got = reranker.score(QUERY, texts)

    assert list(got.values) == [i / 100 for i in range(50)]
    assert (
        sorted(len(r.body["documents"]) for r in server.requests) == [6] * 6 + [7] * 2
    )


def test_the_limit_of_the_dialect_is_the_default(serve, key):
    """Pinecone takes 100 documents, so 150 go in two requests."""
    server = serve("pinecone", max_documents=100)
    with resift.load("pinecone", base_url=server.url, api_key=key) as reranker:
        reranker.score(QUERY, [str(i) for i in range(150)])

    assert [len(r.body["documents"]) for r in server.requests] == [75, 75]


def test_each_part_is_cut_to_top_k(serve, key):
    """The best top_k of each part hold the best top_k of all."""
    server = serve("jina", score=lambda _, text: int(text) / 100)
    texts = [str(i) for i in range(30)]
    with resift.load(
        "jina", base_url=server.url, api_key=key, max_documents=10
    ) as reranker:
        ranked = reranker.rank(QUERY, texts, top_k=4)

    assert [document.index for document in ranked] == [29, 28, 27, 26]
    assert [r.body["top_n"] for r in server.requests] == [4, 4, 4]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_requests_are_sent_together_but_not_all_at_once(serve, key, concurrency):
    """`concurrency` bounds the requests under way."""
    server = serve("jina", delay=0.05)
    with resift.load(
        "jina",
        base_url=server.url,
        api_key=key,
        max_documents=2,
        concurrency=concurrency,
    ) as reranker:
        reranker.score(QUERY, [str(i) for i in range(12)])

    assert len(server.requests) == 6
    assert server.peak == concurrency


def test_many_queries_are_asked_about_together(serve, key):
    """Each query gets its own scores, and `concurrency` bounds the requests of all."""
    server = serve("jina", delay=0.03)
    queries = [f"word{i}" for i in range(6)]
    texts = [[f"word{i}", "nothing", f"a word{i}"] for i in range(6)]
    with resift.load(
        "jina", base_url=server.url, api_key=key, max_documents=2, concurrency=3
    ) as reranker:
        ranked = reranker.rank_many(queries, texts)

    assert [[d.index for d in one] for one in ranked] == [[0, 2, 1]] * 6
    assert len(server.requests) == 12
    assert server.peak == 3


def test_the_first_failure_ends_the_call(serve, key):
    """A part that fails is raised at once, though another one hangs."""
    server = serve("jina")
    with resift.load(
        "jina", base_url=server.url, api_key=key, max_documents=1, concurrency=2
    ) as reranker:
        server.hang()
        server.fail(422, message="No.")
        start = time.monotonic()

        with pytest.raises(BadRequestError) as caught:
            reranker.score(QUERY, [str(i) for i in range(20)], timeout=10)
        assert time.monotonic() - start < 2
        assert str(caught.value) == (
            f"jina at {server.url}/v1/rerank: the server rejects the request (HTTP "
            "422: No.)."
        )
        server.close()  # lets go of the request that hangs


def test_a_server_that_fails_ends_all(serve, key):
    """What fails for one query would fail for the others, which are not sent."""
    server = serve("jina", delay=0.02)
    server.fail(503)
    with resift.load(
        "jina", base_url=server.url, api_key=key, concurrency=1, max_retries=0
    ) as reranker:
        failed = reranker.rank_many(["p", "q", "r"], [["a"]] * 3, on_error="return")

    assert [type(error) for error in failed] == [ServerError] * 3
    assert len(server.requests) == 1


def test_a_query_that_is_refused_costs_its_own_answer_only(serve, key):
    """What a server has against one query is no reason to lose the others."""
    server = serve("jina")
    server.fail(422)
    with resift.load(
        "jina", base_url=server.url, api_key=key, concurrency=1
    ) as reranker:
        refused, *ranked = reranker.rank_many(
            ["p", "q", "r"], [["a", "b"]] * 3, on_error="return"
        )

    assert isinstance(refused, BadRequestError)
    assert [len(one) for one in ranked] == [2, 2]
    assert len(server.requests) == 3


def test_a_failure_stops_what_has_not_started(serve, key):
    """Once a part is refused, the rest is not sent."""
    server = serve("jina", delay=0.02)
    server.fail(422)
    with (
        resift.load(
            "jina", base_url=server.url, api_key=key, max_documents=1, concurrency=1
        ) as reranker,
        pytest.raises(BadRequestError),
    ):
        reranker.score(QUERY, [str(i) for i in range(20)])
    time.sleep(0.1)

    assert len(server.requests) <= 2


def test_listwise_scores_are_never_merged(serve, key):
    """Two requests to a model that compares documents would not be comparable."""
    server = serve("jina")
    with (
        resift.load(
            "jina",
            base_url=server.url,
            api_key=key,
            model="jina-reranker-v3",
            max_documents=2,
        ) as reranker,
        pytest.raises(BadRequestError) as caught,
    ):
        reranker.score(QUERY, ["a", "b", "c"])

    assert server.requests == []
    assert str(caught.value) == (
        "jina: 3 documents are more than 'max_documents', 2, and jina-reranker-v3 "
        "scores the documents of a request against each other, so that the answers to "
        "several requests cannot be merged. Rerank at most 2: set 'window'."
    )


def test_listwise_scores_of_one_request_are_fine(serve, query, documents, key):
    """A listwise model is asked in one request, however many documents there are."""
    server = serve("jina")
    with resift.load(
        "jina", base_url=server.url, api_key=key, model="jina-reranker-v3.5"
    ) as reranker:
        reranker.score(query, [*documents, *(str(i) for i in range(2000))])

    assert len(server.requests) == 1


def test_tei_tells_its_own_limit(serve, key):
    """The batch size in /info is asked for once and kept to."""
    server = serve("tei", max_documents=8)
    with resift.load("tei", base_url=server.url, api_key=key) as reranker:
        for _ in range(2):
            reranker.score(QUERY, [str(i) for i in range(20)])

    assert [r.path for r in server.requests].count("/info") == 1
    assert {len(r.body["texts"]) for r in server.requests if r.body} == {6, 7}


def test_what_the_user_says_beats_info(serve, key):
    """With `max_documents` there is no need to ask."""
    server = serve("tei", max_documents=8)
    with resift.load(
        "tei", base_url=server.url, api_key=key, max_documents=5
    ) as reranker:
        reranker.score(QUERY, [str(i) for i in range(20)])

    assert {r.path for r in server.requests} == {"/rerank"}
    assert {len(r.body["texts"]) for r in server.requests} == {5}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, None),
        (200, b"{}"),
        (200, b"<html>"),
        (200, b'{"max_client_batch_size":0}'),
    ],
)
def test_a_gateway_without_info_is_taken_for_the_default(serve, key, status, body):
    """Where /info tells nothing, TEI's default of 32 holds."""
    server = serve("tei", max_documents=32)
    server.fail(status, body=body, path="/info")
    with resift.load("tei", base_url=server.url, api_key=key) as reranker:
        reranker.score(QUERY, [str(i) for i in range(64)])

    assert [len(r.body["texts"]) for r in server.requests if r.body] == [32, 32]


def test_an_info_that_fails_is_an_error(serve, key):
    """A server that is down is down, and is asked again next time."""
    server = serve("tei")
    server.fail(500, path="/info")
    with resift.load(
        "tei", base_url=server.url, api_key=key, max_retries=0
    ) as reranker:
        with pytest.raises(ServerError) as caught:
            reranker.score(QUERY, ["Paris"])
        reranker.score(QUERY, ["Paris"])

    assert str(caught.value) == (
        f"tei at {server.url}/info: the server failed (HTTP 500: Internal Server "
        "Error)."
    )


def test_info_counts_against_the_deadline(serve, key):
    """A hanging /info is a timeout like any other."""
    server = serve("tei")
    server.hang(path="/info")
    with (
        resift.load("tei", base_url=server.url, api_key=key) as reranker,
        pytest.raises(BackendTimeoutError),
    ):
        reranker.score(QUERY, ["Paris"], timeout=0.2)
