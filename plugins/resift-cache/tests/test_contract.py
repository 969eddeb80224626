"""`cache` keeps the contract of every reranker: cold, warm, and around any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import resift
from resift.testing import RerankerSuite


class Words:
    """A reranker whose scores stand alone: the share of the query's words."""

    pointwise = True
    score_kind = "similarity"

    @resift.hookimpl
    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        wanted = set(query.lower().split())
        found = [wanted & set(document.lower().split()) for document in documents]
        return [len(own) / len(wanted) for own in found]


class TestList(RerankerSuite):
    """Around a reranker whose scores depend on the list."""

    name = "cache"

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(
        cls, tmp_path_factory: pytest.TempPathFactory
    ) -> Mapping[str, object]:
        """Return options with a directory that is empty at first."""
        return {"reranker": "bm25", "directory": tmp_path_factory.mktemp("cache")}


class TestPairs(RerankerSuite):
    """Around a reranker whose scores stand alone."""

    name = "cache"
    skipped = {"more_of_it_scores_higher": "its reranker counts a word once"}

    @pytest.fixture(scope="class")
    @classmethod
    def reranker_options(
        cls, tmp_path_factory: pytest.TempPathFactory
    ) -> Mapping[str, object]:
        """Return options with a directory that is empty at first."""
        directory: Path = tmp_path_factory.mktemp("cache")
        return {"reranker": Words(), "version": "1", "directory": directory}
