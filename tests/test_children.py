"""Children: what a composite is like follows from the rerankers inside it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pyarrow as pa
import pytest

import resift
from resift import Reranker, Scores, hookimpl
from samples import Lengths

TEXTS = ["aaa", "bb", "c"]  # the retrieval's order; `Backwards` and `Lengths` differ


class Backwards:
    """Turns the order of `TEXTS` round."""

    @hookimpl
    def score(self, documents):
        return [float(ord(text[0])) for text in documents]


class Around:
    """A composite that forwards nothing by hand.

    Args:
        reranker: Gives the scores.
    """

    def __init__(self, reranker: Reranker) -> None:
        self.children = [reranker]

    @hookimpl
    def score(self, query, documents, candidates):
        return self.children[0].score(query, documents, candidates)


class AllColumns:
    """Reads all candidates without declaring any."""

    @hookimpl
    def score(self, documents, candidates):
        return candidates["views"].to_numpy().astype(float)


def retrieval():
    """Return an ensemble that follows the retrieval's order alone."""
    return resift.load(
        "ensemble", rerankers=["incoming", Lengths()], weights=[1, 0], config=None
    )


def inside(use: str, tmp_path) -> Reranker:
    """Return that ensemble inside another reranker."""
    if importlib.util.find_spec(f"resift_{use}") is None and use != "fallback":
        pytest.skip(f"resift-{use} is not installed")
    options = {
        "fallback": {"rerankers": [retrieval()]},
        "chunk": {"reranker": retrieval()},
        "cache": {"reranker": retrieval(), "directory": tmp_path, "version": "1"},
    }
    return resift.load(use, config=None, **options[use])


@pytest.mark.parametrize("use", ["fallback", "chunk", "cache"])
def test_the_retrieval_is_read_through_what_stands_around_it(use, tmp_path):
    """A stage before it turns the order round; `incoming` still knows the first one."""
    plain = resift.load(
        "cascade", stages=[Backwards(), retrieval()], keep=[3], config=None
    )
    around = resift.load(
        "cascade", stages=[Backwards(), inside(use, tmp_path)], keep=[3], config=None
    )

    expected = [d.document for d in plain.rank("q", TEXTS)]
    found = [d.document for d in around.rank("q", TEXTS)]

    assert expected == TEXTS
    assert found == expected
    assert around.reads_order


def test_a_child_that_reads_all_candidates_gets_them():
    """The composite asks for all columns, as its child does, and hands them over."""
    reranker = Reranker(Around(Reranker(AllColumns())))
    rows = pa.table({"_rowid": [1, 2], "text": ["a", "b"], "views": [1, 2]})

    found = reranker.rerank("q", rows)

    assert reranker.columns is None
    assert found["_rowid"].to_pylist() == [2, 1]


def test_traits_follow_from_the_children_unless_declared():
    """Any or all of them, as each trait means; what is declared stands."""

    class Vectors:
        columns = ("vector",)
        needs_text = False
        score_kind = "similarity"
        pointwise = True
        reads_order = True
        deterministic = False

        @hookimpl
        def score(self, documents): ...

    class Declared(Around):
        needs_text = True
        reads_order = False
        score_kind = "ordinal"
        pointwise = False

    follows = Reranker(Around(Reranker(Vectors()))).traits
    declared = Reranker(Declared(Reranker(Vectors()))).traits

    assert follows.columns == declared.columns == ("vector",)
    assert (follows.needs_text, declared.needs_text) == (False, True)
    assert (follows.reads_order, declared.reads_order) == (True, False)
    assert (follows.score_kind, declared.score_kind) == ("similarity", "ordinal")
    assert (follows.pointwise, declared.pointwise) == (True, False)
    assert follows.tells_rows_apart
    assert not follows.deterministic


def test_children_are_warmed_up_and_checked_with_it():
    """Unless the composite does so itself."""
    asked = []

    class Child:
        @hookimpl
        def score(self, documents): ...

        @hookimpl
        def warmup(self):
            asked.append("warmup")

        @hookimpl
        def check(self):
            asked.append("check")

    Reranker(Around(Reranker(Around(Reranker(Child()))))).warmup().check()

    assert asked == ["warmup", "check"]


def test_other_values_keep_the_order_of_what_is_not_scored():
    """As the values of early stages cannot be compared with the last one's."""
    inner = Scores(
        np.array([np.nan, 3.0, np.nan, 1.0]),
        order=np.array([1, 3, 2, 0]),
        unscored="it fell out",
    )

    same = inner.with_values(inner.values)
    turned = inner.with_values(-inner.values)

    assert same.ranking().tolist() == [1, 3, 2, 0]
    assert turned.ranking().tolist() == [3, 1, 2, 0]
    assert turned.unscored == "it fell out"


def test_many_queries_reach_the_children_together():
    """A cascade and an ensemble ask each child once, however many queries there are."""
    calls = []

    class Packs:
        @hookimpl
        def score_many(self, queries, documents):
            calls.append(len(queries))
            return [[float(len(text)) for text in texts] for texts in documents]

    cascade = resift.load("cascade", stages=[Packs(), Packs()], keep=[2], config=None)
    ensemble = resift.load("ensemble", rerankers=[Packs(), Packs()], config=None)
    queries, documents = ["q"] * 3, [["a", "bb", "ccc"]] * 3
    for reranker in (cascade, ensemble):
        many = reranker.rank_many(queries, documents)

        assert many == [reranker.rank("q", documents[0])] * 3
    assert calls[:2] == [3, 3]


def test_one_failing_query_loses_no_other_answer():
    """`on_error="return"` gives each query its ranking or its error."""

    class Picky:
        @hookimpl
        def score(self, query, documents):
            if query == "bad":
                msg = "no"
                raise resift.ServerError(msg)
            return [float(len(text)) for text in documents]

    cascade = resift.load("cascade", stages=[Picky(), "bm25"], keep=[1], config=None)

    answers = cascade.rank_many(["a", "bad", "b"], [["x", "yy"]] * 3, on_error="return")

    assert [type(answer).__name__ for answer in answers] == [
        "RankedDocuments",
        "ServerError",
        "RankedDocuments",
    ]
    with pytest.raises(resift.ServerError):
        cascade.rank_many(["a", "bad", "b"], [["x", "yy"]] * 3)


def test_an_instruction_reaches_the_children_that_read_one():
    """It is refused where none does, and never dropped without a word."""
    heard = []

    class Listens:
        @hookimpl
        def score(self, documents, instruction):
            heard.append(instruction)
            return [1.0 + i for i, _ in enumerate(documents)]

    both = resift.load("ensemble", rerankers=["bm25", Listens()], config=None)
    none = resift.load("ensemble", rerankers=["bm25", "bm25"], config=None)

    both.rank("q", ["a", "b"], instruction="prefer recent")
    with pytest.raises(resift.InputError) as caught:
        none.rank("q", ["a", "b"], instruction="prefer recent")

    assert heard == ["prefer recent"]
    assert str(caught.value) == (
        "Reranker 'ensemble' (resift 0.1.0) does not read an instruction, so that it "
        "would have no effect. Leave it out, or use a reranker that reads one."
    )


def test_a_nan_needs_a_reason():
    """A note or `unscored` gives it; silence is an error that names the dtype."""

    class Silent:
        @hookimpl
        def score(self, documents):
            return Scores(np.full(len(documents), np.nan))

    class Speaks(Silent):
        @hookimpl
        def score(self, documents):
            return Scores(np.full(len(documents), np.nan), unscored="no such language")

    with pytest.raises(resift.ScoreError) as caught:
        Reranker(Silent()).rank("q", ["a", "b"])

    assert str(caught.value) == (
        "Reranker 'Silent' scored document 0 NaN and does not say why (2 of 2 are "
        "NaN). "
        "Say it in a note or in Scores(unscored=...); a model that computes NaN needs "
        "another dtype."
    )
    assert [d.score for d in Reranker(Speaks()).rank("q", ["a", "b"])] == [None, None]


def test_half_an_emoji_in_a_query_is_made_safe():
    """As it is in a document: models and servers refuse a lone surrogate."""
    heard = []

    class Listens:
        @hookimpl
        def score(self, query, documents):
            heard.append((query, *documents))
            return [1.0] * len(documents)

    reranker = Reranker(Listens())

    reranker.rank("fox \ud83e", ["hen \udd8a"])
    reranker.rank_many(["fox \ud83e"], [["hen \udd8a"]])

    assert heard == [("fox \ufffd", "hen \ufffd")] * 2
