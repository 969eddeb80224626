from __future__ import annotations

import json
import time

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
from resift_remote.testing import RerankServer


@pytest.fixture
def server(serve):
    """A server with Jina's dialect."""
    return serve("jina")


@pytest.fixture
def reranker(server, key):
    """A reranker that talks to it and never asks twice."""
    with resift.load(
        "jina", base_url=server.url, api_key=key, max_retries=0
    ) as reranker:
        yield reranker


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (
            301,
            ServerError,
            "the server points elsewhere (HTTP 301: Moved Permanently). Check "
            "'base_url'.",
        ),
        (
            400,
            BadRequestError,
            "the server rejects the request (HTTP 400: Bad Request).",
        ),
        (
            401,
            AuthenticationError,
            "the server refuses the key (HTTP 401: Unauthorized). Check "
            "'api_key' or JINA_API_KEY.",
        ),
        (
            403,
            AuthenticationError,
            "the server refuses the key (HTTP 403: Forbidden). Check 'api_key' "
            "or JINA_API_KEY.",
        ),
        (
            404,
            BadRequestError,
            "the server rejects the request (HTTP 404: Not Found). Check "
            "'base_url' and 'model'.",
        ),
        (
            408,
            BackendTimeoutError,
            "the server gave up waiting (HTTP 408: Request Timeout).",
        ),
        (
            413,
            BadRequestError,
            "the server rejects the request (HTTP 413: Request Entity Too "
            "Large). Lower 'max_documents'. A document is too long for it: put "
            "'chunk' around this reranker.",
        ),
        (
            422,
            BadRequestError,
            "the server rejects the request (HTTP 422: Unprocessable Entity).",
        ),
        (
            429,
            RateLimitError,
            "too many requests (HTTP 429: Too Many Requests). Send fewer at a "
            "time, or raise 'timeout' or 'max_retries'.",
        ),
        (
            500,
            ServerError,
            "the server failed (HTTP 500: Internal Server Error).",
        ),
        (
            503,
            ServerError,
            "the server failed (HTTP 503: Service Unavailable).",
        ),
    ],
)
def test_each_status_is_a_typed_error(server, reranker, status, kind, message):
    """The type says what kind of failure it is, the text what to do."""
    # what Python calls these two depends on its version
    said = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
    server.fail(status, message=said.get(status))

    with pytest.raises(BackendError) as caught:
        reranker.score("capital of France", ["Paris"])
    assert type(caught.value) is kind
    assert str(caught.value) == f"jina at {server.url}/v1/rerank: {message}"


def test_the_wait_that_the_server_asks_for_is_told(server, reranker, query, documents):
    """A rate limit says for how long."""
    server.fail(429, message="Slow down.", retry_after=12)

    with pytest.raises(RateLimitError) as caught:
        reranker.score(query, documents)
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: too many requests (HTTP 429: Slow down.); it "
        "asks to wait 12 s. Send fewer at a time, or raise 'timeout' or 'max_retries'."
    )


def test_an_error_without_a_readable_body_names_the_status(
    server, reranker, query, documents
):
    """The HTML page of a gateway is not repeated."""
    server.fail(502, body=b"<html>Bad gateway</html>")

    with pytest.raises(ServerError) as caught:
        reranker.score(query, documents)
    assert (
        str(caught.value)
        == f"jina at {server.url}/v1/rerank: the server failed (HTTP 502)."
    )


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("jina", {"detail": "No."}, "No."),
        ("voyage", {"detail": "No."}, "No."),
        ("mixedbread", {"detail": "No."}, "No."),
        ("pinecone", {"error": {"code": "X", "message": "No."}}, "No."),
        ("together", {"error": {"message": "No.", "type": "x"}}, "No."),
        ("nvidia", {"detail": "No."}, "No."),
        ("isaacus", {"message": "No."}, "No."),
        ("zeroentropy", {"detail": "No."}, "No."),
        ("contextual", {"detail": "No."}, "No."),
        ("dashscope", {"code": "InvalidParameter", "message": "No."}, "No."),
        ("deepinfra", {"detail": {"error": "No."}}, "No."),
        ("deepinfra", {"error": "No."}, "No."),
        ("tei", {"error": "No.", "error_type": "Validation"}, "No."),
        ("infinity", {"error": {"message": "No."}}, "No."),
        ("vllm", {"error": {"message": "No."}}, "No."),
        (
            "voyage",
            {"detail": [{"loc": ["body", "query"], "msg": "too odd", "input": "x"}]},
            "body.query: too odd",
        ),
    ],
)
def test_the_servers_own_words_are_found(query, documents, name, body, said):
    """Each dialect keeps its message somewhere else."""
    with RerankServer(name) as server:
        server.fail(422, body=json.dumps(body).encode())
        with (
            resift.load(name, base_url=server.url, api_key="sk") as reranker,
            pytest.raises(BadRequestError) as caught,
        ):
            reranker.score(query, documents)

    assert str(caught.value) == (
        f"{name} at {server.url}{server.requests[-1].path}: the server rejects the "
        f"request (HTTP 422: {said})."
    )


def test_no_answer_in_time_is_a_timeout(server, reranker, query, documents):
    """A server that hangs costs the timeout and no more."""
    server.hang()
    reranker.warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.2)
    assert time.monotonic() - start < 1.0
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: no answer in time (ReadTimeout: timed out). "
        "Raise 'timeout', or send fewer documents."
    )


def test_an_answer_that_drips_is_a_timeout(server, reranker, query, documents):
    """Bytes that keep coming do not keep the call alive."""
    server.drip(0.02)
    reranker.warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.2)
    assert time.monotonic() - start < 1.0
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: no answer in time (the answer was still "
        "coming). Raise 'timeout', or send fewer documents."
    )


def test_no_time_left_asks_nobody(server, reranker, query, documents):
    """A deadline that is over sends no request."""
    with pytest.raises(BackendTimeoutError) as caught:
        reranker.plugin.score(query, documents, timeout=0.0)
    assert server.requests == []
    assert str(caught.value) == (
        f"jina at {server.url}/v1/rerank: no answer in time (no time left). Raise "
        "'timeout', or send fewer documents."
    )


def test_the_smaller_of_the_two_timeouts_counts(server, query, documents, key):
    """The option bounds a call that was given more time."""
    server.hang()
    start = time.monotonic()
    with (
        resift.load("jina", base_url=server.url, api_key=key, timeout=0.2) as reranker,
        pytest.raises(BackendTimeoutError),
    ):
        reranker.score(query, documents, timeout=60)

    assert time.monotonic() - start < 1.0


def test_a_connection_cut_half_way_is_a_server_error(
    server, reranker, query, documents
):
    """Half an answer is none."""
    server.drop()

    with pytest.raises(ServerError) as caught:
        reranker.score(query, documents)
    assert str(caught.value).startswith(
        f"jina at {server.url}/v1/rerank: the server cannot be reached, or broke the "
        "connection (RemoteProtocolError: "
    )
    assert str(caught.value).endswith("). Check 'base_url' and the network.")


def test_a_server_that_is_not_there_is_a_server_error(query, documents):
    """A refused connection names the remedy."""
    with RerankServer("jina") as server:
        url = server.url
    with (
        resift.load("jina", base_url=url, api_key="sk", max_retries=0) as reranker,
        pytest.raises(ServerError) as caught,
    ):
        reranker.score(query, documents)

    assert str(caught.value) == (
        f"jina at {url}/v1/rerank: the server cannot be reached, or broke the "
        "connection (ConnectError: [Errno 111] Connection refused). Check 'base_url' "
        "and the network."
    )


def test_a_reranker_works_after_a_failure(server, reranker, query, documents, scores):
    """A failure leaves nothing behind."""
    server.drop()
    with pytest.raises(ServerError):
        reranker.score(query, documents)

    assert list(reranker.score(query, documents).values) == pytest.approx(scores)
