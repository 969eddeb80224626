"""The contract of `resift.testing`, for each way of asking."""

from __future__ import annotations

import pytest

from resift.testing import RerankerSuite

KEY = "sk-very-secret-0123456789"


class Served(RerankerSuite):
    """`llm` with a server of its own behind it."""

    __test__ = False
    name = "llm"
    network = True
    failing_options = {"base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
    extra = {}  # data of the subclasses

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls, chat_server):
        """Give it the server's address."""
        with chat_server(api_key=KEY) as server:
            yield {"base_url": server.base_url, "api_key": KEY, **cls.extra}


class TestListwise(Served):
    __test__ = True


class TestGrades(Served):
    __test__ = True
    extra = {"method": "pointwise"}


class TestYesNo(Served):
    __test__ = True
    extra = {"method": "pointwise", "scale": "yes-no"}
