"""The vendors' own clients, where they are installed: they ask this server."""

from __future__ import annotations

import warnings

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

QUERY = "red fox"
DOCUMENTS = ["tax law", "the red fox sleeps", "foxes"]


def module(name):
    """Import a client that may be absent, and may warn on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed")


def test_cohere_of_both_versions(client):
    """`rerank` of the first and the second API."""
    cohere = module("cohere")
    for made in (cohere.Client, cohere.ClientV2):
        asked = made(base_url=client.base, api_key="key")
        answer = asked.rerank(model="words", query=QUERY, documents=DOCUMENTS, top_n=2)

        assert [r.index for r in answer.results] == [1, 0]


def test_voyage(client):
    """It reads `data` and the total of tokens."""
    voyageai = module("voyageai")
    asked = voyageai.Client(api_key="key", base_url=f"{client.base}/v1")
    answer = asked.rerank(QUERY, DOCUMENTS, model="words", top_k=2)

    assert [r.index for r in answer.results] == [1, 0]
    assert answer.results[0].document == DOCUMENTS[1]


def test_together(client):
    """It reads the text of documents that it asked back."""
    together = module("together")
    asked = together.Together(api_key="key", base_url=f"{client.base}/v1")
    answer = asked.rerank.create(
        model="words", query=QUERY, documents=DOCUMENTS, return_documents=True
    )

    assert [r.index for r in answer.results] == [1, 0, 2]


def test_mixedbread(client):
    """It has the documents as `input`."""
    mixedbread = module("mixedbread")
    asked = mixedbread.Mixedbread(api_key="key", base_url=client.base)
    answer = asked.rerank(model="words", query=QUERY, input=DOCUMENTS, top_k=2)

    assert [r.index for r in answer.data] == [1, 0]


def test_isaacus(client):
    """It has them as `texts`, and wants results all the same."""
    isaacus = module("isaacus")
    asked = isaacus.Isaacus(api_key="key", base_url=f"{client.base}/v1")
    answer = asked.rerankings.create(model="words", query=QUERY, texts=DOCUMENTS)

    assert [r.index for r in answer.results] == [1, 0, 2]


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("cohere", "/v2/rerank"),
        ("jina_ai", "/v1/rerank"),
        ("voyage", "/v1/rerank"),
        ("together_ai", "/v1/rerank"),
        ("infinity", ""),
        ("hosted_vllm", ""),
        ("deepinfra", "/v1/inference"),
    ],
)
def test_litellm(client, provider, path, echo):
    """Two of its providers send the same bytes, and read the answer differently."""
    litellm = module("litellm")
    answer = litellm.rerank(
        model=f"{provider}/words",
        query=QUERY,
        documents=DOCUMENTS,
        return_documents=echo,
        api_base=f"{client.base}{path}",
        api_key="key",
    )

    assert max(answer.results, key=lambda r: r["relevance_score"])["index"] == 1
