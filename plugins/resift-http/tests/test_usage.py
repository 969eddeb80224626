from __future__ import annotations

import pytest

import resift
from resift_remote.testing import RerankServer

QUERY, TEXTS = "capital of France", ["Paris", "the Alps"]
WORDS = 9  # the query's three with each text, and the texts' three
OPTIONS = {"nim": {"self_hosted": True}, "watsonx": {"project_id": "p"}}
TOKENS = {"calls": 1, "input_tokens": WORDS}
EXPECTED = {
    "jina": TOKENS,
    "voyage": TOKENS,
    "mixedbread": TOKENS,
    "pinecone": {"calls": 1, "search_units": 1},
    "together": TOKENS,
    "nvidia": TOKENS,
    "nim": TOKENS,
    "isaacus": TOKENS,
    "zeroentropy": TOKENS,
    "deepinfra": TOKENS,
    "contextual": {"calls": 1},
    "dashscope": TOKENS,
    "watsonx": TOKENS,
    "tei": {"calls": 1},
    "infinity": TOKENS,
    "vllm": TOKENS,
}


def load(server, dialect, **given):
    """Load the reranker of a dialect in front of a server."""
    name = {"nim": "nvidia"}.get(dialect, dialect)
    extra = {**OPTIONS.get(dialect, {}), **given}
    return resift.load(
        name, config=None, base_url=server.url, api_key="secret-key-123456", **extra
    )


@pytest.mark.parametrize("dialect", EXPECTED)
def test_every_dialect_tells_what_a_call_cost(dialect):
    """Tokens or search units are read where the vendor's answer holds them."""
    with RerankServer(dialect) as server:
        given = {"iam_url": server.url} if dialect == "watsonx" else {}
        with load(server, dialect, **given) as reranker:
            ranked = reranker.rank(QUERY, TEXTS)

    assert ranked.usage == EXPECTED[dialect]


def test_any_server_is_read_where_most_tell_it():
    """A server that is only described tells its tokens in the usual place."""
    with (
        RerankServer("jina") as server,
        resift.load("http", config=None, base_url=server.url) as reranker,
    ):
        ranked = reranker.rank(QUERY, TEXTS)

    assert ranked.usage == TOKENS


def test_parts_are_added_up():
    """Three requests for one call are three calls, and all their tokens."""
    with (
        RerankServer("jina") as server,
        load(server, "jina", max_documents=1) as reranker,
    ):
        ranked = reranker.rank(QUERY, ["a", "b", "c"])

    assert ranked.usage == {"calls": 3, "input_tokens": 12}
