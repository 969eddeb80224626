"""A chat server on loopback, and no key in the environment."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest

import resift
from resift.testing import word_overlap
from resift_remote.testing import DIALECTS, Dialect, RerankServer

KEY = "sk-very-secret-0123456789"
FIELDS = frozenset(
    {
        "model",
        "messages",
        "temperature",
        "seed",
        "max_tokens",
        "response_format",
        "logprobs",
        "top_logprobs",
    }
)


def data_in(body):
    """Return the JSON object that the user's message of a request starts with."""
    data, _ = json.JSONDecoder().raw_decode(body["messages"][-1]["content"])
    return data


def completion(content, finish_reason="stop", logprobs=None, **message):
    """Return an answer as chat servers give it."""
    message = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    choice["logprobs"] = None if logprobs is None else {"content": logprobs}
    return {"id": "0", "object": "chat.completion", "choices": [choice]}


def token(text, likely=None):
    """Return a token of ``logprobs``; *likely* tells probabilities at its place."""
    likely = {text: 1.0} if likely is None else likely
    top = [
        {"token": t, "logprob": math.log(p), "bytes": list(t.encode())}
        for t, p in sorted(likely.items(), key=lambda pair: -pair[1])
        if p
    ]
    return {"token": text, "logprob": top[0]["logprob"], "top_logprobs": top}


def overlap(data, body):
    """Answer by the share of the query's words that a passage contains."""
    query = data["query"]
    if "passages" in data:
        scores = [-word_overlap(query, p["text"]) for p in data["passages"]]
        best = sorted(range(len(scores)), key=scores.__getitem__)
        return json.dumps({"ranking": [data["passages"][i]["number"] for i in best]})
    share = word_overlap(query, data["passage"])
    (field,) = body["response_format"]["json_schema"]["schema"]["properties"]
    if field == "relevant":
        likely = {"yes": share, "no": 1 - share}
    else:  # two neighbouring grades whose mean is the share
        low = min(int(3 * share), 2)
        likely = {str(low): low + 1 - 3 * share, str(low + 1): 3 * share - low}
    label = max(likely, key=likely.get)
    quote = '"' if field == "relevant" else ""
    spoken = [f'{{"{field}', '":', f" {quote}", label, f"{quote}}}"]
    logprobs = [token(t, likely if t == label else None) for t in spoken]
    return completion("".join(spoken), logprobs=logprobs)


@dataclass(frozen=True)
class Chat(Dialect):
    """The dialect of chat servers: *says* is the model, *takes* what may be sent."""

    path: str = "/v1/chat/completions"
    says: object = overlap
    takes: frozenset = FIELDS
    error: object = lambda _status, text: {"error": {"message": text, "type": "error"}}

    def refusal(self, body, most):
        """Return why a real server would refuse *body*."""
        if unknown := sorted(set(body) - self.takes):
            return f"Unknown field: {unknown[0]}"
        roles = [message["role"] for message in body["messages"]]
        return "" if roles == ["system", "user"] else "Wrong roles."

    def answer(self, body, score, corruption=""):
        """Return what the model says."""
        said = self.says(data_in(body), body)
        said = completion(said) if isinstance(said, str) else said
        sent = sum(len(message["content"].split()) for message in body["messages"])
        return {"usage": {"prompt_tokens": sent, "completion_tokens": 7}, **said}


class ChatServer(RerankServer):
    """A chat server on loopback that can fail in every way that `RerankServer` can."""

    def __init__(self, says=overlap, takes=FIELDS, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(DIALECTS, "chat", Chat(says=says, takes=takes))
            super().__init__("chat", **options)

    @property
    def base_url(self):
        """What the option of that name should be."""
        return f"{self.url}/v1"

    @property
    def bodies(self):
        """What was sent so far."""
        return [request.body for request in self.requests]

    @property
    def shown(self):
        """The texts of the passages of each request."""
        return [[p["text"] for p in data_in(b)["passages"]] for b in self.bodies]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Hide the key of whoever runs the tests."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="session")
def chat_server():
    """The class of the servers."""
    return ChatServer


@pytest.fixture
def serve():
    """Start a server; it is closed after the test."""
    servers = []

    def start(says=overlap, **options):
        servers.append(ChatServer(says, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(serve):
    """A server whose model goes by the words that query and passage share."""
    return serve()


@pytest.fixture
def load():
    """Load `llm` in front of a server; it is closed after the test."""
    loaded = []

    def build(server, **options):
        options = {"base_url": server.base_url, "model": "m", **options}
        loaded.append(resift.load("llm", **options))
        return loaded[-1]

    yield build
    for reranker in loaded:
        reranker.close()


@pytest.fixture
def answer():
    """`completion`, for tests that script an answer."""
    return completion


@pytest.fixture
def spoken():
    """`token`, for tests that script ``logprobs``."""
    return token


@pytest.fixture
def data():
    """`data_in`, for tests that look at what was sent."""
    return data_in


@pytest.fixture
def key():
    """A key."""
    return KEY


@pytest.fixture
def query():
    """Three words."""
    return "capital of France"


@pytest.fixture
def documents():
    """They hold 2, 0 and 3 of the query's 3 words."""
    return [
        "Berlin is the capital of Germany",
        "Lyon is a city",
        "the capital of France is Paris",
    ]
