"""What tracing costs: a reranker with and without spans, in one run.

    python tests/benchmarks/bench_tracing.py

Prints the median time of `rank` on 100 documents for a function that does next to
nothing: plain, with ``resift-opentelemetry`` and no SDK, and with an SDK that keeps its
spans in memory.
"""

from __future__ import annotations

import statistics
import time

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import resift
from resift_opentelemetry import OpenTelemetry

ROUNDS = 2000
DOCUMENTS = [f"document {i}" for i in range(100)]


def lengths(query: str, documents: list[str]) -> list[float]:
    """Score by length: as good as free."""
    return [float(len(text)) for text in documents]


def compared(plain: resift.Reranker, traced: resift.Reranker) -> tuple[float, float]:
    """Return the median microseconds of both, measured in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for reranker, kept in zip((plain, traced), times, strict=True):
            start = time.perf_counter()
            reranker.rank("query", DOCUMENTS)
            kept.append(time.perf_counter() - start)
    return statistics.median(times[0]) * 1e6, statistics.median(times[1]) * 1e6


def main() -> None:
    """Measure without an SDK first: the provider can be set only once."""
    plain = resift.Reranker(lengths)
    report("no SDK", *compared(plain, traced()))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    report("SDK, in memory", *compared(plain, traced()))


def traced() -> resift.Reranker:
    """Return the same reranker with spans."""
    return resift.Reranker(lengths, wrappers=[OpenTelemetry()])


def report(name: str, plain: float, with_spans: float) -> None:
    """Print one row."""
    added = with_spans - plain
    print(
        f"{name:15s} {plain:7.1f} us plain, {with_spans:7.1f} us traced: +{added:.1f}"
    )


if __name__ == "__main__":
    main()
