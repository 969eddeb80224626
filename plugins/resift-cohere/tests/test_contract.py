"""The contract of `resift.testing`."""

from __future__ import annotations

import pytest

from resift.testing import RerankerSuite
from resift.testing.server import RerankServer

KEY = "sk-very-secret-0123456789"


class TestCohere(RerankerSuite):
    """Every promise that a reranker makes, with the real SDK and a server."""

    name = "cohere"
    network = True

    @pytest.fixture(scope="class")
    def reranker_options(self):
        """Give it the server's address."""
        with RerankServer("cohere", api_key=KEY) as server:
            yield {"base_url": server.url, "api_key": KEY}
