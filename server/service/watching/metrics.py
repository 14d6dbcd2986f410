"""What a process counts of its calls, for Prometheus.

A call adds to plain numbers; the families of Prometheus are made from them at a scrape.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ....engine.errors import VicinalError
from ....engine.results.info import DatabaseInfo
from ..transport.certificate import Certificate
from .families import families
from .numbers import BOUNDS, AuditedSearches, EndedCalls, Numbers


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
        self._numbers = Numbers({method: EndedCalls() for method in methods})
        self._calls = self._numbers.calls
        self._in_flight: Callable[[], int] = int
        self._waiting: Callable[[], int] = int
        self._database: Callable[[], DatabaseInfo] | None = None
        self._certificate: Certificate | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def finish(self, method: str, code: str, seconds: float) -> None:
        """Count a call that ended, with the name of its gRPC status code such as ``OK``."""
        calls = self._calls[method]
        bucket = bisect_left(BOUNDS, seconds)
        with self._lock:
            calls.by_code[code] = calls.by_code.get(code, 0) + 1
            calls.by_bound[bucket] += 1
            calls.seconds += seconds

    def refused(self, reason: str) -> None:
        """Count a call that was refused before it was run; a reason is one of few words, never a caller's."""
        refused = self._numbers.refused
        with self._lock:
            refused[reason] = refused.get(reason, 0) + 1

    def audited(self, collection: str, target: float, recall: float) -> None:
        """Count a search whose recall was measured."""
        with self._lock:
            found = self._numbers.audits.setdefault(collection, AuditedSearches())
            found.count += 1
            found.target += target
            found.audited += recall

    def watch(
        self,
        *,
        in_flight: Callable[[], int] | None = None,
        waiting: Callable[[], int] | None = None,
        database: Callable[[], DatabaseInfo] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        """Say where to read, at each scrape, what is not counted here."""
        self._in_flight = in_flight or self._in_flight
        self._waiting = waiting or self._waiting
        self._database = database or self._database
        self._certificate = certificate or self._certificate

    def numbers(self) -> Numbers:
        """Return all that there is to tell now, as a copy."""
        with self._lock:
            numbers = deepcopy(self._numbers)
        numbers.in_flight = self._in_flight()
        numbers.waiting = self._waiting()
        if self._certificate is not None:
            numbers.certificate_ends = self._certificate.ends.timestamp()
        numbers.info = self._info()
        return numbers

    def describe(self) -> Iterable[Metric]:
        """Return the names of no metric, so that registering does not collect them."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric but those of the process."""
        return families(self.numbers())

    def _info(self) -> DatabaseInfo | None:
        try:
            return None if self._database is None else self._database()
        except VicinalError:
            # It is closing; there is nothing to say about it any more.
            return None
