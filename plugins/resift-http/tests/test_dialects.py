from __future__ import annotations

import numpy as np
import pytest

import resift
from resift_http import DIALECTS
from resift_remote.testing import RerankServer

TEXTS = ["the capital of France is Paris", "Lyon is a city"]
WRAPPED = [{"text": text} for text in TEXTS]
QUERY = "capital of France"
BEARER = ("authorization", "Bearer sk")

# name, options, path, header of the key, body with top_k = 1: all as the vendors'
# documentation and clients have it
EXCHANGES = [
    (
        "jina",
        {"truncation": True},
        "/v1/rerank",
        BEARER,
        {
            "model": "jina-reranker-v2-base-multilingual",
            "query": QUERY,
            "documents": TEXTS,
            "return_documents": False,
            "truncation": True,
            "top_n": 1,
        },
    ),
    (
        "voyage",
        {"truncation": False},
        "/v1/rerank",
        BEARER,
        {
            "model": "rerank-2.5",
            "query": QUERY,
            "documents": TEXTS,
            "truncation": False,
            "top_k": 1,
        },
    ),
    (
        "mixedbread",
        {"rewrite_query": True},
        "/v1/reranking",
        BEARER,
        {
            "model": "mixedbread-ai/mxbai-rerank-large-v2",
            "query": QUERY,
            "input": TEXTS,
            "rewrite_query": True,
            "top_k": 1,
        },
    ),
    (
        "pinecone",
        {"truncate": "END"},
        "/rerank",
        ("api-key", "sk"),
        {
            "model": "bge-reranker-v2-m3",
            "query": QUERY,
            "documents": WRAPPED,
            "rank_fields": ["text"],
            "return_documents": False,
            "parameters": {"truncate": "END"},
            "top_n": 1,
        },
    ),
    (
        "together",
        {},
        "/v1/rerank",
        BEARER,
        {
            "model": "mixedbread-ai/Mxbai-Rerank-Large-V2",
            "query": QUERY,
            "documents": TEXTS,
            "top_n": 1,
        },
    ),
    (
        "nvidia",
        {"truncate": "END"},
        "/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
        BEARER,
        {
            "model": "nvidia/llama-3.2-nv-rerankqa-1b-v2",
            "query": {"text": QUERY},
            "passages": WRAPPED,
            "truncate": "END",
        },
    ),
    (
        "isaacus",
        {"scoring_method": "chunk_avg", "chunk_size": 512, "chunk_overlap_ratio": 0.1},
        "/v1/rerankings",
        BEARER,
        {
            "model": "kanon-2-reranker",
            "query": QUERY,
            "texts": TEXTS,
            "scoring_method": "chunk_avg",
            "chunking_options": {"size": 512, "overlap_ratio": 0.1},
            "top_n": 1,
        },
    ),
    (
        "zeroentropy",
        {"latency": "slow"},
        "/v1/models/rerank",
        BEARER,
        {
            "model": "zerank-2",
            "query": QUERY,
            "documents": TEXTS,
            "latency": "slow",
            "top_n": 1,
        },
    ),
    (
        "deepinfra",
        {},
        "/v1/inference/Qwen/Qwen3-Reranker-8B",
        BEARER,
        {
            "queries": [QUERY, QUERY],
            "documents": TEXTS,
        },
    ),
    (
        "contextual",
        {},
        "/v1/rerank",
        BEARER,
        {
            "model": "ctxl-rerank-v2-instruct-multilingual",
            "query": QUERY,
            "documents": TEXTS,
            "top_n": 1,
        },
    ),
    (
        "dashscope",
        {},
        "/api/v1/services/rerank/text-rerank/text-rerank",
        BEARER,
        {
            "model": "qwen3-rerank",
            "input": {"query": QUERY, "documents": TEXTS},
            "parameters": {"top_n": 1},
        },
    ),
    (
        "tei",
        {"truncate": True, "raw_scores": True},
        "/rerank",
        BEARER,
        {"query": QUERY, "texts": TEXTS, "truncate": True, "raw_scores": True},
    ),
    (
        "infinity",
        {"model": "bge", "raw_scores": True},
        "/rerank",
        BEARER,
        {
            "model": "bge",
            "query": QUERY,
            "documents": TEXTS,
            "raw_scores": True,
            "top_n": 1,
        },
    ),
    (
        "vllm",
        {"truncate_prompt_tokens": -1, "use_activation": False},
        "/v1/rerank",
        BEARER,
        {
            "query": QUERY,
            "documents": TEXTS,
            "truncate_prompt_tokens": -1,
            "use_activation": False,
            "top_n": 1,
        },
    ),
]


@pytest.fixture(params=EXCHANGES, ids=lambda exchange: exchange[0])
def exchange(request):
    """One dialect, and what it must look like on the wire."""
    return request.param


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_scores_by_index(serve, query, documents, scores, key, name):
    """Each score lands on the document it belongs to, in every dialect."""
    server = serve(name)
    options = {"self_hosted": True} if name == "nim" else {}
    if name == "watsonx":
        options = {"project_id": "p", "iam_url": server.url}

    with resift.load(
        {"nim": "nvidia"}.get(name, name), base_url=server.url, api_key=key, **options
    ) as reranker:
        got = reranker.score(query, documents)

    assert list(got.values) == pytest.approx(scores)
    assert got.notes == ()


def test_the_request_is_what_the_vendor_documents(exchange):
    """Path, key and body hold what the vendor documents, and nothing else."""
    name, options, path, header, body = exchange
    with (
        RerankServer(name, api_key="sk") as server,
        resift.load(name, base_url=server.url, api_key="sk", **options) as reranker,
    ):
        reranker.rank(QUERY, TEXTS, top_k=1)
        request = server.requests[-1]

    assert request.path == path
    assert request.headers[header[0]] == header[1]
    assert request.body == body


def test_nothing_is_sent_that_was_not_asked_for(exchange):
    """Without options and top_k, no optional field is in the body."""
    name, options, _, _, body = exchange
    kept = {"model": options["model"]} if "model" in options else {}
    optional = {*options, "top_n", "top_k", "chunking_options", "parameters"} - {*kept}
    with (
        RerankServer(name, api_key="sk") as server,
        resift.load(name, base_url=server.url, api_key="sk", **kept) as reranker,
    ):
        reranker.rank(QUERY, TEXTS)
        sent = server.requests[-1].body

    assert sent == {key: body[key] for key in body if key not in optional}


def test_a_self_hosted_nim_has_its_own_path_and_needs_no_key(serve, query, documents):
    """`self_hosted` posts to /v1/ranking, without an Authorization header."""
    server = serve("nim", api_key=None)
    with resift.load("nvidia", self_hosted=True, base_url=server.url) as reranker:
        reranker.rank(query, documents)

    assert server.requests[0].path == "/v1/ranking"
    assert "authorization" not in server.requests[0].headers


def test_pinecone_is_told_the_version_of_its_api(serve, query, documents, key):
    """`api_version` is a header."""
    server = serve("pinecone")
    with resift.load(
        "pinecone", base_url=server.url, api_key=key, api_version="2025-04"
    ) as reranker:
        reranker.rank(query, documents)

    assert server.requests[0].headers["x-pinecone-api-version"] == "2025-04"


def test_a_cut_answer_leaves_the_rest_unscored(serve, query, documents, key):
    """With top_k, documents that the server left out are not scored: they are not 0."""
    server = serve("jina")
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        ranked = reranker.score(query, documents, top_k=2)

    assert ranked.values[0] == 1.0
    assert np.isnan(ranked.values[1])


@pytest.mark.parametrize("top_k", [3, 9])
def test_top_k_is_sent_whenever_it_is_asked_for(serve, query, documents, key, top_k):
    """It is never more than the documents: some servers refuse that."""
    server = serve("jina")
    with resift.load("jina", base_url=server.url, api_key=key) as reranker:
        reranker.rank(query, documents, top_k=top_k)

    assert server.requests[0].body["top_n"] == 3


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("jina", {}, "probability"),
        ("jina", {"model": "jina-reranker-v3"}, "ordinal"),
        ("nvidia", {}, "logit"),
        ("watsonx", {"project_id": "p"}, "logit"),
        ("tei", {}, "probability"),
        ("tei", {"raw_scores": True}, "logit"),
        ("infinity", {"raw_scores": True}, "logit"),
        ("vllm", {}, "probability"),
        ("vllm", {"use_activation": False}, "logit"),
        ("http", {"base_url": "http://localhost"}, "ordinal"),
        ("http", {"base_url": "http://localhost", "score_kind": "logit"}, "logit"),
    ],
)
def test_the_dialect_says_what_a_score_means(name, options, kind):
    """`score_kind` follows the dialect and the options that change the scale."""
    reranker = resift.load(name, **options)

    assert reranker.score_kind == kind


def test_probabilities_outside_0_and_1_come_with_a_note(serve, query, documents, key):
    """A server that promises probabilities and sends logits is found out."""
    server = serve("vllm", score=lambda _, document: float(len(document)))
    with resift.load("vllm", base_url=server.url, api_key=key) as reranker:
        got = reranker.score(query, documents)

    assert list(got.values) == [30.0, 14.0, 32.0]
    assert list(got.notes) == [
        "vllm: some scores are outside 0 to 1, so they are no probabilities; do not "
        "compare them with a threshold."
    ]


def test_pointwise_is_true_but_for_models_that_compare_documents():
    """Jina's version 3 scores the documents of a request against each other."""
    assert resift.load("jina").pointwise
    assert not resift.load("jina", model="jina-reranker-v3").pointwise
