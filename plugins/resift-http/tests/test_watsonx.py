from __future__ import annotations

import threading

import pytest

import resift
from resift.errors import (
    AuthenticationError,
    BackendTimeoutError,
    OptionsError,
    ServerError,
)

TOKENS = "/identity/token"


@pytest.fixture
def server(serve):
    """A server that gives tokens and reranks."""
    return serve("watsonx")


@pytest.fixture
def load(server, key):
    """Load `watsonx` with that server behind it."""
    loaded = []

    def build(**options):
        options = {"project_id": "project", "api_key": key, **options}
        loaded.append(
            resift.load("watsonx", base_url=server.url, iam_url=server.url, **options)
        )
        return loaded[-1]

    yield build
    for reranker in loaded:
        reranker.close()


def test_the_key_is_exchanged_for_a_token(server, load, query, documents, scores, key):
    """IBM's server gets the key; watsonx gets the token and the project."""
    got = load(truncate_input_tokens=512).score(query, documents, top_k=2)
    token, rerank = server.requests

    assert token.path == TOKENS
    assert token.body == {
        "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
        "apikey": key,
    }
    assert rerank.path == "/ml/v1/text/rerank"
    assert rerank.parameters == {"version": "2024-10-08"}
    assert rerank.headers["authorization"] == "Bearer token-1"
    assert rerank.body == {
        "model_id": "cross-encoder/ms-marco-minilm-l-12-v2",
        "query": query,
        "inputs": [{"text": text} for text in documents],
        "project_id": "project",
        "parameters": {
            "truncate_input_tokens": 512,
            "return_options": {"top_n": 2},
        },
    }
    assert got.values[0] == pytest.approx(scores[0])


def test_a_token_is_used_again(server, load, query, documents):
    """One token does for many calls, also of many threads."""
    reranker = load()
    threads = [
        threading.Thread(target=reranker.score, args=(query, documents))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [r.path for r in server.requests].count(TOKENS) == 1
    assert len(server.requests) == 9


def test_a_token_that_is_refused_is_renewed_once(server, load, query, documents):
    """A token may end early: HTTP 401 fetches another one and asks again."""
    reranker = load()
    reranker.score(query, documents)
    server.fail(401)
    reranker.score(query, documents)
    server.fail(401, times=2)

    with pytest.raises(AuthenticationError):
        reranker.score(query, documents)
    paths = [request.path for request in server.requests]
    assert paths.count(TOKENS) == 3
    assert paths.count("/ml/v1/text/rerank") == 5


def test_a_token_about_to_end_is_not_used(server, load, query, documents):
    """A token good for less than a minute does for the call it was fetched for."""
    body = b'{"access_token": "token-0", "expires_in": 30}'
    server.fail(200, body=body, path=TOKENS)
    reranker = load()
    reranker.score(query, documents)
    reranker.score(query, documents)

    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, "Bearer token-0", None, "Bearer token-1"]


def test_a_wrong_key_is_an_authentication_error(server, load, query, documents):
    """IBM answers HTTP 400 to a wrong key."""
    with pytest.raises(AuthenticationError) as caught:
        load(api_key="sk-wrong").score(query, documents)

    assert str(caught.value) == (
        f"watsonx: no access token from {server.url}{TOKENS}: the server refuses the "
        "key (HTTP 401: Provided API key could not be found.). Check 'api_key', "
        "WATSONX_API_KEY or WATSONX_APIKEY."
    )


def test_a_token_server_that_fails_is_tried_again(server, load, query, documents):
    """Retries are for the exchange, too."""
    server.fail(503, retry_after=0, path=TOKENS)
    load().score(query, documents)

    assert [r.status for r in server.requests] == [503, 200, 200]


def test_a_token_server_that_hangs_is_a_timeout(server, load, query, documents):
    """The exchange counts against the deadline."""
    server.hang(path=TOKENS)
    reranker = load()
    reranker.plugin._connection.open()  # which takes time, too

    with pytest.raises(BackendTimeoutError) as caught:
        reranker.score(query, documents, timeout=0.2)
    assert str(caught.value) == (
        f"watsonx: no access token from {server.url}{TOKENS}: no answer in time "
        "(ReadTimeout: timed out). Raise 'timeout', or send fewer documents."
    )


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b'{"access_token": 1}'])
def test_an_answer_without_a_token_is_a_server_error(
    server, load, query, documents, body
):
    """Nonsense instead of a token is not sent on."""
    server.fail(200, body=body, path=TOKENS)

    with pytest.raises(ServerError) as caught:
        load().score(query, documents)
    assert str(caught.value) == (
        f"watsonx: the answer of {server.url}/identity/token holds no 'access_token'."
    )


def test_the_project_may_come_from_the_environment(
    server, load, query, documents, monkeypatch
):
    """WATSONX_SPACE_ID is read where neither option is given."""
    monkeypatch.setenv("WATSONX_SPACE_ID", "space")
    load(project_id=None).score(query, documents)

    assert server.requests[-1].body["space_id"] == "space"
    assert "project_id" not in server.requests[-1].body


def test_an_option_beats_the_environment(server, load, query, documents, monkeypatch):
    """A stray variable does not get in the way of a project that is given."""
    monkeypatch.setenv("WATSONX_SPACE_ID", "space")
    load().score(query, documents)

    assert server.requests[-1].body["project_id"] == "project"
    assert "space_id" not in server.requests[-1].body


@pytest.mark.parametrize(
    ("options", "got"),
    [({"project_id": None}, "neither"), ({"space_id": "space"}, "both")],
)
def test_exactly_one_of_project_and_space(load, options, got):
    """Nobody pays, or it is not clear who."""
    with pytest.raises(OptionsError) as caught:
        load(**options)

    assert str(caught.value).endswith(
        f"exactly one of 'project_id' and 'space_id' is needed, got {got}."
    )


def test_warmup_fetches_the_token(server, load):
    """A wrong key shows at `warmup`, before the first query."""
    load().warmup()

    assert [request.path for request in server.requests] == [TOKENS]
