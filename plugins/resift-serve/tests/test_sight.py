"""What is measured and traced."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

QUESTION = {"query": "red fox", "documents": ["tax law", "the red fox"]}


def test_the_metrics_do_not_grow_with_what_is_asked(running):
    """Paths, models and numbers of clients make no new lines."""
    with running() as client:
        client.post("/v1/rerank", QUESTION)
        client.post("/v1/rerank", QUESTION | {"model": "other"})
        client.post("/v1/inference/other", QUESTION | {"queries": ["red fox"]})
        client.get("/nowhere")
        client.get("/metrics")
        before = client.get("/metrics").body
        for i in range(100):
            client.get(f"/{i}")
            client.post(f"/v1/inference/m{i}", QUESTION)
            client.post(
                "/v1/rerank", QUESTION | {"model": f"m{i}"}, X_Request_Id=f"{i}"
            )
            client.post("/v1/rerank", QUESTION | {"model": "WORDS"})
        after = client.get("/metrics").body

    assert len(after.splitlines()) == len(before.splitlines())
    assert b'reranker="words",status="200"} 101.0' in after
    assert b'resift_documents_total{reranker="words"} 202.0' in after


@pytest.fixture(name="spans", scope="module")
def _spans():
    """Where this process's spans go, whoever set its provider: only one can."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def test_the_trace_of_a_caller_goes_on_in_every_stage(running, spans):
    """The span that the header names is an ancestor of every stage's."""
    config = {
        "wrappers": ["opentelemetry"],
        "default": "both",
        "rerankers": {
            "both": {
                "use": "cascade",
                "options": {"stages": ["bm25", "bm25"], "keep": [2]},
            }
        },
    }
    trace_id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with running(config) as client:
        spans.clear()
        client.post("/v1/rerank", QUESTION, traceparent=f"00-{trace_id}-{parent}-01")
    found = {f"{s.context.span_id:016x}": s for s in spans.get_finished_spans()}
    scored = [s for s in found.values() if s.name.startswith("resift.score ")]

    assert len(scored) == 3
    for span in scored:
        assert f"{span.context.trace_id:032x}" == trace_id
        at = span
        while f"{at.parent.span_id:016x}" in found:
            at = found[f"{at.parent.span_id:016x}"]
        assert f"{at.parent.span_id:016x}" == parent
