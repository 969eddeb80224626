from __future__ import annotations

import json
import re
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import resift
from resift_http import DIALECTS
from resift_remote.testing import RerankServer

QUERY, TEXTS = "capital of France", ["Paris", "the Alps"]
WORDS = "Only cities count."
KEY = {"config": None, "api_key": "secret-key-123456"}
TAKES = ("voyage", "deepinfra", "vllm")


@pytest.mark.parametrize("dialect", ["deepinfra", "vllm"])
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


@pytest.fixture
def answering():
    """Return a server that answers as it is told, and the bodies that it got."""
    bodies, answer = [], {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            bodies.append(json.loads(self.rfile.read(size)))
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies, answer
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "body", "wrapped"),
    [
        (
            "contextual",
            {
                "model": "ctxl-rerank-v2-instruct-multilingual",
                "query": QUERY,
                "documents": TEXTS,
                "instruction": WORDS,
                "top_n": 2,
            },
            lambda results: {"results": results},
        ),
        (
            "dashscope",
            {
                "model": "qwen3-rerank",
                "input": {"query": QUERY, "documents": TEXTS},
                "parameters": {"instruct": WORDS, "top_n": 2},
            },
            lambda results: {"output": {"results": results}},
        ),
    ],
)
def test_the_servers_of_the_readme_get_it(answering, monkeypatch, name, body, wrapped):
    """What the README describes of a vendor asks its server, and reads its answer."""
    url, bodies, answer = answering
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"```toml\n(\[rerankers\.contextual\].*?)```", readme, re.DOTALL
    )
    config = tomllib.loads(block)
    config["rerankers"][name]["options"]["base_url"] = url
    monkeypatch.setenv("CONTEXTUAL_API_KEY", KEY["api_key"])
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY["api_key"])
    answer |= wrapped(
        [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]
    )

    with resift.load(name, config=config) as reranker:
        ranked = reranker.rank(QUERY, TEXTS, top_k=2, instruction=WORDS)

    assert bodies == [body]
    assert [(item.index, item.score) for item in ranked] == [
        (1, pytest.approx(0.9)),
        (0, pytest.approx(0.2)),
    ]


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


def test_older_models_of_voyage_refuse_it():
    """Of one vendor, the models that take none are told apart."""
    reranker = resift.load("voyage", model="rerank-2", **KEY)

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
