"""The contract of `resift.testing`."""

from __future__ import annotations

import pytest

from resift.testing import RerankerSuite
from resift_remote.testing import RerankServer

KEY = "sk-very-secret-0123456789"


class TestCohere(RerankerSuite):
    """Every promise that a reranker makes, with the real SDK and a server."""

    name = "cohere"
    network = True
    failing_options = {"base_url": "http://127.0.0.1:9", "max_retries": 0}

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls):
        """Give it the server's address."""
        with RerankServer("cohere", api_key=KEY) as server:
            yield {"base_url": server.url, "api_key": KEY}
