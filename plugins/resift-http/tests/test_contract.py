"""The contract of `resift.testing`, for every name that this package registers."""

from __future__ import annotations

import pytest

from resift.testing import RerankerSuite
from resift_remote.testing import RerankServer

KEY = "sk-very-secret-0123456789"


class Served(RerankerSuite):
    """A name with a server of its own behind it."""

    __test__ = False
    network = True
    failing_options = {"base_url": "http://127.0.0.1:9", "max_retries": 0}
    dialect = ""
    extra = {}  # data of the subclasses

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(cls):
        """Give it the server's address."""
        with RerankServer(cls.dialect or cls.name, api_key=KEY) as server:
            iam = {"iam_url": server.url} if cls.name == "watsonx" else {}
            yield {"base_url": server.url, "api_key": KEY, **iam, **cls.extra}


class TestJina(Served):
    __test__ = True
    name = "jina"


class TestJinaListwise(Served):
    __test__ = True
    name = "jina"
    extra = {"model": "jina-reranker-v3"}


class TestVoyage(Served):
    __test__ = True
    name = "voyage"


@pytest.mark.slow
class TestMixedbread(Served):
    __test__ = True
    name = "mixedbread"


@pytest.mark.slow
class TestPinecone(Served):
    __test__ = True
    name = "pinecone"


@pytest.mark.slow
class TestTogether(Served):
    __test__ = True
    name = "together"


@pytest.mark.slow
class TestNvidia(Served):
    __test__ = True
    name = "nvidia"


class TestNim(Served):
    __test__ = True
    name = "nvidia"
    dialect = "nim"
    extra = {"self_hosted": True}


@pytest.mark.slow
class TestIsaacus(Served):
    __test__ = True
    name = "isaacus"


@pytest.mark.slow
class TestZeroEntropy(Served):
    __test__ = True
    name = "zeroentropy"


class TestDeepInfra(Served):
    __test__ = True
    name = "deepinfra"


@pytest.mark.slow
class TestContextual(Served):
    __test__ = True
    name = "contextual"


class TestDashScope(Served):
    __test__ = True
    name = "dashscope"


@pytest.mark.slow
class TestWatsonx(Served):
    __test__ = True
    name = "watsonx"
    extra = {"project_id": "project"}


class TestTei(Served):
    __test__ = True
    name = "tei"


@pytest.mark.slow
class TestInfinity(Served):
    __test__ = True
    name = "infinity"


@pytest.mark.slow
class TestVllm(Served):
    __test__ = True
    name = "vllm"


class TestHttp(Served):
    __test__ = True
    name = "http"
    dialect = "jina"
    extra = {"model": "m"}
