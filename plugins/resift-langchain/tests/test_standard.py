"""LangChain's own suite for retrievers, where `langchain-tests` is installed.

It brings pytest-asyncio and more, so it has an environment of its own: see
``tests/packaging/test_frameworks.py``.
"""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_tests", reason="langchain-tests is not installed")
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from resift_langchain import ResiftRetriever

TEXTS = ["a red fox", "a blue whale", "a red hen", "the quick fox", "a fox hunt"]


def found(query):
    return [Document(text, id=str(i)) for i, text in enumerate(TEXTS)]


class OfRetrievers(RetrieversIntegrationTests):
    """Asks for a number in the constructor and in the call, with and without a loop."""

    @property
    def retriever_constructor(self):
        return ResiftRetriever

    @property
    def retriever_query_example(self):
        return "red fox"


class TestMerging(OfRetrievers):
    @property
    def retriever_constructor_params(self):
        lists = [RunnableLambda(found), RunnableLambda(lambda q: found(q)[::-1])]
        return {"reranker": "rrf", "retrievers": lists}


class TestScoring(OfRetrievers):
    @property
    def retriever_constructor_params(self):
        lists = {"text": RunnableLambda(found), "vector": RunnableLambda(found)}
        return {"reranker": {"use": "bm25", "merge": "rrf"}, "retrievers": lists}
