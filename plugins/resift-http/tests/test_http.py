from __future__ import annotations

import json

import pytest

import resift
from resift.errors import (
    AuthenticationError,
    BadRequestError,
    OptionsError,
    RateLimitError,
    ServerError,
)
from resift_remote.testing import RerankServer


def test_the_defaults_are_what_most_servers_speak(serve, query, documents, scores, key):
    """A base URL is all that Jina's or Cohere's first dialect needs."""
    server = serve("jina")
    with resift.load("http", base_url=server.url, api_key=key, model="m") as reranker:
        got = reranker.score(query, documents)

    assert list(got.values) == pytest.approx(scores)
    assert server.requests[0].path == "/v1/rerank"
    assert server.requests[0].body == {
        "model": "m",
        "query": query,
        "documents": documents,
    }


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        (
            "nim",
            {
                "path": "/v1/ranking",
                "query_field": "query.text",
                "documents_field": "passages",
                "document_field": "text",
                "top_k_field": "",
                "results_path": "rankings",
                "score_field": "logit",
                "score_kind": "logit",
                "constants": {"truncate": "END"},
            },
        ),
        (
            "tei",
            {
                "path": "/rerank",
                "model_field": "",
                "documents_field": "texts",
                "top_k_field": "",
                "results_path": "",
                "score_field": "score",
            },
        ),
        (
            "pinecone",
            {
                "path": "/rerank",
                "auth_header": "Api-Key",
                "auth_scheme": "",
                "headers": {"X-Pinecone-Api-Version": "2025-10"},
                "document_field": "text",
                "results_path": "data",
                "score_field": "score",
            },
        ),
        (
            "deepinfra",
            {
                "path": "/v1/inference/{model}",
                "model": "Qwen/Qwen3-Reranker-8B",
                "model_field": "",
                "query_field": "queries",
                "query_per_document": True,
                "top_k_field": "",
                "results_path": "scores",
                "score_field": "",
            },
        ),
    ],
)
def test_any_server_can_be_described(serve, query, documents, scores, dialect, options):
    """Options are enough to speak the dialects that have names of their own."""
    server = serve(dialect, api_key="sk")
    with resift.load("http", base_url=server.url, api_key="sk", **options) as reranker:
        got = reranker.score(query, documents)

    assert list(got.values) == pytest.approx(scores)


def test_a_server_is_described_in_a_config_file(
    serve, query, documents, key, tmp_path, monkeypatch
):
    """A dialect is a table in resift.toml, and its key comes from the environment."""
    server = serve("mixedbread")
    monkeypatch.setenv("GATEWAY_KEY", key)
    config = tmp_path / "resift.toml"
    config.write_text(
        f"""
        [rerankers.gateway]
        use = "http"
        [rerankers.gateway.options]
        base_url = "{server.url}"
        path = "/v1/reranking"
        api_key = {{ env = "GATEWAY_KEY" }}
        documents_field = "input"
        top_k_field = "top_k"
        results_path = "data"
        score_field = "score"
        constants = {{ return_input = false }}
        """
    )
    with resift.load("gateway", config=config) as reranker:
        ranked = reranker.rank(query, documents, top_k=1)

    assert [document.index for document in ranked] == [0]
    assert server.requests[0].body["return_input"] is False
    assert server.requests[0].body["top_k"] == 1


def test_braces_in_a_header_mean_themselves(serve, query, documents, key):
    """Only the path has placeholders."""
    server = serve("jina")
    with resift.load(
        "http",
        base_url=server.url,
        api_key=key,
        model="m",
        headers={"X-Route": '{"a": 1}'},
    ) as reranker:
        reranker.score(query, documents)

    assert server.requests[0].headers["x-route"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"path": "/v1/{model}"},
            "option 'model' is needed, because 'path' holds it.",
        ),
        (
            {"path": "/v1/{region}"},
            "the options describe no request: 'region'.",
        ),
        (
            {"query_field": "model.text", "model": "m"},
            "the options describe no request: 'model.text' reaches into 'model', which "
            "is not an object..",
        ),
    ],
)
def test_a_description_that_makes_no_request_is_refused(options, problem):
    """What cannot work is found out when it is loaded."""
    with pytest.raises(OptionsError) as caught:
        resift.load("http", base_url="http://localhost", **options)

    assert str(caught.value).endswith(problem)


def test_the_address_is_required():
    """There is no default for any server."""
    with pytest.raises(OptionsError) as caught:
        resift.load("http")

    assert str(caught.value).endswith(
        "option 'base_url' is required and was not given."
    )


def test_a_listwise_server_is_never_asked_in_parts():
    """`pointwise = false` says that scores of two requests cannot be compared."""
    reranker = resift.load(
        "http", base_url="http://localhost", pointwise=False, max_documents=1
    )

    with pytest.raises(
        resift.BadRequestError, match="this server scores the documents"
    ):
        reranker.score("q", ["a", "b"])
    assert not reranker.pointwise


@pytest.fixture
def says():
    """Start a server that answers whatever is asked with the JSON given."""
    servers = []

    def start(*answers, path=None):
        server = RerankServer("cohere-v1")
        for answer in answers:
            server.fail(200, body=json.dumps(answer).encode(), path=path)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def test_documents_may_be_numbered(says):
    """Records carry an id of ours, a string of digits, and results name it."""
    records = [{"id": "1", "score": 0.9}, {"id": "0", "score": 0.1}]
    server = says({"records": records}, path="/v1/rank:rank")
    with resift.load(
        "http",
        base_url=server.url,
        path="/v1/rank:rank",
        documents_field="records",
        document_field="content",
        id_field="id",
        top_k_field="topN",
        results_path="records",
        index_field="id",
        score_field="score",
    ) as reranker:
        scores = reranker.score("q", ["Lyon", "Paris"])

    assert scores.values.tolist() == [0.1, 0.9]
    assert server.requests[0].body == {
        "query": "q",
        "records": [{"id": "0", "content": "Lyon"}, {"id": "1", "content": "Paris"}],
    }


def test_dotted_names_reach_into_documents_and_results(says):
    """Wherever an option names a field, it may be nested."""
    hits = [
        {"doc": {"index": 1}, "score": {"value": 0.9}},
        {"doc": {"index": 0}, "score": {"value": 0.1}},
    ]
    server = says({"data": [{"hits": hits}]})
    with resift.load(
        "http",
        base_url=server.url,
        documents_field="input.documents",
        document_field="content.text",
        id_field="meta.id",
        results_path="data.0.hits",
        index_field="doc.index",
        score_field="score.value",
    ) as reranker:
        scores = reranker.score("q", ["Lyon", "Paris"])

    assert scores.values.tolist() == [0.1, 0.9]
    assert server.requests[0].body["input"]["documents"][1] == {
        "content": {"text": "Paris"},
        "meta": {"id": "1"},
    }


def test_a_number_of_documents_needs_an_object():
    """A string has no place for an id."""
    with pytest.raises(OptionsError) as caught:
        resift.load("http", base_url="http://localhost", id_field="id")

    assert str(caught.value).endswith(
        "option 'id_field' needs 'document_field': only a document that is an object "
        "has a place for it."
    )


def test_top_k_can_always_be_sent(serve, query, documents, key):
    """For a server that otherwise leaves documents out."""
    server = serve("jina")
    options = {"base_url": server.url, "api_key": key, "model": "m"}
    with resift.load("http", **options, always_top_k=True) as reranker:
        reranker.score(query, documents)
        reranker.rank(query, documents, top_k=2)

    assert [request.body["top_n"] for request in server.requests] == [3, 2]


def test_documents_that_are_left_out_unasked_name_the_option(serve, documents, key):
    """Few results without `top_k` are an error that tells how to ask for all."""
    server = serve("jina")
    server.corrupt("missing", times=3)
    options = {"base_url": server.url, "api_key": key, "model": "m"}
    told = []
    for more in ({}, {"always_top_k": True}):
        with (
            resift.load("http", **options, **more) as reranker,
            pytest.raises(ServerError) as caught,
        ):
            reranker.score("capital of France", documents)
        told.append(str(caught.value).partition("cannot be used: ")[2])

    assert told == [
        "it scores 2 of 3 documents; if the server cuts its answers unless it gets "
        "'top_n', set 'always_top_k'.",
        "it scores 2 of 3 documents.",
    ]


@pytest.mark.parametrize(
    ("base", "path", "asked"),
    [
        ("", "/v1/rerank/", "/v1/rerank/"),
        ("/v1/", "/v1/rerank", "/v1/rerank"),
        ("/v1/rerank/", "/v1/rerank", "/v1/rerank"),
        ("/rank/", "", "/rank/"),
        ("/rank", "", "/rank"),
    ],
)
def test_a_route_keeps_the_slash_at_its_end(says, base, path, asked):
    """Some servers know a route with the slash only, and others without."""
    server = says({"results": [{"index": 0, "relevance_score": 1}]}, path=asked)
    with resift.load("http", base_url=f"{server.url}{base}", path=path) as reranker:
        reranker.score("q", ["Paris"])

    assert server.requests[0].path == asked


def test_parameters_belong_in_the_path():
    """The message says so, and shows none: they may be secret."""
    with pytest.raises(OptionsError) as caught:
        resift.load("http", base_url="http://localhost/rank?key=sk-secret", path="")

    assert str(caught.value).endswith(
        "option 'base_url' must be an address such as 'http://localhost:8000', without "
        "user, password or parameters. Parameters belong in 'path'."
    )


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            {"error": {"message": "Slow down.", "code": 429}},
            RateLimitError,
            "too many requests (HTTP 200 with error 429: Slow down.). Send fewer at a "
            "time, or raise 'timeout' or 'max_retries'.",
        ),
        (
            {"code": "InvalidApiKey", "message": "No such key."},
            AuthenticationError,
            "the server refuses the key (HTTP 200 with error 401: No such key.). Check "
            "'api_key'.",
        ),
        (
            {"code": 20012, "message": "Model does not exist", "data": None},
            BadRequestError,
            "the server rejects the request (HTTP 200 with error 400: Model does not "
            "exist).",
        ),
    ],
)
def test_an_error_under_status_200_keeps_its_words(says, body, kind, said):
    """Gateways wrap the error of the server behind them."""
    server = says(body, body)
    options = {"base_url": server.url, "max_retries": 0}
    with resift.load("http", **options) as reranker, pytest.raises(kind) as caught:
        reranker.score("q", ["Paris"])

    assert str(caught.value) == f"http at {server.url}/v1/rerank: {said}"


def test_a_passing_error_under_status_200_is_tried_again(serve, query, documents, key):
    """A busy server behind a gateway may answer the next time."""
    server = serve("jina")
    server.fail(200, body=b'{"error": {"message": "Busy.", "code": "503"}}')
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        reranker.score(query, documents)

    assert len(server.requests) == 2
