"""Who warms, closes and pickles what: a reranker, its children, what it was given."""

from __future__ import annotations

import pickle

import pytest
from pydantic import SecretStr

import resift


class Counting:
    """Count what is asked of it."""

    def __init__(self) -> None:
        self.warmed = self.closed = 0

    @resift.hookimpl
    def score(self, query, documents):
        return [0.0] * len(documents)

    @resift.hookimpl
    def warmup(self):
        self.warmed += 1

    @resift.hookimpl
    def close(self):
        self.closed += 1


def test_an_object_that_was_given_is_not_closed():
    """Closing a composite leaves the instances open that it was given."""
    mine = Counting()
    reranker = resift.load("cascade", stages=[mine, "bm25"], keep=[1], config=None)

    reranker.close()

    assert mine.closed == 0


def test_everything_is_warmed_once():
    """Warming up a nest of composites reaches each reranker once."""
    mine = Counting()
    inner = {"use": "ensemble", "options": {"rerankers": [mine]}}
    middle = {"use": "cascade", "options": {"stages": [inner], "keep": []}}

    resift.load("cascade", stages=[middle], keep=[], config=None).warmup()

    assert mine.warmed == 1


class Keyed(Counting):
    """Hold a key in the open."""

    def __init__(self, api_key: SecretStr) -> None:
        super().__init__()
        self.api_key = api_key


def test_an_instance_with_a_secret_is_not_pickled():
    """A key inside an instance never reaches a pickle."""
    reranker = resift.Reranker(Keyed(SecretStr("sk-123")))

    with pytest.raises(pickle.PicklingError) as error:
        pickle.dumps(reranker)

    assert str(error.value) == (
        "Reranker 'Keyed' holds a secret in 'api_key', which is never pickled. Leave "
        "it out in a __getstate__ of the class."
    )


def test_a_merger_may_be_a_reranker_with_a_merger_of_its_own():
    """`merge=` takes the merger that a reranker was given itself."""
    given = resift.load("bm25", merge="dbsf", config=None)

    reranker = resift.load("bm25", merge=given, config=None)

    assert reranker.can_merge
