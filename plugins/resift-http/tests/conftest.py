"""A real server on loopback, and no key in the environment."""

from __future__ import annotations

import pytest

from resift_http import DIALECTS
from resift_remote.testing import RerankServer

QUERY = "capital of France"
DOCUMENTS = [
    "the capital of France is Paris",
    "Lyon is a city",
    "Berlin is the capital of Germany",
]
SCORES = [1.0, 0.0, 2 / 3]
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Hide the keys of whoever runs the tests."""
    variables = {v for d in DIALECTS.values() for v in d.key_variables}
    for name in (*variables, "WATSONX_PROJECT_ID", "WATSONX_SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve():
    """Start a server; it is closed after the test."""
    servers = []

    def start(dialect="jina", **options):
        options = {"api_key": KEY, **options}
        servers.append(RerankServer(dialect, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def query():
    """Three words."""
    return QUERY


@pytest.fixture
def documents():
    """They hold 3, 0 and 2 of the query's 3 words."""
    return list(DOCUMENTS)


@pytest.fixture
def scores():
    """What the server makes of the documents."""
    return list(SCORES)


@pytest.fixture
def key():
    """The only key that the servers accept."""
    return KEY
