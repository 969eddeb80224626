from __future__ import annotations

import inspect

from resift.options import Schema
from resift_remote import RemoteReranker, option_values, options


@options
class Nearer(RemoteReranker):
    """A base.

    Args:
        base_url: Where the server is.
    """

    name = "acme"
    base_url: str | None = None

    def ask(self, query, documents, top_k, deadline):
        return dict.fromkeys(range(len(documents)), 0.5)

    def key_source(self):
        raise NotImplementedError


@options
class Acme(Nearer):
    """Rerank with Acme.

    Args:
        model: The model.
        max_documents: Ten, as everybody knows.
    """

    model: str = "acme-1"
    max_documents: int = 10


def test_the_nearest_options_come_first():
    """Each is keyword-only, stands once, and is described where it was written last."""
    found = Schema(Acme, "acme").options
    parameters = inspect.signature(Acme).parameters.values()

    assert list(found) == [
        "model",
        "max_documents",
        "base_url",
        "api_key",
        "timeout",
        "max_retries",
        "concurrency",
        "ca_file",
    ]
    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(option.summary for option in found.values())
    assert found["max_documents"].summary == "Ten, as everybody knows."
    assert found["api_key"].is_secret


def test_values_are_those_of_the_instance():
    """What was not given has its default."""
    assert option_values(Acme(model="m", timeout=5)) == {
        "model": "m",
        "max_documents": 10,
        "base_url": None,
        "api_key": None,
        "timeout": 5,
        "max_retries": 2,
        "concurrency": 4,
        "ca_file": None,
    }
