from __future__ import annotations

import time
from typing import get_args

import pytest

import resift
from resift.errors import (
    AuthenticationError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    RateLimitError,
    ServerError,
)
from resift_remote.testing import Corruption, RerankServer

WRONG_KEY = "Check 'api_key', CO_API_KEY or COHERE_API_KEY."
STATUSES = [
    (
        301,
        ServerError,
        "the server points elsewhere (HTTP 301: No.). Check 'base_url'.",
    ),
    (400, BadRequestError, "the server rejects the request (HTTP 400: No.)."),
    (
        401,
        AuthenticationError,
        f"the server refuses the key (HTTP 401: No.). {WRONG_KEY}",
    ),
    (
        403,
        AuthenticationError,
        f"the server refuses the key (HTTP 403: No.). {WRONG_KEY}",
    ),
    (
        404,
        BadRequestError,
        (
            "the server rejects the request (HTTP 404: No.). Check 'base_url' and "
            "'model'."
        ),
    ),
    (408, BackendTimeoutError, "the server gave up waiting (HTTP 408: No.)."),
    (422, BadRequestError, "the server rejects the request (HTTP 422: No.)."),
    (
        429,
        RateLimitError,
        (
            "too many requests (HTTP 429: No.). Send fewer at a time, or raise "
            "'timeout' or 'max_retries'."
        ),
    ),
    (
        498,
        AuthenticationError,
        f"the server refuses the key (HTTP 498: No.). {WRONG_KEY}",
    ),
    (499, BadRequestError, "the server rejects the request (HTTP 499: No.)."),
    (500, ServerError, "the server failed (HTTP 500: No.)."),
    (503, ServerError, "the server failed (HTTP 503: No.)."),
]
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
}


@pytest.fixture
def where(server):
    """How messages begin."""
    return f"cohere at {server.url}/v2/rerank"


@pytest.mark.parametrize(("status", "kind", "text"), STATUSES)
def test_each_status_is_a_typed_error(where, server, load, status, kind, text):
    """The type says what kind of failure it is, the text what to do."""
    server.fail(status, message="No.")

    with pytest.raises(BackendError) as caught:
        load(max_retries=0).score("q", ["Paris"])
    assert type(caught.value) is kind
    assert str(caught.value) == f"{where}: {text}"


def test_every_corruption_is_accounted_for():
    """Each way to spoil an answer is either harmless or an error below."""
    assert {*PROBLEMS, "unsorted", "not-json"} == set(get_args(Corruption))


@pytest.mark.parametrize("how", PROBLEMS)
def test_a_spoiled_answer_is_an_error(where, server, load, query, documents, how):
    """The SDK checks nothing, so this does; nothing wrong passes."""
    server.corrupt(how)

    with pytest.raises(ServerError) as caught:
        load().score(query, documents)
    assert str(caught.value) == (
        f"{where}: the answer cannot be used: {PROBLEMS[how]}."
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"results": {}}', "it has no list 'results'"),
        (b'{"results": [{}]}', "result 0 has no whole number 'index'"),
        (
            b'{"results": [{"index": 0}]}',
            "the score of document 0 is no number but NoneType",
        ),
        (
            b'{"results": [{"index": 0, "relevance_score": true}]}',
            "the score of document 0 is no number but bool",
        ),
        (
            b'{"results": [{"index": 0, "relevance_score": 1e999}]}',
            "the score of document 0 is inf",
        ),
    ],
)
def test_any_other_json_is_an_error(where, server, load, query, body, problem):
    """Whatever comes with status 200 is either scores or a `ServerError`."""
    server.fail(200, body=body)

    with pytest.raises(ServerError) as caught:
        load().score(query, ["Paris"])
    assert str(caught.value) == f"{where}: the answer cannot be used: {problem}."


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(server, load, query, documents, status):
    """Two failures and an answer are an answer."""
    server.fail(status, retry_after=0, times=2)
    load().score(query, documents)

    assert [r.status for r in server.requests] == [status, status, 200]


def test_a_cut_connection_is_tried_again(server, load, query, documents):
    """The SDK would not: a rerank request may be sent twice without harm."""
    server.drop()
    load().score(query, documents)

    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 422])
def test_what_cannot_pass_is_not_tried_again(server, load, query, documents, status):
    """Another 4xx, or a redirect, would come back the same."""
    server.fail(status)

    with pytest.raises(BackendError):
        load().score(query, documents)
    assert len(server.requests) == 1


def test_retries_end(where, server, load, query, documents):
    """After `max_retries` the last failure is raised, with the attempts counted."""
    server.fail(429, message="Slow down.", retry_after=0, times=9)

    with pytest.raises(RateLimitError) as caught:
        load().score(query, documents)
    assert len(server.requests) == 3
    assert str(caught.value) == (
        f"{where}: too many requests (HTTP 429: Slow down.) after 3 attempts; it asks "
        "to wait 0 s. Send fewer at a time, or raise 'timeout' or 'max_retries'."
    )


def test_retry_after_is_waited_for(server, load, query, documents):
    """The server's wish is honoured to the full."""
    server.fail(429, retry_after=0.3)
    start = time.monotonic()
    load().score(query, documents)

    assert time.monotonic() - start >= 0.3


def test_a_wait_beyond_the_deadline_is_not_begun(server, load, query, documents):
    """The SDK would wait for up to a minute, whatever the timeout."""
    server.fail(429, retry_after=60)
    reranker = load().warmup()
    start = time.monotonic()

    with pytest.raises(RateLimitError, match="it asks to wait 60 s"):
        reranker.score(query, documents, timeout=1.0)
    assert time.monotonic() - start < 0.5


def test_the_deadline_is_for_all_attempts_together(server, load, query, documents):
    """Failing again and again takes no longer than `timeout`."""
    server.fail(500, times=9)
    reranker = load().warmup()
    start = time.monotonic()

    with pytest.raises(ServerError):
        reranker.score(query, documents, timeout=0.4)
    assert time.monotonic() - start < 1.0


def test_no_answer_in_time_is_a_timeout(where, server, load, query, documents):
    """A server that hangs costs the timeout and no more."""
    server.hang()
    reranker = load().warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.2)
    assert time.monotonic() - start < 1.0
    assert str(caught.value) == (
        f"{where}: no answer in time (ReadTimeout: timed out). Raise 'timeout', or "
        "send fewer documents."
    )


def test_an_answer_that_drips_is_a_timeout(where, server, load, query, documents):
    """Bytes that keep coming do not keep the call alive, as they would in httpx."""
    server.drip(0.02)
    reranker = load().warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.2)
    assert time.monotonic() - start < 1.0
    assert str(caught.value) == (
        f"{where}: no answer in time (ReadTimeout: the answer was still coming). Raise "
        "'timeout', or send fewer documents."
    )


def test_no_time_left_asks_nobody(where, server, load, query, documents):
    """A deadline that is over sends no request."""
    with pytest.raises(BackendTimeoutError) as caught:
        load().plugin.score(query, documents, timeout=0.0)

    assert server.requests == []
    assert str(caught.value) == (
        f"{where}: no answer in time (no time left). Raise 'timeout', or send fewer "
        "documents."
    )


def test_the_smaller_of_the_two_timeouts_counts(server, load, query, documents):
    """The option bounds a call that was given more time."""
    server.hang()
    reranker = load(timeout=0.2).warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError):
        reranker.score(query, documents, timeout=60)
    assert time.monotonic() - start < 1.0


def test_a_server_that_is_not_there_is_a_server_error(query, documents):
    """A refused connection names the remedy."""
    with RerankServer("cohere") as server:
        url = server.url
    with (
        resift.load("cohere", base_url=url, api_key="sk", max_retries=0) as reranker,
        pytest.raises(ServerError) as caught,
    ):
        reranker.score(query, documents)

    assert str(caught.value) == (
        f"cohere at {url}/v2/rerank: the server cannot be reached, or broke the "
        "connection (ConnectError: [Errno 111] Connection refused). Check 'base_url' "
        "and the network."
    )


def test_the_first_failure_ends_the_call(server, load, query):
    """A part that fails is raised at once, though another one hangs."""
    reranker = load(max_documents=1, concurrency=2).warmup()
    server.hang()
    server.fail(422, message="No.")
    start = time.monotonic()

    with pytest.raises(BadRequestError):
        reranker.score(query, [str(i) for i in range(20)], timeout=10)
    assert time.monotonic() - start < 2
    server.close()  # lets go of the request that hangs


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "TypeError"),
        (b'{"results": [1]}', "TypeError"),
    ],
)
def test_an_answer_that_the_sdk_trips_over_is_a_server_error(
    where, server, load, query, documents, *, body, why
):
    """The SDK builds objects from whatever JSON comes, and raises what it raises."""
    server.fail(200, body=body)

    with pytest.raises(ServerError) as caught:
        load().score(query, documents)
    assert len(server.requests) == 1
    assert caught.value.__context__ is None
    assert str(caught.value) == (
        f"{where}: the SDK failed on the request or its answer ({why})."
    )
