"""Rerankers made of rerankers: `cascade` and `ensemble`."""

from __future__ import annotations

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resift
from resift import Reranker, Scores, hookimpl
from resift.rerankers.composites import Cascade, Ensemble
from samples import Fixed, Lengths, ids, loaded, shown, table

WHO = f"(resift {resift.__version__})"


class First(Lengths):
    """Scores by the first letter, later ones higher."""

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        super().score(query, documents, candidates, top_k, timeout)
        return [float(ord(document[0])) for document in documents]


def cascade(*stages: object, keep: list[int]) -> Reranker:
    """Build a cascade of plugin objects."""
    return Reranker(Cascade([Reranker(stage) for stage in stages], keep))


def ensemble(*children: object, **options: object) -> Reranker:
    """Build an ensemble of plugin objects, and ``"incoming"``."""
    built = [c if isinstance(c, str) else Reranker(c) for c in children]
    return Reranker(Ensemble(built, **options))


# cascade -----------------------------------------------------------------------------


def test_each_stage_reads_the_best_of_the_one_before():
    """A stage is given what its predecessor kept, best first."""
    first, second, third = First(), Lengths(), First()
    texts = ["axx", "bxxxx", "cx", "d", "exx"]

    scores = cascade(first, second, third, keep=[4, 2]).score("q", texts)

    assert first.asked[0]["documents"] == texts
    assert second.asked[0]["documents"] == ["exx", "d", "cx", "bxxxx"]
    assert third.asked[0]["documents"] == ["bxxxx", "exx"]
    np.testing.assert_equal(scores.values, [np.nan, 98.0, np.nan, np.nan, 101.0])
    assert scores.ranking().tolist() == [4, 1, 2, 3, 0]  # deepest stage first


def test_a_cascade_of_one_stage_is_that_stage():
    """One stage needs no `keep`."""
    texts = ["a", "ccc", "bb"]

    ranked = cascade(Lengths(), keep=[]).rank("q", texts)

    assert [(d.index, d.score) for d in ranked] == [(1, 3.0), (2, 2.0), (0, 1.0)]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_documents_than_are_kept(n):
    """A stage may keep more than there is."""
    ranked = cascade(Lengths(), First(), keep=[5]).rank("q", ["a", "b"][:n])

    assert [d.document for d in ranked] == ["b", "a"][2 - n :]


def test_hints_tell_each_stage_what_is_kept():
    """`top_k` is what a stage hands on, and for the last what is shown."""
    first, second = First(), Lengths()

    cascade(first, second, keep=[3]).rank("q", ["a", "b", "c", "d"], top_k=2)

    assert (first.asked[0]["top_k"], second.asked[0]["top_k"]) == (3, 2)


def test_time_is_shared_between_stages():
    """Each stage is told what is left, and is not asked when nothing is."""

    class Slow(Lengths):
        @hookimpl
        def score(self, query, documents, candidates, top_k, timeout):
            time.sleep(0.06)
            return super().score(query, documents, candidates, top_k, timeout)

    first, second = Slow(), Slow()
    both = cascade(first, second, keep=[1])

    both.score("q", ["a"], timeout=10)
    assert 9.9 < first.asked[0]["timeout"] <= 10
    assert 9.8 < second.asked[0]["timeout"] <= 9.95
    with pytest.raises(resift.BackendTimeoutError) as caught:
        both.score("q", ["a"], timeout=0.05)
    assert str(caught.value) == (
        "Reranker 'Slow' was not asked: the time for this call had run out."
    )
    assert len(second.asked) == 1


def test_a_truncating_stage_ranks_the_rest_after_its_scores():
    """What a stage leaves unscored follows what it scored, in the order it came."""
    scores = cascade(First(), Fixed({1: 5.0}), keep=[3]).score(
        "q", ["a", "b", "c", "d"]
    )

    assert scores.ranking().tolist() == [2, 3, 1, 0]
    np.testing.assert_equal(scores.values, [np.nan, np.nan, 5.0, np.nan])


def test_candidates_follow_their_documents():
    """Every stage is given the rows of its own documents."""
    first, second = First(), Lengths()
    result = table("a", "b", "c", tag=["x", "y", "z"])

    cascade(first, second, keep=[2]).rerank("q", result)

    assert first.asked[0]["candidates"]["tag"].to_pylist() == ["x", "y", "z"]
    assert second.asked[0]["candidates"]["tag"].to_pylist() == ["z", "y"]


def test_what_the_stages_say_is_passed_on_whole():
    """Columns of all stages, the deeper one first where both know, and all notes."""
    first = Fixed(
        Scores([1.0, 2.0, 3.0], {"why": ["a", "b", "c"], "n": [1, 2, 3]}, ["one"])
    )
    second = Fixed(Scores([9.0, 8.0], {"why": ["C", "B"]}, ["two", "one"]))

    result = cascade(first, second, keep=[2]).rerank(
        "q", table("x", "y", "z"), explain=True
    )

    assert ids(result) == [3, 2, 1]
    assert shown(result) == [9.0, 8.0, None]
    assert result["why"].to_pylist() == ["C", "B", "a"]
    assert result["n"].to_pylist() == [3, 2, 1]
    assert result["_Fixed_score"].to_pylist() == [3.0, 2.0, 1.0]
    assert result["_Fixed_2_score"].to_pylist() == [9.0, 8.0, None]
    assert json.loads(result.schema.metadata[b"resift.notes"]) == ["one", "two"]


def test_evidence_of_stages_is_hidden_unless_asked_for():
    """Without `explain` the result has no column more."""
    result = cascade(First(), Lengths(), keep=[1]).rerank("q", table("a", "b"))

    assert result.column_names == ["_rowid", "text", "_relevance_score"]


def test_a_cascade_needs_what_its_stages_need():
    """Columns are the union; one stage that reads everything needs everything."""

    class Vector(Fixed):
        columns = ("vector",)
        needs_text = False

    class Year(Fixed):
        columns = ("year", "vector")
        needs_text = False

    assert cascade(Vector([]), Year([]), keep=[1]).columns == ("vector", "year")
    assert not cascade(Vector([]), Year([]), keep=[1]).needs_text
    assert cascade(Vector([]), Fixed([]), keep=[1]).columns == ("vector",)
    assert cascade(Vector([]), Fixed([]), keep=[1]).needs_text
    assert cascade(Fixed([]), keep=[]).columns == ()
    assert cascade(Vector([]), Lengths(), keep=[1]).columns is None


def test_the_kind_of_score_is_that_of_the_last_stage():
    """The scores of a cascade are those of its last stage."""

    class Probability(Fixed):
        score_kind = "probability"

    assert cascade(Probability([]), Fixed([]), keep=[1]).score_kind == "ordinal"
    assert cascade(Fixed([]), Probability([]), keep=[1]).score_kind == "probability"


def test_a_stage_with_columns_gets_blank_texts_and_one_without_does_not():
    """The services of the host are those of each stage."""

    class Tagged(Lengths):
        columns = ("tag",)

    tagged, plain = Tagged(), Fixed({0: 1.0})

    result = cascade(tagged, plain, keep=[2]).rerank(
        "q", table("a", None, tag=["x", "y"])
    )

    assert tagged.asked[0]["documents"] == ["a", ""]
    assert ids(result) == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"stages": [], "keep": []},
            "stages must name at least one reranker that scores.",
        ),
        (
            {"stages": ["bm25", "rrf"], "keep": [5]},
            "its rerankers must score, but 'rrf' only merges.",
        ),
        (
            {"stages": ["bm25", "bm25"], "keep": []},
            "keep must have one positive number for each stage but the last (1), got "
            "[].",
        ),
        (
            {"stages": ["bm25", "bm25"], "keep": [0]},
            "keep must have one positive number for each stage but the last (1), got "
            "[0].",
        ),
        (
            {"stages": ["bm25"], "keep": [5]},
            "keep must have one positive number for each stage but the last (0), got "
            "[5].",
        ),
    ],
)
def test_a_wrong_cascade_is_refused(options, message):
    """Stages must score, and hand on at least one document each."""
    with pytest.raises(resift.OptionsError) as caught:
        loaded("cascade", **options)

    assert str(caught.value) == f"Reranker 'cascade' {WHO}: {message}"


def test_a_failing_stage_is_named_by_its_own_message():
    """The error is the stage's."""
    with pytest.raises(resift.ScoreError) as caught:
        cascade(First(), Fixed([1.0]), keep=[2]).score("q", ["a", "b"])

    assert str(caught.value) == (
        "Reranker 'Fixed' must return one score per document (2), got 1."
    )


# ensemble ----------------------------------------------------------------------------


def test_rankings_are_merged_by_reciprocal_rank():
    """By default children vote by rank: 1 / (60 + rank)."""
    texts = ["axxx", "bx", "cxx"]  # First: 2 1 0, Lengths: 0 2 1

    scores = ensemble(First(), Lengths()).score("q", texts)

    assert scores.values == pytest.approx(
        [1 / 63 + 1 / 61, 1 / 62 + 1 / 63, 1 / 61 + 1 / 62]
    )
    assert scores.ranking().tolist() == [2, 0, 1]


def test_weights_say_what_a_child_counts_for():
    """Weight 0 takes a child out of the vote."""
    texts = ["axxx", "bx", "cxx"]

    scores = ensemble(First(), Lengths(), weights=[0, 1]).score("q", texts)

    assert scores.ranking().tolist() == [0, 2, 1]


def test_any_merger_may_merge():
    """With `relative` the scores count, not only the ranks."""
    merger = loaded("relative")

    scores = ensemble(Fixed([0, 1, 10]), Fixed([5, 4, 0]), merger=merger).score(
        "q", ["a", "b", "c"]
    )

    assert scores.values == pytest.approx([0 + 1, 0.1 + 0.8, 1 + 0])


def test_an_ensemble_never_passes_top_k():
    """Each child must rank all documents, or the vote would be cut."""
    child = Lengths()

    ensemble(child).rank("q", ["a", "b"], top_k=1)

    assert child.asked[0]["top_k"] is None


def test_what_no_child_has_scored_is_not_scored():
    """A document without any vote is unscored, not 0."""
    scores = ensemble(Fixed({0: 1.0}), Fixed({2: 1.0})).score("q", ["a", "b", "c"])

    np.testing.assert_equal(np.isnan(scores.values), [False, True, False])
    assert scores.ranking().tolist() == [0, 2, 1]


def test_what_the_children_say_is_passed_on():
    """Each child's score is evidence, and their columns and notes are kept."""
    one = Fixed(Scores([1.0, 2.0], {"why": ["a", None]}, ["n1"]))
    two = Fixed(Scores([2.0, np.nan], {"why": [None, "b"]}, ["n2"]))

    result = ensemble(one, two).rerank("q", table("x", "y"), explain=True)

    assert result["_Fixed_score"].to_pylist() == [1.0, 2.0]
    assert result["_Fixed_2_score"].to_pylist() == [2.0, None]
    assert result["why"].to_pylist() == ["a", "b"]
    assert json.loads(result.schema.metadata[b"resift.notes"]) == ["n1", "n2"]


def test_an_ensemble_is_ordinal_and_needs_what_its_children_need():
    """Merged scores mean an order; `incoming` reads the merged score."""

    class Vector(Fixed):
        columns = ("vector",)
        needs_text = False
        score_kind = "probability"

    both = ensemble("incoming", Vector([]))

    assert both.score_kind == "ordinal"
    assert set(both.columns or ()) == {"vector", "_relevance_score"}
    assert not both.needs_text
    assert ensemble("incoming", Lengths()).columns is None


def test_children_may_read_different_columns():
    """Each child is given its own columns of the union."""

    class Year:
        columns = ("year",)

        @hookimpl
        def score(self, candidates):
            assert candidates.column_names == ["year"]
            return candidates["year"].to_numpy()

    both = ensemble("incoming", Year(), weights=[0, 1])

    assert ids(both.rerank("q", table("a", "a", year=[1, 9]))) == [2, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"rerankers": []},
            "rerankers must name at least one reranker that scores.",
        ),
        (
            {"rerankers": ["incoming"]},
            "rerankers must name at least one reranker that scores.",
        ),
        (
            {"rerankers": ["bm25", "dbsf"]},
            "its rerankers must score, but 'dbsf' only merges.",
        ),
        (
            {"rerankers": ["bm25"], "merger": "bm25"},
            "merger must be a reranker that merges, but 'bm25' does not.",
        ),
        (
            {"rerankers": ["bm25", "incoming"], "weights": [1]},
            "weights must be one number for each of the 2 rerankers, none negative and "
            "not all 0, got [1.0].",
        ),
        (
            {"rerankers": ["bm25", "incoming"], "weights": [1, -1]},
            "weights must be one number for each of the 2 rerankers, none negative and "
            "not all 0, got [1.0, -1.0].",
        ),
        (
            {"rerankers": ["bm25", "incoming"], "weights": [0, 0]},
            "weights must be one number for each of the 2 rerankers, none negative and "
            "not all 0, got [0.0, 0.0].",
        ),
    ],
)
def test_a_wrong_ensemble_is_refused(options, message):
    """Children must score, the merger must merge, and weights must weigh."""
    with pytest.raises(resift.OptionsError) as caught:
        loaded("ensemble", **options)

    assert str(caught.value) == f"Reranker 'ensemble' {WHO}: {message}"


def test_a_merger_that_cannot_merge_so_many_says_so():
    """`convex` takes two rankings."""
    with pytest.raises(resift.MergeError, match="one or two lists, got 3"):
        ensemble(First(), Lengths(), "incoming", merger=loaded("convex")).rank(
            "q", ["a"]
        )


@given(st.lists(st.text(alphabet="fox dg", max_size=6), max_size=10, unique=True))
def test_an_ensemble_of_one_keeps_its_order(texts):
    """Nothing changes where there is nobody else to vote."""
    alone = loaded("bm25").rank("fox", texts)

    ranked = loaded("ensemble", rerankers=["bm25"]).rank("fox", texts)

    assert [d.index for d in ranked] == [d.index for d in alone]


# Both, nested ------------------------------------------------------------------------

TOML = """
[rerankers.precise]
use = "cascade"
[rerankers.precise.options]
keep = [2]
stages = [
    { use = "voted" },
    "fast",
]
[rerankers.voted]
use = "ensemble"
options = { rerankers = ["incoming", "fast"], weights = [1, 2] }
[rerankers.fast]
use = "bm25"
options = { k1 = 0.9 }
"""


def test_composites_nest_in_toml_as_in_code(tmp_path):
    """The same tree from a file and from calls ranks alike."""
    (tmp_path / "resift.toml").write_text(TOML, encoding="utf-8")
    fast = loaded("bm25", k1=0.9)
    voted = loaded("ensemble", rerankers=["incoming", fast], weights=[1, 2])
    in_code = loaded("cascade", stages=[voted, fast], keep=[2])
    result = table("a dog", "a fox and a dog", "the fox", None, "fox fox")

    in_toml = resift.load("precise")

    assert in_toml.rerank("fox", result, explain=False).equals(
        in_code.rerank("fox", result, explain=False)
    )
    assert in_toml.describe()["options"] == in_code.describe()["options"]


@given(
    st.lists(st.none() | st.text(alphabet="fox d", max_size=5), max_size=12),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_no_composite_loses_a_row(texts, keep, window):
    """Whatever is kept, cut or blank, every row is in the result once."""
    reranker = loaded(
        "cascade",
        stages=[
            {"use": "ensemble", "options": {"rerankers": ["incoming", "bm25"]}},
            "bm25",
        ],
        keep=[keep],
    )

    result = reranker.rerank("fox", table(*texts), window=window)

    assert sorted(ids(result)) == list(range(1, len(texts) + 1))
    scores = [score for score in shown(result) if score is not None]
    assert scores == sorted(scores, reverse=True)
    assert isinstance(result, pa.Table)


def test_evidence_of_one_name_is_kept_where_a_later_stage_is_silent():
    """A reranker that stands in two stages: its first word holds for who fell out."""
    first = Reranker(Ensemble([Reranker(First(), name="a"), Reranker(Lengths())]))
    outer = Reranker(Cascade([first, Reranker(First(), name="a")], [1]))

    result = outer.rerank("q", table("a", "b"), explain=True)

    assert dict(zip(ids(result), result["_a_score"].to_pylist(), strict=True)) == {
        1: 97.0,
        2: 98.0,
    }
