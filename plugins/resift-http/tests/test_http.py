from __future__ import annotations

import pytest

import resift
from resift.errors import OptionsError


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
