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

WAY_OUT = (
    "If it takes no 'response_format', leave that out: constants = { response_format = "
    "{ type = 'text' } }."
)
STATUSES = [
    (
        301,
        ServerError,
        "the server points elsewhere (HTTP 301: No.). Check 'base_url'.",
    ),
    (
        400,
        BadRequestError,
        f"the server rejects the request (HTTP 400: No.). {WAY_OUT}",
    ),
    (
        401,
        AuthenticationError,
        "the server refuses the key (HTTP 401: No.). Check 'api_key' or "
        "OPENAI_API_KEY.",
    ),
    (
        404,
        BadRequestError,
        "the server rejects the request (HTTP 404: No.). Check 'base_url' and 'model'.",
    ),
    (
        429,
        RateLimitError,
        "too many requests (HTTP 429: No.). Send fewer at a time, or raise 'timeout' "
        "or 'max_retries'.",
    ),
    (500, ServerError, "the server failed (HTTP 500: No.)."),
]
UNFINISHED = [
    (b"<html>", "it is no JSON object"),
    (b"[]", "it is no JSON object"),
    (b"{}", "it holds no choice with a message"),
    (b'{"choices": []}', "it holds no choice with a message"),
    (b'{"choices": {}}', "it holds no choice with a message"),
    (b'{"choices": [1]}', "it holds no choice with a message"),
    (b'{"choices": [{"message": null}]}', "it holds no choice with a message"),
    (b'{"choices": [{"message": {"content": null}}]}', "it holds no text"),
    (b'{"choices": [{"message": {"content": " "}}]}', "it holds no text"),
    (
        b'{"choices": [{"message": {"content": [{"type": "image"}]}}]}',
        "it holds no text",
    ),
    (b"[" * 100_000, "it is no JSON object"),
]


@pytest.fixture
def where(server):
    """How messages begin."""
    return f"llm at {server.base_url}/chat/completions"


@pytest.mark.parametrize(("status", "kind", "text"), STATUSES)
def test_each_status_is_a_typed_error(server, load, where, status, kind, text):
    """The type says what kind of failure it is, the text what to do."""
    server.fail(status, message="No.")

    with pytest.raises(BackendError) as caught:
        load(server, max_retries=0).score("q", ["Paris", "Lyon"])
    assert type(caught.value) is kind
    assert str(caught.value) == f"{where}: {text}"


def test_a_wrong_key_is_refused_by_the_server(serve, load, query, documents, key):
    """The key travels as a bearer token."""
    server = serve(api_key=key)
    load(server, api_key=key).score(query, documents)

    assert server.requests[0].headers["authorization"] == f"Bearer {key}"
    with pytest.raises(AuthenticationError) as caught:
        load(server).score(query, documents)
    assert "authorization" not in server.requests[1].headers
    assert str(caught.value) == (
        f"llm at {server.base_url}/chat/completions: the server refuses the key (HTTP "
        "401: Invalid API key.). Check 'api_key' or OPENAI_API_KEY."
    )


@pytest.mark.parametrize(("body", "problem"), UNFINISHED)
def test_what_is_no_completion_is_an_error(server, load, where, body, problem):
    """Whatever comes with status 200 is either an answer or a `ServerError`."""
    server.fail(200, body=body)

    with pytest.raises(ServerError) as caught:
        load(server).score("q", ["Paris", "Lyon"])
    assert str(caught.value) == (
        f"{where}: the answer of 'm' cannot be used: {problem}."
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("finish", "message", "problem"),
    [
        (
            "length",
            {},
            "it was cut short; raise 'max_tokens', or lower 'size' or 'max_characters'",
        ),
        ("content_filter", {}, "a content filter withheld it"),
        ("stop", {"refusal": "I will not."}, "the model refuses to answer"),
    ],
)
def test_an_unfinished_answer_is_an_error(
    serve, load, answer, finish, message, problem
):
    """Half a ranking is not taken for a whole one."""
    server = serve(lambda data, body: answer('{"ranking": [2, 1', finish, **message))

    with pytest.raises(ServerError) as caught:
        load(server).score("q", ["Paris", "Lyon"])
    assert str(caught.value) == (
        f"llm at {server.base_url}/chat/completions: the answer of 'm' cannot be used: "
        f"{problem}."
    )


def test_text_in_parts_is_put_together(serve, load, answer):
    """Some servers answer in parts, reasoning in parts of another kind."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "[1]"}]},
        {"type": "text", "text": '{"ranking": '},
        {"type": "text", "text": "[2, 1]}"},
    ]
    server = serve(lambda data, body: answer(parts))

    assert load(server).score("q", ["Paris", "Lyon"]).values.tolist() == [1.0, 2.0]


def test_retry_after_is_honoured_and_retries_end(server, load, where):
    """The last failure is raised, with the attempts counted."""
    server.fail(429, message="Slow down.", retry_after=0.1, times=9)
    start = time.monotonic()

    with pytest.raises(RateLimitError) as caught:
        load(server).score("q", ["Paris", "Lyon"])
    assert time.monotonic() - start >= 0.2
    assert [request.status for request in server.requests] == [429, 429, 429]
    assert str(caught.value) == (
        f"{where}: too many requests (HTTP 429: Slow down.) after 3 attempts; it asks "
        "to wait 0.1 s. Send fewer at a time, or raise 'timeout' or 'max_retries'."
    )


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(server, load, query, documents, status):
    """Two failures and an answer are an answer."""
    server.fail(status, retry_after=0, times=2)
    load(server).score(query, documents)

    assert [request.status for request in server.requests] == [status, status, 200]


def test_a_cut_connection_is_tried_again(server, load, query, documents):
    """A prompt may be sent twice without harm."""
    server.drop()
    load(server).score(query, documents)

    assert len(server.requests) == 2


def test_a_hung_server_costs_the_timeout(server, load, where, query, documents):
    """No more than that is waited, and the message says what to do."""
    server.hang()
    reranker = load(server).warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.3)
    assert time.monotonic() - start < 1.5
    assert str(caught.value) == (
        f"{where}: no answer in time (ReadTimeout: timed out). Raise 'timeout', or "
        "send fewer documents."
    )


def test_an_answer_that_drips_is_a_timeout(server, load, where, query, documents):
    """Bytes that keep coming do not keep the call alive."""
    server.drip(0.02)
    reranker = load(server).warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.3)
    assert time.monotonic() - start < 1.5
    assert str(caught.value) == (
        f"{where}: no answer in time (the answer was still coming). Raise 'timeout', "
        "or send fewer documents."
    )


def test_all_windows_share_one_deadline(serve, load, query):
    """A sweep of slow windows ends where the call ends."""
    server = serve(delay=0.15)
    reranker = load(server, size=2, step=1).warmup()
    start = time.monotonic()

    with pytest.raises(BackendTimeoutError):
        reranker.score(query, [str(i) for i in range(30)], timeout=0.5)
    assert time.monotonic() - start < 1.5
    assert len(server.requests) <= 4


def test_the_first_failure_ends_the_call(server, load, query):
    """A passage that fails is raised at once, though another one hangs."""
    reranker = load(server, method="pointwise", concurrency=2).warmup()
    server.hang()
    server.fail(404, message="No.")
    start = time.monotonic()

    with pytest.raises(BadRequestError):
        reranker.score(query, [str(i) for i in range(20)], timeout=10)
    assert time.monotonic() - start < 2
    server.close()  # lets go of the request that hangs


def test_a_server_that_is_not_there_is_a_server_error(chat_server, load, query):
    """A refused connection names the remedy."""
    with chat_server() as server:
        url = server.base_url

    with pytest.raises(ServerError) as caught:
        load(server, base_url=url, max_retries=0).score(query, ["Paris", "Lyon"])
    assert str(caught.value) == (
        f"llm at {url}/chat/completions: the server cannot be reached, or broke the "
        "connection (ConnectError: [Errno 111] Connection refused). Check 'base_url' "
        "and the network."
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"error": {"message": "No."}}, ": No."),
        ({"error": "No."}, ": No."),
        ({"object": "error", "message": "No."}, ": No."),
        ({"detail": "No."}, ": No."),
        ({"detail": [{"loc": ["body"], "msg": "No.", "x": "secret"}]}, ": body: No."),
        ({"error": {"code": 3}}, ""),
        ([], ""),
    ],
)
def test_messages_are_found_where_servers_put_them(server, load, where, error, said):
    """OpenAI, Ollama, vLLM and FastAPI each have a place of their own."""
    server.fail(400, body=json.dumps(error).encode())

    with pytest.raises(BadRequestError) as caught:
        load(server).score("q", ["Paris", "Lyon"])
    assert str(caught.value) == (
        f"{where}: the server rejects the request (HTTP 400{said}). {WAY_OUT}"
    )


def test_a_fallback_keeps_the_rows(server, load, query, documents):
    """Where the model fails, the next reranker answers."""
    server.fail(500, times=9)
    with resift.load(
        "fallback", rerankers=[load(server, max_retries=0), "bm25"]
    ) as reranker:
        ranked = reranker.rank(query, documents)

    assert ranked[0].document == documents[2]
