"""nDCG@10, RR and the judged queries of the demo."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift_cli.demo.evaluation import answerable, judgements, ndcg, reciprocal_rank

RANKINGS = st.lists(st.sampled_from([f"d{n}" for n in range(30)]), unique=True)
RELEVANT = st.sets(st.sampled_from([f"d{n}" for n in range(30)]), min_size=1)


def test_ndcg_by_hand():
    """Relevant at ranks 1 and 3 of two: (1 + 1/2) / (1 + 1/log2 3)."""
    value = ndcg(["a", "x", "b"], {"a", "b"})

    assert value == pytest.approx(1.5 / (1 + 1 / math.log2(3)))


def test_ndcg_depth():
    """A relevant document below the depth counts nothing, but stays in the ideal."""
    assert ndcg(["x"] * 10 + ["a"], {"a"}) == 0
    assert ndcg(["a", "x"], {"a", "b"}, depth=1) == 1


def test_ideal_is_cut_at_depth():
    """More relevant documents than the depth can still reach 1."""
    names = [f"d{n}" for n in range(20)]

    assert ndcg(names, set(names)) == pytest.approx(1)


def test_reciprocal_rank_by_hand():
    """The first relevant document counts, the others do not."""
    assert reciprocal_rank(["x", "y", "a", "b"], {"a", "b"}) == pytest.approx(1 / 3)


@pytest.mark.parametrize("measure", [ndcg, reciprocal_rank])
def test_nothing_found(measure):
    """Nothing found, and nothing to find, are 0."""
    assert measure([], {"a"}) == 0
    assert measure(["x"], {"a"}) == 0
    assert measure(["x"], set()) == 0


@given(ranked=RANKINGS, relevant=RELEVANT)
def test_equal_to_ir_measures(ranked, relevant):
    """Both measures equal those of ir-measures."""
    ir_measures = pytest.importorskip("ir_measures")
    qrels = [ir_measures.Qrel("q", name, 1) for name in relevant]
    run = [
        ir_measures.ScoredDoc("q", name, -rank) for rank, name in enumerate(ranked)
    ] or [ir_measures.ScoredDoc("q", "nothing", 0)]

    expected = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10, ir_measures.RR], qrels, run
    )

    assert ndcg(ranked, relevant) == pytest.approx(expected[ir_measures.nDCG @ 10])
    assert reciprocal_rank(ranked, relevant) == pytest.approx(expected[ir_measures.RR])


def test_judged_queries():
    """There are at least 60 judged questions, each in words and with an answer."""
    judged = judgements()

    assert len(judged) >= 60
    assert all(len(question.split()) >= 4 for question in judged)
    assert all(judged.values())


def test_questions_do_not_quote_the_answer():
    """No question spells out a dotted name or the answer's last part in code."""
    quoting = [
        question
        for question, answers in judgements().items()
        if any(
            name.rpartition(".")[2] in question.split() and "_" in name
            for name in answers
        )
        or any(name in question for name in answers if "." in name)
    ]

    assert quoting == []


def test_answerable():
    """Answers that a corpus lacks are dropped, and questions without any left."""
    judged = {"p": frozenset("ab"), "q": frozenset("c")}

    assert answerable(judged, ["a", "x"]) == {"p": frozenset("a")}
