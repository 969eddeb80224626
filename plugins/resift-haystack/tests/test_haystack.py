"""Haystack: a ranker and a joiner, alone, in pipelines, and in files."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("haystack", reason="haystack-ai is not installed")
from haystack import Document, Pipeline, component
from haystack.utils import Secret

import resift
from haystack_integrations.components.joiners.resift import ResiftJoiner
from haystack_integrations.components.rankers.resift import ResiftRanker

OPEN = {"use": "cohere", "options": {"api_key": "sk-open"}}
REFUSED = (
    "reranker holds a secret, which is never written down. Give it as "
    "{'env': 'NAME'}, the variable that holds it."
)


@component
class Source:
    """Returns its documents."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    @component.output_types(documents=list[Document])
    def run(self, query: str):
        return {"documents": docs(*self.names)}


class Chunk(Document):
    """A document of a class of its own."""


def docs(*names, **rest):
    return [Document(id=name, content=name, **rest) for name in names]


def scores(**values):
    return [Document(id=k, content=k, score=v) for k, v in values.items()]


def ids(answer):
    return [document.id for document in answer["documents"]]


def ran(component, **inputs):
    """Return what `run` returns, which `run_async` returns, too."""
    answer = component.run(**inputs)
    assert asyncio.run(component.run_async(**inputs)) == answer
    return answer


def joined(*lists, **options):
    """Return what a joiner makes of lists, by ranks."""
    options.setdefault("reranker", "rrf")
    return ran(ResiftJoiner(**options), documents=list(lists))


# One list ---------------------------------------------------------------------------


def test_the_best_documents_come_first_with_their_scores():
    """Scores are Python floats; `top_k` may be given with the call, or before."""
    ranker = ResiftRanker("bm25", top_k=2)
    given = docs("a hen", "red fox", "x")

    answer = ran(ranker, query="fox", documents=given)

    assert ids(answer) == ["red fox", "a hen"]
    assert answer["notes"] == []
    assert [type(d.score) for d in answer["documents"]] == [float, float]
    assert ids(ran(ranker, query="fox", documents=given, top_k=1)) == ["red fox"]


def test_documents_are_copies_of_their_own_class():
    """Id, fields and meta come along; what was given stays as it was."""
    given = [Chunk(id="1", content="fox", meta={"a": [1]}, score=0.5)]
    before = copy.deepcopy(given)

    (found,) = ran(ResiftRanker("bm25"), query="fox", documents=given)["documents"]

    assert given == before
    assert (type(found), found.id) == (Chunk, "1")
    assert found.meta == {"a": [1]}


def test_a_document_that_is_not_scored_has_none():
    """An old score does not stand in for it."""
    given = [Document(id="blank", content=None, score=0.9), *docs("fox")]

    answer = ran(ResiftRanker("bm25"), query="fox", documents=given)

    assert ids(answer) == ["fox", "blank"]
    assert answer["documents"][1].score is None


def test_evidence_stands_under_one_key_and_notes_have_an_output():
    """Evidence only where it is asked for."""

    class Noting:
        @resift.hookimpl
        def score(self, documents):
            columns = {"words": [len(text.split()) for text in documents]}
            return resift.Scores([2.0, 1.0], columns, notes=("a note",))

    ranker = ResiftRanker(resift.Reranker(Noting()), explain=True)

    answer = ran(ranker, query="q", documents=docs("a hen", "cow"))

    assert answer["documents"][0].meta == {"resift": {"rank": 1, "words": 2}}
    assert answer["notes"] == ["a note"]


def test_a_blank_query_is_refused_in_words():
    """A scorer has nothing to score by."""
    with pytest.raises(resift.InputError, match="query"):
        ResiftRanker("bm25").run(query=" ", documents=docs("a"))


def test_the_embedding_is_a_field():
    """A reranker that declares it gets it."""

    class First:
        columns = ("embedding",)
        needs_text = False

        @resift.hookimpl
        def score(self, candidates):
            return [vector[0] for vector in candidates.column("embedding").to_pylist()]

    given = [
        Document(id="a", content="a", embedding=[0.1, 0.2]),
        Document(id="b", content="b", embedding=[0.3, 0.2]),
    ]

    answer = ran(ResiftRanker(resift.Reranker(First())), query="q", documents=given)

    assert ids(answer) == ["b", "a"]


def test_a_ranker_lives_as_long_as_it_is_needed():
    """Warming up and closing twice does no harm, and it works after closing."""
    ranker = ResiftRanker("bm25")

    for step in (ranker.warm_up, ranker.warm_up, ranker.close, ranker.close):
        step()

    assert ids(ran(ranker, query="a", documents=docs("a"))) == ["a"]


# Several lists ----------------------------------------------------------------------


def test_several_branches_are_fused():
    """What two of them find is best; a blank query merges."""
    assert ids(joined(docs("a", "b"), docs("b", "c"), docs())) == ["b", "a", "c"]
    assert ids(joined(docs("a", "b"), top_k=1)) == ["a"]


def test_a_scorer_scores_the_union():
    """And refuses a blank query in words."""
    joiner = ResiftJoiner({"use": "bm25", "merge": "rrf"})
    lists = [docs("hen", "red fox"), docs("cow")]

    assert ids(ran(joiner, query="fox", documents=lists))[0] == "red fox"
    with pytest.raises(resift.InputError, match="query"):
        joiner.run(documents=lists)


def test_branches_may_have_names_and_weights():
    """Each is an input; one that nothing came from is an empty list."""
    joiner = ResiftJoiner(
        "rrf", names=["text", "vector"], weights={"vector": 2}, explain=True
    )

    answer = ran(joiner, text=docs("a"), vector=docs("b"))

    assert ids(answer) == ["b", "a"]
    assert answer["documents"][0].meta["resift"]["_vector_rank"] == 1
    assert ids(ran(joiner, text=docs("a"))) == ["a"]


def test_the_id_key_tells_documents_apart():
    """A missing one is an error that names the keys."""
    one, other = docs("a", meta={"key": 7}), docs("b", meta={"key": 7})

    assert ids(joined(one, other, id_key="key")) == ["a"]
    with pytest.raises(resift.InputError) as caught:
        joined(one, other, id_key="no")
    assert str(caught.value) == (
        "ResiftJoiner: id_key must be in the metadata of every document, but document "
        "1 of 'list_1' has no 'no'. Keys: 'key'."
    )


# Pipelines --------------------------------------------------------------------------


def pipeline(**options):
    """Return two sources, a joiner and a ranker behind it."""
    made = Pipeline()
    made.add_component("a", Source(["hen", "cow"]))
    made.add_component("b", Source(["red fox", "cow"]))
    made.add_component("joiner", ResiftJoiner("rrf", **options))
    made.add_component("ranker", ResiftRanker("bm25", top_k=1))
    return made


DATA = {name: {"query": "fox"} for name in ("a", "b", "ranker")}


@pytest.mark.parametrize("names", [None, ["one", "two"]])
def test_both_work_in_a_pipeline_and_in_its_file(names):
    """Dumped as YAML and loaded, too, with and without an event loop."""
    made = pipeline(names=names)
    made.connect("a.documents", "joiner.one" if names else "joiner")
    made.connect("b.documents", "joiner.two" if names else "joiner")
    made.connect("joiner.documents", "ranker.documents")
    # Sources made up in a test are no part of Haystack, which refuses to load them.
    file = made.dumps()
    held = {name: made.get_component(name).to_dict() for name in ("joiner", "ranker")}

    answer = made.run(DATA, include_outputs_from={"joiner"})

    assert ids(answer["ranker"]) == ["red fox"]
    assert ids(answer["joiner"]) == ["cow", "hen", "red fox"]
    assert answer["ranker"]["notes"] == []
    assert "haystack_integrations.components.joiners.resift.joiner" in file
    assert ResiftJoiner.from_dict(held["joiner"]).to_dict() == held["joiner"]
    assert ResiftRanker.from_dict(held["ranker"]).to_dict() == held["ranker"]


def test_a_file_of_a_pipeline_is_loaded():
    """Haystack trusts modules of `haystack_integrations`."""
    made = Pipeline()
    made.add_component("ranker", ResiftRanker({"use": "bm25", "options": {"k1": 0.5}}))
    made.add_component("joiner", ResiftJoiner("rrf", weights={"x": 2}, names=["x"]))

    again = Pipeline.loads(made.dumps())

    assert again.dumps() == made.dumps()
    given = {"query": "fox", "documents": docs("hen", "fox")}
    assert ids(again.run({"ranker": given, "joiner": {"x": []}})["ranker"])[0] == "fox"


def test_a_secret_is_written_as_its_variable():
    """And comes back as that."""
    key = Secret.from_env_var("CO_KEY")
    ranker = ResiftRanker({"use": "cohere", "options": {"api_key": key}})

    held = json.loads(json.dumps(ranker.to_dict()))

    table = {"use": "cohere", "options": {"api_key": {"env": "CO_KEY"}}}
    assert held["init_parameters"]["reranker"] == table
    assert ResiftRanker.from_dict(held).reranker == table


@pytest.mark.parametrize("key", ["sk-open", Secret.from_token("sk-open")], ids=type)
@pytest.mark.parametrize("kind", [ResiftRanker, ResiftJoiner])
def test_a_secret_in_the_open_does_not_leave(kind, key):
    """It is not printed, and `to_dict` refuses it."""
    made = kind({"use": "cohere", "options": {"api_key": key}})

    with pytest.raises(resift.InputError) as caught:
        made.to_dict()

    assert str(caught.value) == f"{kind.__name__}: {REFUSED}"
    assert "sk-open" not in f"{made!r} {made.reranker!r} {vars(made)!r}"


def test_a_secret_of_several_variables_is_refused():
    """Which of them was meant cannot be said in a table."""
    key = Secret.from_env_var(["A", "B"])

    with pytest.raises(resift.InputError) as caught:
        ResiftRanker({"use": "cohere", "options": {"api_key": key}})

    assert str(caught.value) == (
        "ResiftRanker: reranker must name the one variable that holds a Secret, which "
        "must be set. Give it as Secret.from_env_var('NAME')."
    )


# Faults of Haystack's own joiner that this does not have ------------------------------


def test_a_list_of_one_does_not_beat_all_by_its_raw_score():
    """`DocumentJoiner` sets a BM25 score of 14.2 beside scores from 0 to 1."""
    lists = [scores(a=0.9, b=0.8, c=0.1), scores(d=14.2)]

    found = joined(*lists, reranker="dbsf")["documents"]

    assert all(0 <= document.score <= 1 for document in found)


def test_agreement_counts():
    """`DocumentJoiner` takes the larger of two scores, so that it counts nothing."""
    lists = [scores(a=3.0, b=2.9, c=1.0), scores(d=3.0, b=2.9, e=1.0)]

    assert ids(joined(*lists, reranker="dbsf"))[0] == "b"


def test_weights_count_for_a_merger_by_scores():
    """`DocumentJoiner` ignores them in its distribution-based mode."""
    lists = [scores(a=2.0, x=1.0), scores(b=2.0, y=1.0)]

    for weights, best in (([1, 3], "b"), ([3, 1], "a")):
        assert ids(joined(*lists, reranker="dbsf", weights=weights))[0] == best


def test_a_document_counts_once_in_a_branch():
    """`DocumentJoiner` lets ranks two and three beat the first."""
    assert ids(joined(docs("x", "y", "y"))) == ["x", "y"]


def test_the_first_branch_s_meta_is_kept():
    """`DocumentJoiner` keeps that of the last."""
    first, last = docs("a", meta={"v": 1}), docs("a", meta={"v": 2})

    assert joined(first, last)["documents"][0].meta == {"v": 1}


def test_no_score_is_no_better_than_a_negative_one():
    """`DocumentJoiner` reads it as 0."""
    lists = [[*scores(a=-1.0, b=-2.0), *docs("c")]]

    assert ids(joined(*lists, reranker="dbsf")) == ["a", "b", "c"]


def test_a_wrong_number_of_weights_is_told_in_words():
    """`DocumentJoiner` raises an error of `zip`."""
    with pytest.raises(resift.InputError) as caught:
        joined(docs("a"), docs("b"), weights=[1, 2, 3])

    assert str(caught.value) == (
        "weights must have one value per list (2), got 3. Lists: 'list_1', 'list_2'."
    )


# The page ---------------------------------------------------------------------------


def test_the_examples_of_the_readme_run():
    """One after another, as they stand on the page."""
    page = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    namespace: dict[str, object] = {}

    for source in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(source, namespace)  # noqa: S102  # our own page
