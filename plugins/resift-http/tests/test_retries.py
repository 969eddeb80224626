from __future__ import annotations

import time

import pytest

import resift
from resift.errors import (
    RateLimitError,
    ServerError,
)


@pytest.fixture
def server(serve):
    """A server with Jina's dialect."""
    return serve("jina")


@pytest.fixture
def reranker(server, key):
    """A reranker that talks to it, with the default of two retries."""
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        yield reranker


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(
    server, reranker, query, documents, scores, status
):
    """Two failures and an answer are an answer."""
    server.fail(status, retry_after=0, times=2)

    assert list(reranker.score(query, documents).values) == pytest.approx(scores)
    assert [r.status for r in server.requests] == [status, status, 200]


def test_a_cut_connection_is_tried_again(server, reranker, query, documents, scores):
    """A rerank request may be sent twice without harm."""
    server.drop()

    assert list(reranker.score(query, documents).values) == pytest.approx(scores)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 422])
def test_what_cannot_pass_is_not_tried_again(
    server, reranker, query, documents, status
):
    """Another 4xx, or a redirect, would come back the same."""
    server.fail(status)

    with pytest.raises(resift.BackendError):
        reranker.score(query, documents)
    assert [r.status for r in server.requests] == [status]


def test_retries_end(server, reranker, query, documents):
    """After `max_retries` the last failure is raised, with the attempts counted."""
    server.fail(503, retry_after=0, times=9)

    with pytest.raises(ServerError) as caught:
        reranker.score(query, documents)
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: the server failed (HTTP 503: Service "
        "Unavailable) after 3 attempts; it asks to wait 0 s."
    )
    assert len(server.requests) == 3


def test_retry_after_is_waited_for(server, reranker, query, documents):
    """The server's wish is honoured to the full."""
    server.fail(429, retry_after=0.3)
    start = time.monotonic()
    reranker.score(query, documents)

    assert time.monotonic() - start >= 0.3


def test_a_wait_beyond_the_deadline_is_not_begun(server, reranker, query, documents):
    """A server that asks for a minute is not waited for where there is a second."""
    server.fail(429, retry_after=60)
    start = time.monotonic()

    with pytest.raises(RateLimitError) as caught:
        reranker.score(query, documents, timeout=1.0)
    assert time.monotonic() - start < 0.5
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: too many requests (HTTP 429: Too Many "
        "Requests); it asks to wait 60 s. Send fewer at a time, or raise 'timeout' or "
        "'max_retries'."
    )


def test_the_deadline_is_for_all_attempts_together(server, reranker, query, documents):
    """Failing again and again takes no longer than `timeout`."""
    server.fail(500, times=9)
    start = time.monotonic()

    with pytest.raises(ServerError):
        reranker.score(query, documents, timeout=0.4)
    assert time.monotonic() - start < 1.0


def test_no_retries_means_one_attempt(server, query, documents, key):
    """`max_retries=0` asks once."""
    server.fail(503, retry_after=0)
    with (
        resift.load("jina", base_url=server.url, api_key=key, max_retries=0) as once,
        pytest.raises(ServerError),
    ):
        once.score(query, documents)

    assert len(server.requests) == 1
