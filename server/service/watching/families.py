"""Numbers as Prometheus takes them.

No label holds a tenant, a key or anything else that a caller chooses, except the names of collections.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from ....engine.results.info import DatabaseInfo
from .numbers import BOUNDS, Numbers


def families(numbers: Numbers) -> Iterator[Metric]:
    """Yield every metric but those of processes."""
    yield from _requests(numbers)
    yield from _audits(numbers)
    if numbers.certificate_ends is not None:
        expiry = "When the certificate that callers are shown expires, in seconds since 1970."
        ends = numbers.certificate_ends
        yield GaugeMetricFamily("vicinal_certificate_expiry_timestamp_seconds", expiry, value=ends)
    if numbers.info is not None:
        yield from _sizes(numbers.info)


def _requests(numbers: Numbers) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "vicinal_requests", "Calls that were let in and have ended.", labels=["method", "code"]
    )
    seconds = HistogramMetricFamily(
        "vicinal_request_seconds",
        "Time from the headers of a call to its status, the receiving of its message included.",
        labels=["method"],
    )
    for method, calls in numbers.calls.items():
        for code, count in calls.by_code.items():
            ended.add_metric([method, code], count)
        bounds = [*map(str, BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(calls.by_bound), strict=True))
        seconds.add_metric([method], buckets, calls.seconds)
    refused = CounterMetricFamily(
        "vicinal_refused", "Calls that were refused before they were run.", labels=["reason"]
    )
    for reason, count in numbers.refused.items():
        refused.add_metric([reason], count)
    in_flight = "Calls that were let in and have not ended."
    waiting = "Calls that were let in and wait for their turn."
    yield ended
    yield seconds
    yield GaugeMetricFamily("vicinal_requests_in_flight", in_flight, value=numbers.in_flight)
    yield refused
    yield GaugeMetricFamily("vicinal_requests_waiting", waiting, value=numbers.waiting)


def _audits(numbers: Numbers) -> Iterator[Metric]:
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
    for collection, found in numbers.audits.items():
        target.add_metric([collection], found.count, found.target)
        audited.add_metric([collection], found.count, found.audited)
    yield target
    yield audited


def _sizes(info: DatabaseInfo) -> Iterator[Metric]:
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
