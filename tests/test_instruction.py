"""An instruction reaches what reads it, or is refused: it never vanishes."""

from __future__ import annotations

import asyncio
import re

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS

import resift
import resift.lancedb
from resift import InputError

HITS = pa.table({"_rowid": [1, 2], "text": ["a fox", "a red fox"]})
REFUSED = (
    "Reranker {!r} does not read an instruction, so that it would have no effect. "
    "Leave it out, or use a reranker that reads one."
)


class Told:
    """Score by the words that a document has in common with the instruction."""

    def __init__(self) -> None:
        self.heard: list[str | None] = []

    @resift.hookimpl
    def score(self, documents, instruction):
        self.heard.append(instruction)
        words = set((instruction or "").split())
        return [float(len(words & set(text.split()))) for text in documents]


class Deaf(Told):
    """Names the argument, and has a model that does nothing with it."""

    takes_instruction = False


@pytest.fixture
def table(tmp_path):
    """A LanceDB table of two texts, with a full-text index."""
    made = lancedb.connect(tmp_path).create_table(
        "animals", pa.table({"text": ["apple red", "apple green"]})
    )
    made.create_index("text", config=FTS())
    return made


def test_a_declared_trait_refuses_it():
    """Where the words have no effect although `score` names them, they are refused."""
    reranker = resift.Reranker(Deaf(), name="deaf")

    with pytest.raises(InputError, match=f"^{re.escape(REFUSED.format('deaf'))}$"):
        reranker.rank("fox", ["a fox"], instruction="red")


def test_a_merger_refuses_it():
    """What only merges reads no words, and says so."""
    reranker = resift.load("rrf", config=None)

    with pytest.raises(InputError, match=r"'rrf'.* does not read an instruction"):
        reranker.rerank("fox", HITS, instruction="red")


def test_a_composite_of_the_deaf_refuses_it():
    """A composite takes words only where a child does."""
    reranker = resift.load("fallback", config=None, rerankers=[Deaf(), "bm25"])

    with pytest.raises(InputError, match=r"'fallback'.* does not read an instruction"):
        reranker.rank("fox", ["a fox"], instruction="red")


@pytest.mark.parametrize("name", ["cascade", "ensemble", "fallback"])
def test_a_composite_hands_it_on(name):
    """A child that reads the words gets them; its deaf sibling is spared."""
    told, deaf = Told(), Deaf()
    options = {"cascade": {"stages": [deaf, told], "keep": [2]}}.get(
        name, {"rerankers": [told, deaf]}
    )
    reranker = resift.load(name, config=None, **options)

    reranker.rank("fox", ["a fox", "a red fox"], instruction="red")
    assert told.heard == ["red"]
    assert set(deaf.heard) <= {None}


def test_a_child_is_asked_only_where_there_are_words():
    """Without an instruction nobody is asked whether they read one."""

    class Slow(Told):
        @property
        def takes_instruction(self):
            message = "the model was loaded"
            raise AssertionError(message)

    reranker = resift.load("cascade", config=None, stages=[Slow()], keep=[])

    assert len(reranker.rank("fox", ["a fox"])) == 1


def test_search_hands_it_on(table):
    """LanceDB's search takes the words, and so does its async twin."""
    told = Told()

    page = resift.lancedb.search(table, "apple", reranker=told, instruction="green")
    awaited = asyncio.run(
        resift.lancedb.asearch(table, "apple", reranker=told, instruction="green")
    )
    assert page["text"].to_pylist() == ["apple green", "apple red"]
    assert awaited["text"].to_pylist() == ["apple green", "apple red"]
    assert told.heard == ["green", "green"]


def test_a_builder_hands_it_on(table):
    """LanceDB's own `.rerank()` takes the words of the reranker it is given."""
    told = Told()
    reranker = resift.lancedb.load(resift.Reranker(told, instruction="green"))

    hits = table.search("apple", query_type="fts").rerank(reranker).to_arrow()
    assert hits["text"].to_pylist() == ["apple green", "apple red"]
    assert told.heard == ["green"]


def test_it_is_a_setting():
    """Given to the reranker, it counts for every call that brings none of its own."""
    told = Told()
    reranker = resift.Reranker(told, instruction="green")

    reranker.rank("apple", ["red", "green"])
    reranker.rank_many(["apple"], [["red", "green"]])
    reranker.rank("apple", ["red", "green"], instruction="red")
    assert told.heard == ["green", "green", "red"]
    assert reranker.defaults.instruction == "green"


def test_search_refuses_it_where_nothing_reads_it(table):
    """A search whose reranker only merges does not swallow the words."""
    with pytest.raises(InputError, match=r"'rrf'.* does not read an instruction"):
        resift.lancedb.search(table, "apple", instruction="green")


def test_search_refuses_blank_words(table):
    """An instruction that says nothing is an error before any leg is run."""
    expected = (
        "search: instruction must be words that say what counts as relevant, or None, "
        "got ''."
    )

    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        resift.lancedb.search(table, "apple", reranker=Told(), instruction="")


def test_search_tells_what_it_cost(table):
    """The page carries the usage of its reranker in the schema metadata."""

    @resift.hookimpl
    def score(self, documents):
        return resift.Scores(np.zeros(len(documents)), usage={"calls": 1})

    paid = type("Paid", (), {"score": score})()

    page = resift.lancedb.search(table, "apple", reranker=paid)
    assert resift.usage_of(page) == {"calls": 1}
