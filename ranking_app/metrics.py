"""Every Prometheus metric of the app, by name: what it counts, in which unit, with which labels.

One `Metrics` per process, with a registry of its own: importing this defines nothing globally, and two apps
in one test do not share numbers. docs/operations.md says what to watch. Label values are bounded: topics,
partitions, route templates (never paths), known methods, status codes.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.gc_collector import GCCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of `Metrics.render`: the text format that every Prometheus since 2014 reads."""

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Around the promised latencies (20 ms, 100 ms, 500 ms), with room to see what went wrong beyond them."""

_BATCH_EVENTS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
"""From a lone event on an idle topic to the large batches of a backlog."""


class Metrics:
    """The metrics of one process. Ingestion and web set them; `render` is what `/metrics` answers.

    >>> metrics = Metrics()
    >>> metrics.late.inc(2)
    >>> b"ranking_late_total 2.0" in metrics.render()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ingestion()
        self._read_model()
        self._web()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _ingestion(self) -> None:
        source = ("topic", "partition")
        self.events = self._counter("events", "Reservation events counted, this process's partitions.", source)
        self.late = self._counter("late", "Events counted more than RANKING_GRACE behind their watermark.")
        self.duplicates = self._counter("duplicates", "Events not counted: their id was seen on the partition.")
        self.dead_letters = self._counter("dead_letters", "Records sent to a dead-letter topic.")
        self.batch_flush_seconds = self._histogram(
            "batch_flush_seconds",
            "From a batch's decoding to the brokers' acknowledgement of its panes.",
            _SECONDS,
        )
        self.batch_events = self._histogram("batch_events", "Records in one batch.", _BATCH_EVENTS)
        self.rebalances = self._counter("rebalances", "Times that this process's partitions changed.")
        self.partition_owned = self._gauge(
            "partition_owned", "1 where this process counts the partition, else 0.", ("partition",)
        )
        self.notifications = self._counter("notifications", "Notifications put on their topic.", ("type",))

    def _read_model(self) -> None:
        source = ("topic", "partition")
        self.source_lag = self._gauge("source_lag", "Records of a source partition not applied yet.", source)
        self.source_offset = self._gauge("source_offset", "Next source offset to be applied.", source)
        self.changelog_applied_offset = self._gauge(
            "changelog_applied_offset",
            "Next changelog offset that the read model will apply.",
            ("partition",),
        )
        self.schedules = self._gauge("schedules", "Schedules that the read model knows.")
        self.panes = self._gauge("panes", "Panes (source partition x schedule x minute) that the read model holds.")
        self.complete = self._gauge("complete", "1 while answers are complete; 0: loading, rebalancing or stale.")
        self.read_model_loaded = self._gauge("read_model_loaded", "1 after the first complete load, else 0.")

    def _web(self) -> None:
        self.live_clients = self._gauge("live_clients", "Clients with a live stream open.")
        self.http_requests = self._counter("http_requests", "HTTP requests answered.", ("route", "method", "status"))
        self.http_request_seconds = self._histogram(
            "http_request_seconds", "From a request's headers to its answer.", _SECONDS, ("route",)
        )

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """Prometheus adds `_total` to the name."""
        return Counter(name, text, labels, namespace="ranking", registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, text, labels, namespace="ranking", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(name, text, labels, namespace="ranking", buckets=buckets, registry=self.registry)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format; its media type is CONTENT_TYPE."""
        return generate_latest(self.registry)
