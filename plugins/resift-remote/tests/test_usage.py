from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from resift_remote import (
    Answer,
    KeySource,
    RemoteReranker,
    Tally,
    options,
    usage_in,
)


@options
class Acme(RemoteReranker):
    """Scores by length, and takes a token for each letter."""

    name = "acme"
    refuses: ClassVar[str] = ""

    def key_source(self):
        """Return that it needs no key."""
        return KeySource((), required=False)

    def ask(self, query, documents, top_k, deadline, instruction=None):
        """Answer at once."""
        del query, top_k, deadline, instruction
        letters = sum(map(len, documents))
        found = dict(enumerate(map(float, map(len, documents))))
        return Answer(found, usage_in({"usage": {"input_tokens": letters}}))


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"usage": {"total_tokens": 7}}, {"input_tokens": 7}),
        ({"usage": {"prompt_tokens": 5, "total_tokens": 7}}, {"input_tokens": 5}),
        ({"usage": {"rerank_units": 1}}, {"search_units": 1}),
        (
            {"meta": {"billed_units": {"search_units": 2}, "tokens": None}},
            {"search_units": 2},
        ),
        ([{"index": 0, "score": 1.0}], {}),
        (None, {}),
        ({"usage": "free"}, {}),
        ({"usage": {"total_tokens": "7"}}, {}),
        ({"usage": {"total_tokens": True}}, {}),
        ({"usage": {"total_tokens": -1}}, {}),
        ({"usage": {"total_tokens": float("nan")}}, {}),
        ({"usage": {"input_tokens": None, "total_tokens": 7}}, {"input_tokens": 7}),
    ],
)
def test_usage_is_read_where_servers_tell_it(answer, usage):
    """A number counts wherever it stands; what is none never fails a good answer."""
    assert usage_in(answer) == {"calls": 1, **usage}


def test_the_parts_of_a_call_are_added_up():
    """Three requests of one call cost what all three of them cost."""
    reranker = Acme(max_documents=1)

    scores = reranker.score("q", ["a", "bb", "ccc"])
    assert scores.usage == {"calls": 3, "input_tokens": 6}


def test_each_query_of_many_has_its_own_usage():
    """What one query of a batch costs is not shared out to the others."""
    many = Acme().score_many(["q", "r"], [["a"], ["bb", "cc"]])

    assert [scores.usage for scores in many] == [
        {"calls": 1, "input_tokens": 1},
        {"calls": 1, "input_tokens": 4},
    ]


def test_threads_lose_nothing():
    """A tally that many threads add to holds all they added."""
    tally = Tally()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(200):
            pool.submit(tally.add, {"calls": 1, "input_tokens": 2})
    assert tally.usage == {"calls": 200, "input_tokens": 400}


def test_one_that_sends_no_instruction_takes_none():
    """A reranker that does not say it sends one on has it refused by the host."""
    assert Acme().takes_instruction is False
