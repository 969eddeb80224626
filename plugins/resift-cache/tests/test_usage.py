from __future__ import annotations

import numpy as np
import pytest

import resift

TEXTS = ["a hen", "the red fox"]


class Told:
    """Score by the words shared with the instruction, a call each time."""

    pointwise = True

    @resift.hookimpl
    def score(self, documents, instruction):
        words = set((instruction or "").split())
        values = [float(len(words & set(text.split()))) for text in documents]
        return resift.Scores(np.array(values), usage={"calls": 1})


@pytest.fixture
def cached(tmp_path):
    """A cache around `Told`, on a disk of its own."""
    with resift.load(
        "cache", config=None, reranker=Told(), version="1", directory=tmp_path
    ) as reranker:
        yield reranker


def test_found_pairs_are_told_and_cost_nothing(cached):
    """What is found is counted as found; what is asked for costs what it costs."""
    first = cached.rank("q", TEXTS)
    again = cached.rank("q", [*TEXTS, "a new one"])
    whole = cached.rank("q", TEXTS)

    assert first.usage == {"calls": 1}
    assert again.usage == {"calls": 1, "cached_pairs": 2}
    assert whole.usage == {"cached_pairs": 2}


def test_an_instruction_is_part_of_the_key(cached):
    """Scores of one instruction are never given for another, nor for none."""
    plain = cached.score("q", TEXTS)
    red = cached.score("q", TEXTS, instruction="red")
    hen = cached.score("q", TEXTS, instruction="hen")
    again = cached.score("q", TEXTS, instruction="red")

    assert plain.values.tolist() == [0.0, 0.0]
    assert red.values.tolist() == [0.0, 1.0]
    assert hen.values.tolist() == [1.0, 0.0]
    assert again.values.tolist() == [0.0, 1.0]
    assert again.usage == {"cached_pairs": 2}


def test_a_budget_sees_what_the_cache_saved(cached):
    """Found pairs are no calls: a budget is spent by what was really asked."""
    reranker = resift.load(
        "cascade",
        config=None,
        stages=[cached, "bm25"],
        keep=[2],
        budget={"calls": 1},
    )

    first = reranker.rank("red fox", TEXTS)
    again = reranker.rank("red fox", TEXTS)
    assert len(first.notes) == 1
    assert not again.notes
