"""Spans: one per stage, with counts, notes and failures, and without any text."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import resift
from resift_opentelemetry import OpenTelemetry

PRIVATE = "a text that must not leave"


@pytest.fixture(scope="module")
def exporter():
    """Return where the process's spans go, whoever set its provider: only one can."""
    memory = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    yield memory
    memory.shutdown()


@pytest.fixture
def spans(exporter):
    """Return a function that gives the spans of this test, in the order they ended."""
    exporter.clear()
    return exporter.get_finished_spans


def test_a_score_is_a_span(spans):
    """A call of `rank` is a span with its counts."""
    reranker = resift.load("bm25", wrappers=["opentelemetry"], config=None)

    reranker.rank("red fox", ["a red fox", "a hen", ""], top_k=2)

    (span,) = spans()
    assert span.name == "resift.score bm25"
    assert dict(span.attributes) == {
        "resift.reranker": "bm25",
        "resift.documents": 2,
        "resift.top_k": 2,
        "resift.scored": 2,
    }


def test_stages_are_children(spans):
    """The spans of nested rerankers lie inside the span of the outer one."""
    cascade = resift.load(
        "cascade",
        stages=["bm25", "bm25"],
        keep=[1],
        wrappers=[OpenTelemetry()],
        config=None,
    )

    cascade.rank("fox", ["a fox", "a hen"])

    first, second, outer = spans()
    assert [s.name for s in (first, second, outer)] == [
        "resift.score bm25",
        "resift.score bm25",
        "resift.score cascade",
    ]
    assert first.parent.span_id == second.parent.span_id == outer.context.span_id
    assert first.attributes["resift.documents"] == 2
    assert second.attributes["resift.documents"] == 1


def test_a_merge_is_a_span(spans):
    """Merging result tables is a span with the length of each list."""
    lists = [pa.table({"_rowid": [1, 2]}), pa.table({"_rowid": [2, 3, 4]})]

    resift.load("rrf", wrappers=["opentelemetry"], config=None).rerank("", *lists)

    (span,) = spans()
    assert span.name == "resift.merge rrf"
    assert span.attributes["resift.rankings"] == (2, 3)
    assert span.attributes["resift.documents"] == 4


class Noting:
    """Score one document, and say something."""

    @resift.hookimpl
    def score(self, query, documents):
        values = np.full(len(documents), np.nan)
        values[0] = 1.0
        return resift.Scores(values, notes=("fallback: the model was slow",))


@pytest.mark.parametrize(
    ("notes", "recorded"), [(True, ("fallback: the model was slow",)), (False, None)]
)
def test_notes_are_recorded_unless_switched_off(spans, notes, recorded):
    """What a reranker notes is an attribute of its span."""
    reranker = resift.Reranker(Noting(), wrappers=[OpenTelemetry(notes=notes)])

    reranker.rank("x", ["a", "b"])

    (span,) = spans()
    assert span.attributes.get("resift.notes") == recorded
    assert span.attributes["resift.scored"] == 1


def test_no_text_is_recorded(spans):
    """Neither the query, a document nor an error message appears in a span."""

    def fail(query, documents):
        raise RuntimeError(documents[0])

    reranker = resift.Reranker(fail, wrappers=[OpenTelemetry()])

    with pytest.raises(RuntimeError):
        reranker.rank(PRIVATE, [PRIVATE])

    (span,) = spans()
    assert PRIVATE not in span.to_json()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "RuntimeError"


def test_many_queries_are_one_span(spans):
    """`rank_many` of a reranker that packs counts queries and documents."""

    class Packs:
        @resift.hookimpl
        def score_many(self, queries, documents):
            return [[float(len(text)) for text in texts] for texts in documents]

    reranker = resift.Reranker(Packs(), wrappers=["opentelemetry"], name="packs")

    reranker.rank_many(["fox", "hen"], [["a fox", "b"], ["a hen"]])

    outer = spans()[-1]
    assert outer.name == "resift.score_many packs"
    assert outer.attributes["resift.queries"] == 2
    assert outer.attributes["resift.documents"] == 3


def test_the_config_switches_it_on(spans):
    """`wrappers = ["opentelemetry"]` traces every reranker that is loaded."""
    config = {
        "wrappers": [{"use": "opentelemetry", "options": {"notes": False}}],
        "rerankers": {"mine": {"use": "bm25"}},
    }

    resift.load("mine", config=config).rank("fox", ["a fox"])

    assert [span.name for span in spans()] == ["resift.score mine"]


def test_a_traced_reranker_pickles(spans):
    """A copy in another process traces as well."""
    reranker = resift.load("bm25", wrappers=["opentelemetry"], config=None)

    copy = pickle.loads(pickle.dumps(reranker))
    copy.rank("fox", ["a fox"])

    assert len(spans()) == 1


def test_it_is_told_apart_from_a_reranker() -> None:
    """Where a reranker is asked for, an installed wrapper is not 'not installed'."""
    with pytest.raises(resift.UnknownRerankerError) as error:
        resift.load("opentelemetry", config=None)

    assert str(error.value) == (
        "No reranker named 'opentelemetry' is installed. There is a wrapper of that "
        "name: resift.load(..., wrappers=['opentelemetry'])."
    )


def test_an_instance_takes_it_by_name_too(exporter) -> None:
    """As `resift.load` does."""
    reranker = resift.Reranker(
        lambda query, documents: [1.0], wrappers=["opentelemetry"]
    )

    reranker.rank("q", ["a"])

    assert exporter.get_finished_spans()


class Paid:
    """Costs tokens and a call, and reads an instruction."""

    @resift.hookimpl
    def score(self, documents, instruction):
        del instruction
        usage = {"calls": 1, "input_tokens": 7, "output_tokens": 2}
        return resift.Scores(np.zeros(len(documents)), usage=usage)


def test_usage_is_told_by_the_names_of_the_conventions(spans):
    """Tokens stand under gen_ai.usage on the span that spent them, and only there."""
    reranker = resift.load(
        "cascade", stages=[Paid()], keep=[], wrappers=[OpenTelemetry()], config=None
    )

    reranker.rank("red fox", ["a red fox"])

    inner, outer = (dict(span.attributes) for span in spans())
    assert inner["gen_ai.usage.input_tokens"] == 7
    assert inner["gen_ai.usage.output_tokens"] == 2
    assert inner["resift.usage.calls"] == 1
    assert outer["resift.usage.input_tokens"] == 7
    assert not any(name.startswith("gen_ai") for name in outer)


def test_many_queries_cost_what_all_cost(spans):
    """The span of `score_many` holds the sum over its queries."""
    reranker = resift.Reranker(Paid(), wrappers=[OpenTelemetry()])

    reranker.score_many(["red fox", "hen"], [["a red fox"], ["a hen"]])

    outer = spans()[-1]
    assert outer.name == "resift.score_many Paid"
    assert outer.attributes["resift.usage.input_tokens"] == 14


def test_the_price_is_part_of_what_it_cost(spans):
    """Where a price is set, the span of what is paid says the cost, of each and all."""
    paid = {"input_tokens": 0.5}
    reranker = resift.Reranker(Paid(), wrappers=[OpenTelemetry()], price=paid)

    reranker.score("red fox", ["a red fox"])
    (alone,) = spans()
    reranker.score_many(["red fox", "hen"], [["a red fox"], ["a hen"]])

    assert alone.attributes["resift.usage.cost"] == 3.5
    assert spans()[-1].attributes["resift.usage.cost"] == 7.0


def test_the_words_of_an_instruction_stay(spans):
    """A span says that there was one, not what it said."""
    reranker = resift.Reranker(Paid(), wrappers=[OpenTelemetry()])

    reranker.rank("red fox", ["a red fox"], instruction=PRIVATE)

    (span,) = spans()
    assert span.attributes["resift.instructed"] is True
    assert PRIVATE not in str(dict(span.attributes))
