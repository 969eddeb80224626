"""LangChain: a compressor and a retriever, their documents, configs and traces."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="langchain-core is not installed")
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumpd, dumps
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField, RunnableLambda

import resift
from resift_langchain import ResiftReranker, ResiftRetriever

OPEN = {"use": "cohere", "options": {"api_key": "sk-open"}}
PRIVATE = "a text that must not leave"


class Chunk(Document):
    """A document of a class of its own."""

    page: int = 0


class Fixed(BaseRetriever):
    """Returns its documents, the first *limit* of them."""

    documents: list[Any]
    limit: int = 100

    def _get_relevant_documents(self, query, *, run_manager):
        return self.documents[: self.limit]


class Failing(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        raise RuntimeError(PRIVATE)


class Recorder(BaseCallbackHandler):
    """Keeps every run: its name, what went in and what came out."""

    def __init__(self):
        self.runs = {}

    def on_chain_start(self, serialized, inputs, *, run_id, name=None, **rest):
        self.runs[run_id] = {"name": name, "in": inputs, "rest": rest}

    def on_chain_end(self, outputs, *, run_id, **rest):
        self.runs[run_id]["out"] = outputs

    def on_chain_error(self, error, *, run_id, **rest):
        self.runs[run_id]["error"] = error


def docs(*names, **metadata):
    return [Document(n, id=n, metadata=dict(metadata)) for n in names]


def fixed(*names):
    return Fixed(documents=docs(*names))


def ids(documents):
    return [document.id for document in documents]


def retrieved(retriever, query="", **options):
    """Return what `invoke` finds, which `ainvoke` finds, too."""
    found = retriever.invoke(query, **options)
    assert asyncio.run(retriever.ainvoke(query, **options)) == found
    return found


def compressed(reranker, documents, query, **options):
    """Return what is found with and without an event loop."""
    found = reranker.compress_documents(documents, query, **options)
    later = reranker.acompress_documents(documents, query, **options)
    assert asyncio.run(later) == found
    return found


# One list ---------------------------------------------------------------------------


def test_the_best_documents_come_first_with_their_scores():
    """Scores are floats that JSON can hold."""
    reranker = ResiftReranker(reranker="bm25", top_n=2)

    best, rest = compressed(reranker, docs("a hen", "red fox", "x"), "fox")

    assert (best.id, rest.id) == ("red fox", "a hen")
    assert best.metadata["relevance_score"] > 0
    json.dumps([best.metadata, rest.metadata])


def test_documents_are_copies_of_their_own_class():
    """Id, fields and metadata come along; what was given stays as it was."""
    given = [Chunk("red fox", id="1", page=7, metadata={"source": {"a": [1]}})]
    before = copy.deepcopy(given)

    (found,) = compressed(ResiftReranker(reranker="bm25"), given, "fox")

    assert given == before
    assert type(found) is Chunk
    assert (found.id, found.page) == ("1", 7)
    assert found.metadata.keys() == {"source", "relevance_score"}


def test_a_document_that_is_not_scored_has_none():
    """An old score does not stand in for it."""
    blank = Document("", metadata={"relevance_score": 0.9})

    (_, found) = compressed(
        ResiftReranker(reranker="bm25"), [blank, *docs("fox")], "fox"
    )

    assert found.metadata == {"relevance_score": None}


def test_the_score_goes_where_the_user_says():
    """And nothing else is added."""
    reranker = ResiftReranker(reranker="bm25", score_key="s")

    (found,) = compressed(reranker, docs("fox"), "fox")

    assert found.metadata.keys() == {"s"}


def test_evidence_and_notes_stand_under_one_key():
    """Only where they are asked for."""

    class Noting:
        @resift.hookimpl
        def score(self, documents):
            columns = {"words": [len(text.split()) for text in documents]}
            return resift.Scores([2.0, 1.0], columns, notes=("a note",))

    reranker = ResiftReranker(reranker=resift.Reranker(Noting()), explain=True)

    found = compressed(reranker, docs("a hen", "cow"), "fox")

    evidence = {"rank": 1, "words": 2, "notes": ["a note"]}
    assert found[0].metadata["resift"] == evidence


def test_a_blank_query_is_refused_in_words():
    """A scorer has nothing to score by."""
    with pytest.raises(resift.InputError, match="query"):
        ResiftReranker(reranker="bm25").compress_documents(docs("a"), " ")


def test_the_time_of_a_call_reaches_the_reranker():
    """Such as can honour it."""
    times = []

    class Timed:
        @resift.hookimpl
        def score(self, documents, timeout):
            times.append(timeout)
            return [1.0] * len(documents)

    reranker = ResiftReranker(reranker=resift.Reranker(Timed()), timeout=2.5)

    compressed(reranker, docs("a"), "q")

    assert len(times) == 2
    assert all(0 < seconds <= 2.5 for seconds in times)


def test_metadata_that_a_reranker_declares_reaches_it():
    """As its columns."""

    class Newest:
        columns = ("year",)

        @resift.hookimpl
        def score(self, candidates):
            return candidates.column("year").to_pylist()

    reranker = ResiftReranker(reranker=resift.Reranker(Newest()))
    given = [*docs("old", year=1990), *docs("new", year=2020)]

    assert ids(compressed(reranker, given, "q")) == ["new", "old"]


def test_the_compressor_works_in_its_usual_place():
    """Behind a retriever, with its callbacks."""
    retrievers = pytest.importorskip(
        "langchain_classic.retrievers", reason="langchain-classic is not installed"
    )
    recorder = Recorder()
    retriever = retrievers.ContextualCompressionRetriever(
        base_compressor=ResiftReranker(reranker="bm25", top_n=1),
        base_retriever=fixed("hen", "fox"),
    )

    found = retrieved(retriever, "fox", config={"callbacks": [recorder]})

    assert ids(found) == ["fox"]
    assert [run["name"] for run in recorder.runs.values()] == ["resift.bm25"] * 2


# Several lists -----------------------------------------------------------------------


def test_several_retrievers_are_fused():
    """What both find is best; `k` may be given with the call, or before."""
    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[fixed("a", "b"), fixed("b", "c")], k=2
    )

    assert ids(retrieved(retriever)) == ["b", "a"]
    assert ids(retrieved(retriever, k=1)) == ["b"]


def test_an_argument_that_is_unknown_is_refused():
    """Rather than ignored."""
    retriever = ResiftRetriever(reranker="rrf", retrievers=[fixed("a")])

    with pytest.raises(TypeError, match="top_k"):
        retriever.invoke("q", top_k=1)


def test_retrievers_may_have_names_and_weights():
    """By which evidence calls them."""
    retriever = ResiftRetriever(
        reranker="rrf",
        retrievers={"text": fixed("a"), "vector": fixed("b")},
        weights={"vector": 2},
        explain=True,
    )

    best, _ = retrieved(retriever)

    assert best.id == "b"
    assert best.metadata["resift"]["_vector_rank"] == 1
    assert best.metadata["resift"]["_text_rank"] is None


def test_a_scorer_scores_the_union():
    """Any reranker by name, with a merger of its own."""
    retriever = ResiftRetriever(
        reranker={"use": "bm25", "merge": "rrf"},
        retrievers=[fixed("hen", "red fox"), fixed("cow")],
    )

    assert ids(retrieved(retriever, "fox"))[0] == "red fox"
    with pytest.raises(resift.InputError, match="query"):
        retriever.invoke(" ")


def test_the_id_key_tells_documents_apart():
    """A missing one is an error that names the keys."""
    one, other = (
        Document("v1", metadata={"key": 7}),
        Document("v2", metadata={"key": 7}),
    )
    retriever = ResiftRetriever(
        reranker="rrf",
        retrievers=[Fixed(documents=[one]), Fixed(documents=[other])],
        id_key="key",
    )

    assert [d.page_content for d in retrieved(retriever)] == ["v1"]
    with pytest.raises(resift.InputError) as caught:
        retriever.model_copy(update={"id_key": "no"}).invoke("q")
    assert str(caught.value) == (
        "ResiftRetriever: id_key must be in the metadata of every document, but "
        "document 1 of 'list_1' has no 'no'. Keys: 'key'."
    )


def test_a_retriever_that_fails_costs_its_list(caplog):
    """A note says so in the trace, in the evidence and in the log, without its text."""
    recorder = Recorder()
    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[fixed("a"), Failing()], explain=True
    )
    note = "ResiftRetriever: 'list_2' failed (RuntimeError), so its list is missing"

    with caplog.at_level(logging.WARNING, "resift"):
        (found,) = retrieved(retriever, config={"callbacks": [recorder]})

    assert found.metadata["resift"]["notes"] == [note]
    assert caplog.messages == [note, note]
    for run in recorder.runs.values():
        assert run["in"] == {"documents": {"list_1": 1, "list_2": None}}
        assert run["out"]["notes"] == [note]


def test_where_all_retrievers_fail_so_does_the_call():
    """Their errors are the cause."""
    retriever = ResiftRetriever(reranker="rrf", retrievers=[Failing(), Failing()])

    with pytest.raises(resift.BackendError) as caught:
        retriever.invoke("q")

    assert str(caught.value) == (
        "ResiftRetriever: no retriever answered: 'list_1' (RuntimeError), 'list_2' "
        "(RuntimeError)."
    )


def test_a_retriever_that_is_late_costs_its_list():
    """In threads and on the event loop."""
    release = threading.Event()

    async def never(query):
        await asyncio.sleep(60)

    slow = RunnableLambda(lambda query: release.wait(60), afunc=never)
    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[fixed("a"), slow], timeout=0.3, explain=True
    )

    (found,) = retrieved(retriever)
    release.set()

    assert found.metadata["resift"]["notes"] == [
        "ResiftRetriever: 'list_2' failed (no answer within 0.3 s), so its list is "
        "missing"
    ]


def test_documents_of_several_lists_are_copies():
    """What retrievers keep is not changed, and subclasses stay."""
    kept = [Chunk("a", id="a", page=3, metadata={"x": [1]})]
    before = copy.deepcopy(kept)
    source = RunnableLambda(lambda query: kept)
    retriever = ResiftRetriever(reranker="rrf", retrievers=[source, source])

    (found,) = retrieved(retriever)

    assert kept == before
    assert (type(found), found.page) == (Chunk, 3)
    assert type(found.metadata["relevance_score"]) is float


def test_there_is_a_retriever():
    """Nothing is retrieved by none."""
    with pytest.raises(ValueError, match="at least 1 item"):
        ResiftRetriever(reranker="rrf", retrievers=[])


# Configuration -----------------------------------------------------------------------


def test_a_config_reaches_the_retrievers_whole():
    """Fields that can be configured, tags and metadata."""
    seen = []

    def source(query, config):
        seen.append(
            (config["tags"], config["metadata"]["user"], config["configurable"])
        )
        return docs("x")

    configurable = fixed("a", "b", "c").configurable_fields(
        limit=ConfigurableField(id="limit")
    )
    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[configurable, RunnableLambda(source)]
    )

    config = {"tags": ["t"], "metadata": {"user": "u"}, "configurable": {"limit": 1}}
    found = retrieved(retriever, config=config)

    assert sorted(ids(found)) == ["a", "x"]
    assert [spec.id for spec in retriever.config_specs] == ["limit"]
    for tags, user, configured in seen:
        assert (set(tags), user, configured["limit"]) == ({"t"}, "u", 1)


def test_a_config_limits_how_many_run_at_once():
    """As everywhere in LangChain."""
    running, most = [], []

    def source(query):
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.pop()
        return docs("a")

    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[RunnableLambda(source) for _ in range(4)]
    )
    retriever.invoke("q", config={"max_concurrency": 1})

    assert max(most) == 1


def test_retrievers_in_a_chain_are_traced_as_its_children():
    """Callbacks of the outer chain reach ours without being handed on."""
    recorder = Recorder()
    retriever = ResiftRetriever(reranker="rrf", retrievers=[fixed("a")])

    def asks(query):
        return retriever.invoke(query)

    RunnableLambda(asks).invoke("q", config={"callbacks": [recorder]})

    assert [r["name"] for r in recorder.runs.values()][1:] == ["resift.rrf"]


def test_a_trace_holds_counts_order_and_scores_and_no_text():
    """One run for each answer."""
    recorder = Recorder()
    reranker = ResiftReranker(reranker="bm25", top_n=2)
    given = [Document(PRIVATE), Document(f"{PRIVATE} fox"), Document("hen")]

    reranker.compress_documents(given, f"{PRIVATE} fox", callbacks=[recorder])

    (run,) = recorder.runs.values()
    assert run["name"] == "resift.bm25"
    assert run["in"] == {"documents": 3, "top_n": 2}
    assert run["out"]["documents"] == 2
    assert run["out"]["order"] == [1, 0]
    assert [type(score) for score in run["out"]["scores"]] == [float, float]
    assert PRIVATE not in str(run)


def test_a_trace_holds_the_error():
    """Of whatever kind."""

    def fails(query, documents):
        raise RuntimeError("broken")

    recorder = Recorder()
    reranker = ResiftReranker(reranker=resift.Reranker(fails))

    with pytest.raises(RuntimeError):
        reranker.compress_documents(docs("a"), "q", callbacks=[recorder])
    with pytest.raises(RuntimeError):
        asyncio.run(reranker.acompress_documents(docs("a"), "q", callbacks=[recorder]))

    assert all("broken" in str(run["error"]) for run in recorder.runs.values())
    assert len(recorder.runs) == 2


# There and back ----------------------------------------------------------------------


def test_a_compressor_is_dumped_and_read():
    """As JSON and by pickle; a name stays a name."""
    for reranker in ("bm25", {"use": "bm25", "options": {"k1": 0.5}}):
        one = ResiftReranker(reranker=reranker, top_n=3)
        one.compress_documents(docs("a"), "a")

        other = ResiftReranker.model_validate_json(one.model_dump_json())

        assert other == one == pickle.loads(pickle.dumps(one))
        assert other.reranker == reranker


@pytest.mark.parametrize(
    "component",
    [
        ResiftReranker(reranker=OPEN),
        ResiftRetriever(reranker=OPEN, retrievers=[fixed("a")]),
    ],
    ids=["compressor", "retriever"],
)
def test_no_secret_leaves(component):
    """Nothing that LangChain prints or sends shows it, and dumping is refused."""
    shown = [repr(component), str(component), str(dumpd(component)), dumps(component)]

    assert [text for text in shown if "sk-open" in text] == []
    assert any("***" in text for text in shown)
    for write in (component.model_dump_json, lambda: pickle.dumps(component)):
        with pytest.raises((ValueError, pickle.PicklingError)) as caught:
            write()
        assert "holds a secret" in str(caught.value)
        assert "sk-open" not in str(caught.value)


def test_a_wrong_argument_shows_no_secret():
    """The table stands beside it in the same call."""
    with pytest.raises(ValueError, match="validation error") as caught:
        ResiftReranker(reranker=OPEN, top_n="many")

    assert "sk-open" not in str(caught.value)


# Faults of LangChain's own classes that these do not have ----------------------------


def test_two_documents_of_one_text_are_two():
    """`EnsembleRetriever` tells documents apart by their text, and loses one."""
    a, b = Document("same", id="a"), Document("same", id="b")
    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[Fixed(documents=[a]), Fixed(documents=[b])]
    )

    assert ids(retrieved(retriever)) == ["a", "b"]


def test_a_document_counts_once_in_a_list():
    """`EnsembleRetriever` lets ranks two and three beat the first."""
    retriever = ResiftRetriever(reranker="rrf", retrievers=[fixed("x", "y", "y")])

    assert ids(retrieved(retriever)) == ["x", "y"]


def test_every_document_has_its_score():
    """`EnsembleRetriever` and `CrossEncoderReranker` return none."""
    retriever = ResiftRetriever(reranker="rrf", retrievers=[fixed("a"), fixed("b")])

    found = retrieved(retriever)

    assert all(type(d.metadata["relevance_score"]) is float for d in found)


@pytest.mark.parametrize("scores", [[1.0], [1.0, float("nan")]], ids=["few", "NaN"])
def test_wrong_scores_are_an_error(scores):
    """`CrossEncoderReranker` drops documents without a score, and puts NaN first."""
    reranker = ResiftReranker(reranker=resift.Reranker(lambda query, documents: scores))

    with pytest.raises(resift.ResiftError):
        reranker.compress_documents(docs("a", "b"), "q")


def test_retrievers_are_asked_at_the_same_time():
    """`EnsembleRetriever` asks one after the other; here each waits for all others."""
    barrier = threading.Barrier(4)

    def source(query):
        barrier.wait(20)
        return docs("a")

    retriever = ResiftRetriever(
        reranker="rrf", retrievers=[RunnableLambda(source) for _ in range(4)]
    )

    assert ids(retriever.invoke("q")) == ["a"]


def test_the_number_of_documents_may_come_with_the_call():
    """`EnsembleRetriever` ignores it."""
    retriever = ResiftRetriever(reranker="rrf", retrievers=[fixed(*"abcde")])

    assert len(retrieved(retriever, k=1)) == 1


# The page ----------------------------------------------------------------------------


def test_the_examples_of_the_readme_run():
    """One after another, as they stand on the page."""
    page = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    namespace: dict[str, object] = {}

    for source in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(source, namespace)  # noqa: S102  # our own page
