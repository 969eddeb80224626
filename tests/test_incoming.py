"""``"incoming"``: retrieval as one of the rerankers of an ensemble."""

from __future__ import annotations

import pytest

import resift
from resift import Reranker, hookimpl
from resift.rerankers.composites import Cascade, Ensemble
from samples import Fixed, Lengths, ids, loaded, shown, table


class First(Lengths):
    """Scores by the first letter, later ones higher."""

    @hookimpl
    def score(self, query, documents, candidates, top_k, timeout):
        super().score(query, documents, candidates, top_k, timeout)
        return [float(ord(document[0])) for document in documents]


def ensemble(*children: object, **options: object) -> Reranker:
    """Build an ensemble of plugin objects, and ``"incoming"``."""
    built = [c if isinstance(c, str) else Reranker(c) for c in children]
    return Reranker(Ensemble(built, **options))


def test_incoming_is_the_order_that_came_in():
    """Retrieval votes beside the models."""
    ranked = ensemble("incoming", Lengths(), weights=[2, 1]).rank("q", ["a", "bb"])

    assert [d.index for d in ranked] == [0, 1]


def test_incoming_has_the_scores_that_came_in():
    """The merged scores of the first stage can be mixed with a model's."""
    both = ensemble(
        "incoming", Fixed([0.0, 10.0, 0.0]), merger=loaded("convex", alpha=0.5)
    )
    result = table("a", "b", "c", _score=[4.0, 2.0, 0.0])

    reranked = both.rerank("q", result, top_k=2)

    merged = loaded("rrf").rerank("", result)["_relevance_score"].to_numpy()
    low, high = merged.min(), merged.max()
    assert ids(reranked) == [2, 1]
    assert shown(reranked) == pytest.approx(
        [0.5 * (merged[1] - low) / (high - low) + 0.5, 0.5], rel=1e-5
    )


def test_incoming_is_the_retrieval_also_inside_a_cascade():
    """Scores that came in are read in their own order, whatever a stage made of it."""
    inner = Ensemble(["incoming", Reranker(Fixed([1.0, 1.0, 1.0]))], weights=[1, 0])
    outer = Reranker(Cascade([Reranker(First()), Reranker(inner)], [3]))

    result = outer.rerank("q", table("a", "b", "c"))

    assert ids(result) == [1, 2, 3]


@pytest.mark.parametrize("mappings", [False, True])
def test_incoming_is_the_same_for_strings_and_for_tables(mappings):
    """Behind another stage, too, `rank` knows the order in which documents came."""
    inner = Ensemble(["incoming", Reranker(Fixed([1.0, 1.0, 1.0]))], weights=[1, 0])
    outer = Reranker(Cascade([Reranker(First()), Reranker(inner)], [3]))
    documents = [{"text": t} if mappings else t for t in "abc"]

    ranked = outer.rank("q", documents)

    assert [d.index for d in ranked] == [0, 1, 2]


def test_a_misspelt_incoming_is_suggested():
    """It is no reranker, so that no list of installed ones would tell."""
    with pytest.raises(resift.UnknownRerankerError) as error:
        loaded("ensemble", rerankers=["bm25", "incomming"])

    assert str(error.value).startswith("No reranker named 'incomming' is installed. ")
    assert str(error.value).endswith(" Or did you mean 'incoming'?")
