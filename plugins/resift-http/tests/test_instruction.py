from __future__ import annotations

import re

import pytest

import resift
from resift_http import DIALECTS
from resift_remote.testing import RerankServer

QUERY, TEXTS = "capital of France", ["Paris", "the Alps"]
WORDS = "Only cities count."
KEY = {"config": None, "api_key": "secret-key-123456"}
TAKES = ("voyage", "contextual", "dashscope", "deepinfra", "vllm")


@pytest.mark.parametrize("dialect", ["contextual", "deepinfra", "vllm"])
def test_servers_get_it_in_a_field(dialect):
    """A server that takes an instruction gets that of the call, and only then."""
    with (
        RerankServer(dialect) as server,
        resift.load(dialect, base_url=server.url, **KEY) as reranker,
    ):
        reranker.rank(QUERY, TEXTS, instruction=WORDS)
        reranker.rank_many([QUERY], [TEXTS], instruction="Only rivers count.")
        reranker.rank(QUERY, TEXTS)
        bodies = [request.body for request in server.requests]

    sent = [body.get("instruction") for body in bodies]
    assert sent == [WORDS, "Only rivers count.", None]


def test_voyage_gets_it_before_the_query():
    """Voyage reads it in the query itself."""
    with (
        RerankServer("voyage") as server,
        resift.load("voyage", base_url=server.url, **KEY) as reranker,
    ):
        reranker.rank(QUERY, TEXTS, instruction=WORDS)
        (request,) = server.requests

    assert request.body["query"] == f"{WORDS}\n{QUERY}"


def test_a_described_server_gets_it_where_its_config_says():
    """`http` sends it in the field that is named, nested ones among them."""
    with (
        RerankServer("vllm") as server,
        resift.load(
            "http", config=None, base_url=server.url, instruction_field="instruction"
        ) as reranker,
    ):
        reranker.rank(QUERY, TEXTS, instruction=WORDS)
        (request,) = server.requests

    assert request.body["instruction"] == WORDS


def test_dashscope_gets_it_among_its_parameters():
    """DashScope reads it beside the number of results, apart from its input."""
    with (
        RerankServer("dashscope") as server,
        resift.load("dashscope", base_url=server.url, **KEY) as reranker,
    ):
        reranker.rank(QUERY, TEXTS, top_k=2, instruction=WORDS)
        (request,) = server.requests

    assert request.body == {
        "model": "qwen3-rerank",
        "input": {"query": QUERY, "documents": TEXTS},
        "parameters": {"instruct": WORDS, "top_n": 2},
    }


def test_one_entry_of_a_config_may_have_its_own(tmp_path, monkeypatch):
    """An instruction in a config is sent with every call that brings none."""
    monkeypatch.chdir(tmp_path)
    with RerankServer("vllm") as server:
        (tmp_path / "resift.toml").write_text(
            "[rerankers.cities]\n"
            'use = "vllm"\n'
            f'instruction = "{WORDS}"\n'
            f'options = {{ base_url = "{server.url}" }}\n'
        )
        with resift.load("cities") as reranker:
            reranker.rank(QUERY, TEXTS)
            reranker.rank(QUERY, TEXTS, instruction="Only rivers count.")
        sent = [request.body["instruction"] for request in server.requests]

    assert sent == [WORDS, "Only rivers count."]


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {*TAKES, "nim"}))
def test_the_others_refuse_it(dialect):
    """A server that takes none is never asked: the words would have no effect."""
    extra = {"project_id": "p"} if dialect == "watsonx" else {}
    reranker = resift.load(dialect, **KEY, **extra)
    expected = (
        f"Reranker {dialect!r} (resift-http 0.1.0) does not read an instruction, so "
        "that it would have no effect. Leave it out, or use a reranker that reads one."
    )

    with pytest.raises(resift.InputError, match=f"^{re.escape(expected)}$"):
        reranker.rank(QUERY, TEXTS, instruction=WORDS)


@pytest.mark.parametrize(
    ("name", "model"), [("voyage", "rerank-2"), ("dashscope", "gte-rerank-v2")]
)
def test_older_models_of_a_vendor_refuse_it(name, model):
    """Of one vendor, the models that take none are told apart."""
    reranker = resift.load(name, model=model, **KEY)

    with pytest.raises(resift.InputError, match="does not read an instruction"):
        reranker.rank(QUERY, TEXTS, instruction=WORDS)
    assert not reranker.traits.takes_instruction


def test_an_error_never_repeats_it():
    """What a server echoes of an instruction is left out of the error."""
    words = "Only what concerns patient Miller of ward seven counts."
    with (
        RerankServer("vllm") as server,
        resift.load("vllm", base_url=server.url, max_retries=0) as reranker,
    ):
        server.fail(400, message=f"cannot follow: {words}")
        with pytest.raises(resift.BadRequestError) as caught:
            reranker.rank(QUERY, TEXTS, instruction=words)

    assert "Miller" not in str(caught.value)
