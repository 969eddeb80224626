from __future__ import annotations

from typing import get_args

import pytest

import resift
from resift.errors import ServerError
from resift_remote.testing import Corruption

PROBLEMS = {
    "nan": "the score of document 0 is nan",
    "infinite": "the score of document 0 is inf",
    "null": "the score of document 0 is no number but NoneType",
    "text": "the score of document 0 is no number but str",
    "missing": "it scores 2 of 3 documents",
    "empty": "it scores 0 of 3 documents",
    "duplicate": "it scores document 0 twice",
    "out-of-range": "it scores document 3, but 3 were sent",
    "negative-index": "it scores document -1, but 3 were sent",
    "no-results": "it has no list 'results'",
    "not-json": "it is not JSON",
}


@pytest.fixture
def server(serve):
    """A server with Jina's dialect."""
    return serve("jina")


@pytest.fixture
def reranker(server, key):
    """A reranker that talks to it."""
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        yield reranker


def test_every_corruption_is_accounted_for():
    """Each way to spoil an answer is either harmless or an error below."""
    assert {*PROBLEMS, "unsorted"} == set(get_args(Corruption))


@pytest.mark.parametrize("how", PROBLEMS)
def test_a_spoiled_answer_is_an_error(server, reranker, query, documents, how):
    """No wrong answer passes, and the message says what is wrong with it."""
    server.corrupt(how)

    with pytest.raises(ServerError) as caught:
        reranker.score(query, documents)
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: the answer cannot be used: {PROBLEMS[how]}."
    )
    assert [request.status for request in server.requests] == [200]


def test_the_order_of_the_results_means_nothing(
    server, reranker, query, documents, scores
):
    """Results that are not sorted are read by index all the same."""
    server.corrupt("unsorted")

    assert list(reranker.score(query, documents).values) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("missing", "it scores 1 of 2 documents"),
        ("empty", "it scores 0 of 2 documents"),
    ],
)
def test_a_cut_answer_must_hold_what_was_asked_for(
    server, reranker, query, documents, how, problem
):
    """With top_k = 2, one result is one too few."""
    server.corrupt(how)

    with pytest.raises(ServerError) as caught:
        reranker.score(query, documents, top_k=2)
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: the answer cannot be used: {problem}."
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "it has no list 'results'"),
        (b'{"results": {}}', "it has no list 'results'"),
        (b'{"results": [1]}', "result 0 is not an object"),
        (b'{"results": [{}]}', "result 0 has no whole number 'index'"),
        (
            b'{"results": [{"index": "first"}]}',
            "result 0 has no whole number 'index'",
        ),
        (
            b'{"results": [{"index": true}]}',
            "result 0 has no whole number 'index'",
        ),
        (b'{"results": [{"index": 0}]}', "result 0 has no 'relevance_score'"),
        (
            b'{"results": [{"index": 0, "relevance_score": true}]}',
            "the score of document 0 is no number but bool",
        ),
        (
            b'{"results": [{"index": 0, "relevance_score": 1e999}]}',
            "the score of document 0 is inf",
        ),
        (
            b'{"results": [{"index": 0, "relevance_score": 1' + b"0" * 400 + b"}]}",
            "the score of document 0 is inf",
        ),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"", "it is not JSON"),
    ],
)
def test_any_other_json_is_an_error(server, reranker, query, body, problem):
    """Whatever comes with status 200 is either scores or a `ServerError`."""
    server.fail(200, body=body or b" ")

    with pytest.raises(ServerError) as caught:
        reranker.score(query, ["Paris"])
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: the answer cannot be used: {problem}."
    )


def test_bare_scores_belong_to_the_documents_in_order(serve, query, documents, key):
    """DeepInfra sends numbers without an index: as many as there are documents."""
    server = serve("deepinfra")
    with resift.load("deepinfra", base_url=server.url, api_key=key) as reranker:
        server.fail(200, body=b'{"scores": [0.25, 0.75, 0.5]}')
        got = reranker.score(query, documents)
        server.fail(200, body=b'{"scores": [0.25, 0.75]}')

        with pytest.raises(ServerError, match="it scores 2 of 3 documents"):
            reranker.score(query, documents)
        assert list(got.values) == [0.25, 0.75, 0.5]


def test_a_bare_list_is_read_where_the_dialect_has_one(serve, query, documents, key):
    """TEI's answer is the list itself; anything else is an error."""
    server = serve("tei")
    with resift.load("tei", base_url=server.url, api_key=key) as reranker:
        server.fail(200, body=b'{"results": []}')

        with pytest.raises(ServerError) as caught:
            reranker.score(query, documents)
        assert str(caught.value) == (
            f"tei at {server.url}/rerank: the answer cannot be used: it is not a list."
        )
