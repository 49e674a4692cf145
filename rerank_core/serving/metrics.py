"""Counters for Prometheus: of the requests here, of the engines from `Reranker.stats()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from rerank_core.serving.service import Service

__all__ = ["Metrics"]

# What can only grow, with its unit where the name of the field does not tell it.
_COUNTERS = {
    "requests": "Calls whose pairs were queued.",
    "rows": "Pairs, or windows of them, that were run.",
    "batches": "Batches that were run.",
    "tokens": "Tokens of the rows that were run.",
    "padded_tokens": "The same with padding.",
    "wait_seconds": "Waiting for a first batch, over all calls.",
    "run_seconds": "Inside the model, over all workers.",
    "truncated": "Pairs that were cut.",
    "cancelled": "Calls whose client went away.",
    "deadline_exceeded": "Calls whose time was up.",
    "rejected": "Calls for which the queue had no room.",
    "failed": "Calls that the model failed.",
}
_GAUGES = {
    "queued_rows": "Rows that wait for a worker.",
    "queued_tokens": "Tokens that wait for a worker.",
    "queued_calls": "Calls that wait for a worker, or for room.",
}
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What /metrics tells.

    Args:
        service: Whose engines are asked.
    """

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Engines(service))
        self._requests = Counter(
            "rerank_core_http_requests",
            "Requests that were answered.",
            ["dialect", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rerank_core_http_request_seconds",
            "From a request's headers to the end of its answer.",
            ["dialect"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._documents = Counter(
            "rerank_core_http_documents",
            "Documents that were ranked.",
            ["dialect"],
            registry=self._registry,
        )
        Gauge(
            "rerank_core_http_answering",
            "Requests that are being answered.",
            registry=self._registry,
        ).set_function(lambda: service.answering)
        Gauge(
            "rerank_core_ready", "1 where requests are answered.", registry=self._registry
        ).set_function(lambda: float(service.ready))

    def count(self, dialect: str, status: int, seconds: float, documents: int) -> None:
        """Count one request."""
        self._requests.labels(dialect, status).inc()
        self._seconds.labels(dialect).observe(seconds)
        self._documents.labels(dialect).inc(documents)

    def text(self) -> bytes:
        """Give all of it in Prometheus's text format."""
        return generate_latest(self._registry)


class _Engines(Collector):
    """The counters of each model, read when they are asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        # Of two names with the same weights, which share all of this, the first one stands for both.
        made = {reranker: name for name, reranker in reversed(self._service.rerankers.items())}
        stats = {name: reranker.stats() for reranker, name in made.items()}
        for names, family in ((_COUNTERS, CounterMetricFamily), (_GAUGES, GaugeMetricFamily)):
            for field, help_text in names.items():
                metric = family(f"rerank_core_engine_{field}", help_text, labels=["model"])
                for model, found in stats.items():
                    metric.add_metric([model], getattr(found, field))
                yield metric
