"""LlamaIndex: a postprocessor and a fusion retriever, their nodes and events."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import re
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

import resift
from resift_llama_index import ResiftFusionRetriever, ResiftRerank

OPEN = {"use": "cohere", "options": {"api_key": "sk-open"}}


class Fixed(BaseRetriever):
    """Returns its nodes."""

    def __init__(self, found):
        self.found = found
        super().__init__()

    def _retrieve(self, query_bundle):
        return list(self.found)


class Failing(Fixed):
    def _retrieve(self, query_bundle):
        raise RuntimeError("private")


def nodes(*names, **metadata):
    return [
        NodeWithScore(node=TextNode(id_=n, text=n, metadata=dict(metadata)))
        for n in names
    ]


def scored(**values):
    return [
        NodeWithScore(node=TextNode(id_=k, text=k), score=values[k]) for k in values
    ]


def ids(found):
    return [one.node.node_id for one in found]


def processed(rerank, found, query):
    """Return what is found with and without an event loop."""
    answer = rerank.postprocess_nodes(found, query_str=query)
    later = asyncio.run(rerank.apostprocess_nodes(found, query_str=query))
    assert later == answer
    return answer


def fused(*lists, query="", reranker="rrf", **options):
    """Return what a retriever of some lists finds, in both ways."""
    retriever = ResiftFusionRetriever([Fixed(x) for x in lists], reranker, **options)
    answer = retriever.retrieve(query)
    assert asyncio.run(retriever.aretrieve(query)) == answer
    return answer


def test_the_best_nodes_come_first_with_their_scores():
    """Scores are Python floats, and what was given is not changed."""
    given = nodes("a hen", "red fox", "x", source="s")
    before = copy.deepcopy(given)

    found = processed(ResiftRerank(reranker="bm25", top_n=2), given, "fox")

    assert ids(found) == ["red fox", "a hen"]
    assert given == before
    json.dumps([one.score for one in found])
    assert found[0].node.metadata == {"source": "s"}


def test_a_missing_query_is_refused_and_a_blank_one():
    """In words."""
    with pytest.raises(resift.InputError) as caught:
        ResiftRerank(reranker="bm25").postprocess_nodes(nodes("a"))
    with pytest.raises(resift.InputError, match="query"):
        ResiftRerank(reranker="bm25").postprocess_nodes(nodes("a"), query_str=" ")

    assert str(caught.value) == (
        "ResiftRerank: needs a query. Give query_str or query_bundle."
    )


def test_metadata_belongs_to_the_text_as_its_mode_says():
    """What the embedding model reads is scored by default."""
    given = [*nodes("a"), *nodes("b", title="fox")]

    embedded = processed(ResiftRerank(reranker="bm25"), given, "fox")
    bare = ResiftRerank(reranker="bm25", metadata_mode=MetadataMode.NONE)

    assert ids(embedded) == ["b", "a"]
    assert [one.score for one in processed(bare, given, "fox")] == [0.0, 0.0]


def test_evidence_is_read_by_no_model():
    """It stands in the metadata of a copy, under one key."""
    given = nodes("fox", source="s")

    (found,) = processed(ResiftRerank(reranker="bm25", explain=True), given, "fox")

    assert found.node.metadata["resift"] == {"rank": 1, "notes": []}
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        assert found.node.get_content(mode) == given[0].node.get_content(mode)


def test_callbacks_hear_of_it():
    """Under LlamaIndex's own event for reranking."""
    handler = LlamaDebugHandler(print_trace_on_end=False)
    rerank = ResiftRerank(reranker="bm25", callback_manager=CallbackManager([handler]))

    rerank.postprocess_nodes(nodes("fox"), query_str="fox")

    assert len(handler.get_event_pairs(CBEventType.RERANKING)) == 1


def test_it_comes_back_from_what_it_is_written_as():
    """As a dictionary and by pickle."""
    one = ResiftRerank(reranker={"use": "bm25", "options": {"k1": 0.5}}, top_n=3)

    for other in (
        ResiftRerank.from_dict(one.to_dict()),
        pickle.loads(pickle.dumps(one)),
    ):
        assert (other.reranker, other.top_n) == (one.reranker, 3)
        assert ids(processed(other, nodes("a", "fox"), "fox")) == ["fox", "a"]


def test_no_secret_leaves():
    """It is not printed, and not written down."""
    rerank = ResiftRerank(reranker=OPEN)

    assert "sk-open" not in f"{rerank!r} {rerank}"
    for write in (rerank.to_dict, rerank.to_json, lambda: pickle.dumps(rerank)):
        with pytest.raises((ValueError, pickle.PicklingError)) as caught:
            write()
        assert "holds a secret" in str(caught.value)


def test_several_retrievers_are_fused():
    """What two of them find is best; a scorer refuses a blank query."""
    assert ids(fused(nodes("a", "b"), nodes("b", "c"))) == ["b", "a", "c"]
    found = fused(nodes("hen", "red fox"), nodes("cow"), reranker="bm25", query="fox")
    assert ids(found)[0] == "red fox"
    with pytest.raises(resift.InputError, match="query"):
        fused(nodes("a"), reranker="bm25")


def test_a_retriever_that_fails_costs_its_list(caplog):
    """A note and a warning say so."""
    retriever = ResiftFusionRetriever(
        {"good": Fixed(nodes("a")), "bad": Failing([])}, explain=True
    )
    note = "ResiftFusionRetriever: 'bad' failed (RuntimeError), so its list is missing"

    with caplog.at_level(logging.WARNING, "resift"):
        (found,) = retriever.retrieve("q")

    assert found.node.metadata["resift"]["notes"] == [note]
    assert caplog.messages == [note]


def test_retrievers_are_asked_at_the_same_time():
    """Each waits for all others."""
    barrier = threading.Barrier(3)

    class Waiting(Fixed):
        def _retrieve(self, query_bundle):
            barrier.wait(20)
            return self.found

    retriever = ResiftFusionRetriever([Waiting(nodes("a")) for _ in range(3)])

    assert ids(retriever.retrieve("q")) == ["a"]


# Faults of LlamaIndex's own classes that these do not have --------


def test_the_caller_s_nodes_keep_scores_and_metadata():
    """`QueryFusionRetriever` and `SentenceTransformerRerank` overwrite them."""
    given = scored(a=0.5, b=0.4)
    before = copy.deepcopy(given)

    fused(given, given, reranker="dbsf")
    processed(ResiftRerank(reranker="bm25"), given, "a")

    assert given == before


def test_one_object_in_two_lists_is_scored_once():
    """`QueryFusionRetriever` scales its score for each list that has it."""
    shared, other = scored(a=0.8, b=0.4)

    alike = fused([shared, other], [shared, other], reranker="relative")
    apart = fused(scored(a=0.8, b=0.4), scored(a=0.8, b=0.4), reranker="relative")

    assert (shared.score, other.score) == (0.8, 0.4)
    assert [(one.node.node_id, one.score) for one in alike] == [
        (one.node.node_id, one.score) for one in apart
    ]


def test_scores_of_two_scales_are_not_compared_as_they_are():
    """`QueryFusionRetriever` has all of BM25 beat all of cosine, being larger."""
    bm25, cosine = scored(a=14.2, b=9.1, c=3.0), scored(d=0.92, b=0.9, e=0.1)

    for reranker in ("rrf", "dbsf", "relative"):
        found = fused(bm25, cosine, reranker=reranker)

        assert ids(found)[0] == "b"
        assert ids(found).index("d") < ids(found).index("c")


def test_weights_count_by_rank_too():
    """`QueryFusionRetriever` ignores them there."""
    for weights, best in (([1, 0.001], "a"), ([0.001, 1], "b")):
        assert ids(fused(nodes("a"), nodes("b"), weights=weights))[0] == best


@pytest.mark.parametrize("values", [(None, None, None), (-3.0, -2.0, -1.0)])
def test_the_order_of_a_list_is_kept(values):
    """`QueryFusionRetriever` sorts again by a score that is missing or negative."""
    given = scored(**dict(zip("abc", values, strict=True)))

    assert ids(fused(given)) == ["a", "b", "c"]


def test_a_node_without_a_score_is_no_error():
    """`QueryFusionRetriever` raises a TypeError where it reads scores."""
    assert ids(fused(scored(a=0.9, b=None), reranker="relative")) == ["a", "b"]


def test_an_id_is_one_node_and_two_ids_are_two():
    """`QueryFusionRetriever` goes by a hash of text and metadata."""
    same = [NodeWithScore(node=TextNode(id_=i, text="same")) for i in "ab"]

    assert ids(fused([same[0]], [same[1]])) == ["a", "b"]
    assert ids(fused(nodes("a", v=1), nodes("a", v=2))) == ["a"]


def test_a_list_of_one_negative_score_counts():
    """`QueryFusionRetriever` makes nothing of it."""
    found = fused(scored(a=-1.0, b=-1.0), scored(c=0.5), reranker="dbsf")

    assert sorted(ids(found)) == ["a", "b", "c"]
    assert all(type(one.score) is float for one in found)


def test_scores_are_floats_whatever_the_reranker_computes_with():
    """`SentenceTransformerRerank` hands out `np.float32`, which JSON refuses."""
    reranker = resift.Reranker(lambda query, documents: np.float32([0.25, 0.5]))

    found = processed(ResiftRerank(reranker=reranker), nodes("a", "b"), "q")
    merged = fused(found, reranker="dbsf")

    assert [type(one.score) for one in [*found, *merged]] == [float] * 4
    assert json.loads(json.dumps([one.score for one in found])) == [0.5, 0.25]


@pytest.mark.slow  # transformers is imported
def test_code_of_a_model_does_not_run_unless_it_is_trusted(tmp_path):
    """`SentenceTransformerRerank` trusts it by default."""
    for needed in ("resift_cross_encoder", "transformers"):
        pytest.importorskip(needed)
    config = {"auto_map": {"AutoConfig": "theirs.Config"}, "model_type": "theirs"}
    tmp_path.joinpath("config.json").write_text(json.dumps(config))
    tmp_path.joinpath("theirs.py").write_text("raise SystemExit('it ran')")
    table = {"use": "cross-encoder", "options": {"model": str(tmp_path)}}

    with pytest.raises(resift.ResiftError, match="comes with code of its own"):
        ResiftRerank(reranker=table).postprocess_nodes(nodes("a"), query_str="q")


# The page ----------------------------------------------------------------------------


def test_the_examples_of_the_readme_run():
    """One after another, as they stand on the page."""
    page = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    namespace: dict[str, object] = {}

    for source in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(source, namespace)  # noqa: S102  # our own page
