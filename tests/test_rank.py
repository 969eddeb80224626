"""`Reranker.rank`: strings and mappings, best first."""

from __future__ import annotations

import pytest

import resift
from resift import RankedDocument, RankedDocuments, Reranker, Scores
from samples import Fixed, Lengths


def test_rank_returns_the_documents_best_first():
    """Each with its index, score and rank; the documents are the ones given."""
    documents = ["a", "ccc", "bb"]

    ranked = Reranker(Lengths()).rank("q", documents)

    assert list(ranked) == [
        RankedDocument(index=1, document="ccc", score=3.0, rank=1),
        RankedDocument(index=2, document="bb", score=2.0, rank=2),
        RankedDocument(index=0, document="a", score=1.0, rank=3),
    ]
    assert ranked[0].document is documents[1]


def test_rank_takes_mappings():
    """A mapping is ranked by its text, and returned whole."""
    documents = [{"text": "a", "year": 1}, {"text": "ccc"}, {"text": None}]

    ranked = Reranker(Lengths()).rank("q", documents)

    assert [d.document for d in ranked] == [documents[1], documents[0], documents[2]]
    assert [d.score for d in ranked] == [3.0, 1.0, None]


def test_mappings_are_candidates():
    """Every key of any mapping is a column, null where it is missing."""
    plugin = Lengths()

    Reranker(plugin).rank("q", [{"text": "a", "x": 1}, {"text": "bb", "y": "z"}])

    assert plugin.asked[0]["candidates"].to_pydict() == {
        "text": ["a", "bb"],
        "x": [1, None],
        "y": [None, "z"],
    }


def test_the_text_of_a_mapping_may_lie_deeper_or_in_several_keys():
    """`text` reads mappings as it reads tables."""
    plugin = Lengths()
    documents = [
        {"title": "t", "meta": {"body": "b"}},
        {"title": None, "meta": {"body": "c"}},
    ]

    Reranker(plugin, text=["title", "meta.body"]).rank("q", documents)

    assert plugin.asked[0]["documents"] == ["t\nb", "c"]


def test_a_null_on_the_way_to_the_text_is_a_null_text():
    """As a null struct is in a table."""
    documents = [{"meta": {"title": "a"}}, {"meta": None}]

    ranked = Reranker(Lengths(), text="meta.title").rank("q", documents)

    assert [(d.index, d.score) for d in ranked] == [(0, 1.0), (1, None)]


def test_rank_says_what_the_plugin_adds():
    """Columns and notes come with the documents."""
    answer = Scores([1.0, 2.0], {"why": ["short", "long"]}, ("a note",))

    ranked = Reranker(Fixed(answer)).rank("q", ["a", "bb", ""])

    assert ranked.notes == ("a note",)
    assert [d.columns for d in ranked] == [
        {"why": "long"},
        {"why": "short"},
        {"why": None},
    ]


@pytest.mark.parametrize(("own", "kind"), [(None, "logit"), ("probability",) * 2])
def test_a_ranking_says_what_its_scores_mean(own, kind):
    """What the answer says comes before what the plugin declares."""

    class Unsure:
        score_kind = "logit"

        @resift.hookimpl
        def score(self, documents):
            return Scores([0.5, 0.25], kind=own)

    assert Reranker(Unsure()).rank("q", ["a", "b"]).kind == kind


def test_ranked_documents_are_a_sequence():
    """It can be indexed, sliced, compared and read in a shell."""
    ranked = Reranker(Lengths()).rank("q", ["a", "bb"])

    assert len(ranked) == 2
    assert ranked[-1].document == "a"
    assert [d.rank for d in ranked[:1]] == [1]
    assert ranked == RankedDocuments(list(ranked))
    assert ranked != RankedDocuments(list(ranked), ["a note"])
    assert ranked != list(ranked)
    assert repr(ranked) == "<RankedDocuments: 2\n  1. 2  bb\n  2. 1  a>"
    assert repr(ranked[0]) == (
        "RankedDocument(rank=1, score=2, document='bb', index=1)"
    )


def test_no_documents_no_ranking():
    """An empty list is ranked without asking the plugin."""
    plugin = Lengths()

    assert len(Reranker(plugin).rank("q", [])) == 0
    assert plugin.asked == []


@pytest.mark.parametrize("documents", ["abc", b"abc", {"a": 1}, None, {"a"}, 5])
@pytest.mark.parametrize("method", ["rank", "score"])
def test_documents_must_be_a_list(documents, method):
    """One string would be ranked letter by letter; a set has no order."""
    with pytest.raises(resift.InputError) as caught:
        getattr(Reranker(Lengths()), method)("q", documents)

    assert str(caught.value) == (
        "Reranker 'Lengths': documents must be a list of strings or mappings, got "
        f"{type(documents).__name__}."
    )


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (["a", 5], "document 1 must be a string or a mapping, got int."),
        ([b"a"], "document 0 must be a string or a mapping, got bytes."),
        ([{"text": 5}], "the text of document 0 must be a string, got int."),
        (
            [{"body": "a", "x": 1}],
            "document 0 has no text under 'text'. Keys: 'body', 'x'. Name the right "
            "one with text=....",
        ),
        (
            [{"text": "a", "x": 1}, {"text": "b", "x": "confidential"}],
            "the values of 'x' in the documents cannot be an Arrow array "
            "(ArrowInvalid). Give values of one type.",
        ),
    ],
)
def test_wrong_documents_are_told(documents, message):
    """The message names the document and never quotes it."""
    with pytest.raises(resift.InputError) as caught:
        Reranker(Lengths()).rank("q", documents)

    assert str(caught.value) == f"Reranker 'Lengths': {message}"


def test_score_wants_strings():
    """What composites call is checked like what users call."""
    with pytest.raises(resift.InputError) as caught:
        Reranker(Lengths()).score("q", ["a", 5])

    assert str(caught.value) == (
        "Reranker 'Lengths': the text of document 1 must be a string, got int."
    )
