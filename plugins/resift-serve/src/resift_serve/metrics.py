"""`Metrics`: what Prometheus reads. Labels are names of the config and known paths."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

__all__ = ["Metrics"]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one server.

    No label is ever a word of a client: its size does not grow with what is asked.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        by = ["path", "reranker"]
        self.requests = self._counter("requests", "Requests answered.", [*by, "status"])
        self.seconds = Histogram(
            "resift_request_seconds",
            "Seconds from a request to its answer.",
            by,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.documents = self._counter("documents", "Documents that were ranked.")
        self.degraded = self._counter("degraded_answers", "Answers of second choice.")
        self.queued = self._gauge("queued_requests", "Requests that wait.")
        self.queued_documents = self._gauge("queued_documents", "Documents that wait.")
        self.ready = self._gauge("reranker_ready", "Whether it is ready: 1 or 0.")

    def _counter(
        self, name: str, help: str, labels: Sequence[str] = ("reranker",)
    ) -> Counter:
        return Counter(f"resift_{name}", help, labels, registry=self._registry)

    def _gauge(self, name: str, help: str) -> Gauge:
        return Gauge(f"resift_{name}", help, ["reranker"], registry=self._registry)

    def forget(self, reranker: str) -> None:
        """Drop what is measured of now, for a reranker that is gone."""
        for gauge in (self.queued, self.queued_documents, self.ready):
            gauge.remove(reranker)

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)
