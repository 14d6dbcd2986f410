"""What a server counts, for Prometheus.

A call adds to plain numbers; the families of Prometheus are made from them at a scrape. No label holds a
tenant, a key or anything else that a caller chooses, except the names of collections.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ....engine.errors import VicinalError
from ....engine.results.info import DatabaseInfo
from ..transport.certificate import Certificate

# Seconds. A search takes fractions of a millisecond, a merge minutes.
_BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
)


class _Calls:
    """The calls of one method that have ended."""

    __slots__ = ("by_bound", "by_code", "seconds")

    def __init__(self) -> None:
        # A series that begins with its first event hides that event from rate().
        self.by_code = {"OK": 0}
        self.by_bound = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0


class _Recall:
    """What audits of one collection found."""

    __slots__ = ("audited", "count", "target")

    def __init__(self) -> None:
        self.count = 0
        self.target = 0.0
        self.audited = 0.0


class Metrics(Collector):
    """Counters of a server. Thread-safe; what is called for every call takes about a microsecond.

    Parameters
    ----------
    methods : iterable of str
        Paths of all RPCs.

    Attributes
    ----------
    registry : CollectorRegistry
        What `prometheus_client` makes its formats of.
    """

    def __init__(self, methods: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._calls = {method: _Calls() for method in methods}
        self._refused: dict[str, int] = {}
        self._recall: dict[str, _Recall] = {}
        self._in_flight = 0
        self._waiting: Callable[[], int] = int
        self._database: Callable[[], DatabaseInfo] | None = None
        self._certificate: Certificate | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def begin(self) -> None:
        """Count a call that was let in; `finish` must follow."""
        with self._lock:
            self._in_flight += 1

    def finish(self, method: str, code: str, seconds: float) -> None:
        """Count a call that ended, with the name of its gRPC status code such as ``OK``."""
        calls = self._calls[method]
        bucket = bisect_left(_BOUNDS, seconds)
        with self._lock:
            self._in_flight -= 1
            calls.by_code[code] = calls.by_code.get(code, 0) + 1
            calls.by_bound[bucket] += 1
            calls.seconds += seconds

    def refused(self, reason: str) -> None:
        """Count a call that was refused before it was run; a reason is one of few words, never a caller's."""
        with self._lock:
            self._refused[reason] = self._refused.get(reason, 0) + 1

    def audited(self, collection: str, target: float, recall: float) -> None:
        """Count a search whose recall was measured."""
        with self._lock:
            found = self._recall.setdefault(collection, _Recall())
            found.count += 1
            found.target += target
            found.audited += recall

    def watch(
        self,
        *,
        waiting: Callable[[], int] | None = None,
        database: Callable[[], DatabaseInfo] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        """Say where to read, at each scrape, what is not counted here."""
        self._waiting = waiting or self._waiting
        self._database = database or self._database
        self._certificate = certificate or self._certificate

    def describe(self) -> Iterable[Metric]:
        """Return the names of no metric, so that registering does not collect them."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric but those of the process."""
        with self._lock:
            requests = self._requests()
            recall = self._audits()
        yield from requests
        waiting = "Calls that were let in and wait for their turn."
        yield GaugeMetricFamily("vicinal_requests_waiting", waiting, value=self._waiting())
        yield from recall
        if self._certificate is not None:
            expiry = "When the certificate that callers are shown expires, in seconds since 1970."
            ends = self._certificate.ends.timestamp()
            yield GaugeMetricFamily("vicinal_certificate_expiry_timestamp_seconds", expiry, value=ends)
        yield from self._sizes()

    def _requests(self) -> list[Metric]:
        ended = CounterMetricFamily(
            "vicinal_requests", "Calls that were let in and have ended.", labels=["method", "code"]
        )
        seconds = HistogramMetricFamily(
            "vicinal_request_seconds",
            "Time from the headers of a call to its status, the receiving of its message included.",
            labels=["method"],
        )
        for method, calls in self._calls.items():
            for code, count in calls.by_code.items():
                ended.add_metric([method, code], count)
            bounds = [*map(str, _BOUNDS), "+Inf"]
            buckets = list(zip(bounds, accumulate(calls.by_bound), strict=True))
            seconds.add_metric([method], buckets, calls.seconds)
        refused = CounterMetricFamily(
            "vicinal_refused", "Calls that were refused before they were run.", labels=["reason"]
        )
        for reason, count in self._refused.items():
            refused.add_metric([reason], count)
        in_flight = "Calls that were let in and have not ended."
        return [
            ended,
            seconds,
            GaugeMetricFamily("vicinal_requests_in_flight", in_flight, value=self._in_flight),
            refused,
        ]

    def _audits(self) -> list[Metric]:
        target = SummaryMetricFamily(
            "vicinal_search_recall_target",
            "Recall that audited searches asked for, 0 to 1.",
            labels=["collection"],
        )
        audited = SummaryMetricFamily(
            "vicinal_search_recall_audited",
            "Recall that the same searches had, measured against exact ones.",
            labels=["collection"],
        )
        for collection, found in self._recall.items():
            target.add_metric([collection], found.count, found.target)
            audited.add_metric([collection], found.count, found.audited)
        return [target, audited]

    def _sizes(self) -> Iterator[Metric]:
        if self._database is None:
            return
        try:
            info = self._database()
        except VicinalError:
            # It is closing; there is nothing to say about it any more.
            return
        points = _by_collection("vicinal_points", "Points that are alive.")
        disk = _by_collection("vicinal_segment_bytes", "Bytes of segment files.")
        memory = _by_collection("vicinal_memory_bytes", "Bytes in memory that are not pages of files.")
        merge = _by_collection(
            "vicinal_merge_progress_ratio",
            "How much of a stage of background work is done; 0 when there is none.",
        )
        for collection in info.collections:
            label = [collection.name]
            points.add_metric(label, collection.points)
            disk.add_metric(label, collection.bytes_disk)
            memory.add_metric(label, collection.bytes_memory)
            merge.add_metric(label, collection.activity.fraction if collection.activity.stage else 0.0)
        yield from (points, disk, memory, merge)
        yield GaugeMetricFamily(
            "vicinal_catalog_bytes", "Bytes of the catalog, the log included.", value=info.bytes_catalog
        )


def _by_collection(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["collection"])
