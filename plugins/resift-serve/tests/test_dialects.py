"""Every dialect that resift-http speaks comes back from this server."""

from __future__ import annotations

import pytest

import resift
from resift.authors import catalog

QUERY = "where do red foxes sleep"
DOCUMENTS = [
    "Tax law changed in May.",
    "A red fox sleeps in a den.",
    "Foxes hunt at night.",
    "",
    "The red fox is a fox that is red.",
    "Fish sleep with open eyes.",
]

SQUASHED = {
    "cohere": {},
    "jina": {},
    "voyage": {},
    "mixedbread": {},
    "pinecone": {},
    "together": {},
    "isaacus": {},
    "zeroentropy": {},
    "deepinfra": {},
    "contextual": {},
    "dashscope": {},
    "tei": {},
    "infinity": {},
    "vllm": {},
    "http": {},
}
RAW = {
    "nvidia": {},
    "tei": {"raw_scores": True},
    "infinity": {"raw_scores": True},
    "vllm": {"use_activation": False},
    "http": {"constants": {"raw_scores": True}},
}


@pytest.fixture(name="local", scope="module")
def _local():
    with resift.load("bm25") as reranker:
        yield reranker


def remote(client, name, **options):
    """Return the reranker of a dialect that asks *client*'s server."""
    if name not in ("infinity", "vllm", "tei", "http"):
        options["api_key"] = "key"
    if name != "tei":
        options["model"] = "words"
    return resift.load(name, base_url=client.base, config=None, **options)


@pytest.mark.parametrize("name", SQUASHED)
def test_a_dialect_comes_back_in_the_order_of_the_reranker(client, local, name):
    """The scores lie between 0 and 1, and order the documents as in process."""
    expected = local.rank(QUERY, DOCUMENTS)

    with remote(client, name, **SQUASHED[name]) as reranker:
        ranked = reranker.rank(QUERY, DOCUMENTS)
        best = reranker.rank(QUERY, DOCUMENTS, top_k=2)

    assert [d.index for d in ranked] == [d.index for d in expected]
    assert [d.index for d in best] == [d.index for d in expected[:2]]
    assert all(0 <= d.score <= 1 for d in ranked if d.score is not None)


@pytest.mark.parametrize("name", RAW)
def test_raw_scores_are_those_of_the_reranker(client, local, name):
    """Where a dialect has logits, the numbers are the same as in process."""
    expected = local.rank(QUERY, DOCUMENTS)

    with remote(client, name, **RAW[name]) as reranker:
        ranked = reranker.rank(QUERY, DOCUMENTS)

    assert [(d.index, d.score) for d in ranked] == [
        (d.index, d.score) for d in expected
    ]


def test_a_self_hosted_nim_comes_back(client, local):
    """Its path is another one than that of NVIDIA's own servers."""
    expected = local.rank(QUERY, DOCUMENTS)

    with remote(client, "nvidia", self_hosted=True) as reranker:
        ranked = reranker.rank(QUERY, DOCUMENTS)

    assert [d.score for d in ranked] == [d.score for d in expected]


def test_watsonx_comes_back(client, local, http_answering):
    """Its scores are logits; another server gives a token for the key."""
    expected = local.rank(QUERY, DOCUMENTS)

    with http_answering(b'{"access_token": "token", "expires_in": 3600}') as iam:
        options = {"project_id": "p", "iam_url": iam}
        with remote(client, "watsonx", **options) as reranker:
            ranked = reranker.rank(QUERY, DOCUMENTS)

    assert [d.score for d in ranked] == [d.score for d in expected]


def test_no_dialect_is_left_out():
    """Every reranker of resift-http is in a test above."""
    here = {*SQUASHED, *RAW, "watsonx"} - {"cohere"}
    known = {p.name for p in catalog().providers if p.distribution == "resift-http"}

    assert known == {*here, "resift"}


@pytest.mark.parametrize("name", ["jina", "tei", "nvidia", "deepinfra", "cohere"])
def test_an_unscored_document_stands_last_in_every_dialect(running, name):
    """A score is a number for every client; that of no score is below all others."""
    config = {
        "default": "words",
        "rerankers": {"words": {"use": "bm25", "window": 2}},
    }

    with running(config) as client, remote(client, name) as reranker:
        ranked = reranker.rank("fox", ["tax", "fox", "fox fox fox", "red fox"])

    assert [d.index for d in ranked] == [1, 0, 2, 3]
