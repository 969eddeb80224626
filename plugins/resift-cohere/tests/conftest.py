"""A real server on loopback, the real SDK, and no key in the environment."""

from __future__ import annotations

import pytest

import resift
from resift_remote.testing import RerankServer

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Hide the keys of whoever runs the tests."""
    for name in ("CO_API_KEY", "COHERE_API_KEY", "CO_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve():
    """Start a server with Cohere's dialect; it is closed after the test."""
    servers = []

    def start(**options):
        servers.append(RerankServer("cohere", **{"api_key": KEY, **options}))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(serve):
    """A server that takes the key."""
    return serve()


@pytest.fixture
def load(server):
    """Load `cohere` with that server behind it; it is closed after the test."""
    loaded = []

    def build(**options):
        options = {"base_url": server.url, "api_key": KEY, **options}
        loaded.append(resift.load("cohere", **options))
        return loaded[-1]

    yield build
    for reranker in loaded:
        reranker.close()


@pytest.fixture
def key():
    """The only key that the servers accept."""
    return KEY


@pytest.fixture
def query():
    """Three words."""
    return "capital of France"


@pytest.fixture
def documents():
    """They hold 3, 0 and 2 of the query's 3 words."""
    return [
        "the capital of France is Paris",
        "Lyon is a city",
        "Berlin is the capital of Germany",
    ]
