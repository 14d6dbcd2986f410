"""One page of metrics for all processes of a server.

What calls and audits counted is summed, that of processes which ended included, so that no sum ever falls.
Of a process that was killed there is what it told at the last scrape: what it counted since is lost.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ..watching.families import families
from ..watching.numbers import Numbers
from .child import Child

# A scrape takes no longer than this to ask; of who does not answer there is what it told before.
_PATIENCE_SECONDS = 2.0


class Gathering(Collector):
    """Asks every process for its numbers at each scrape.

    Scrapes come in threads of their own, and connections to processes belong to the supervisor's. So a scrape
    rings here and waits; the supervisor asks, and takes in what is told.

    Attributes
    ----------
    registry : CollectorRegistry
        What is asked at a scrape.
    """

    def __init__(self) -> None:
        self._rung, self._ringer = socket.socketpair()
        self._changed = threading.Condition()
        self._asked = self._answered = 0
        self._awaited: set[Child] = set()
        self._told: dict[Child, Numbers] = {}
        self._ended = Numbers()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def __enter__(self) -> Gathering:
        return self

    def __exit__(self, *error: object) -> None:
        self._rung.close()
        self._ringer.close()

    def fileno(self) -> int:
        """Return what is readable when a scrape waits."""
        return self._rung.fileno()

    def begin(self, children: Iterable[Child]) -> list[Child]:
        """Return who is to be asked for numbers now: those that let calls in."""
        self._rung.recv(4096)
        with self._changed:
            self._asked += 1
            self._awaited = {child for child in children if child.is_ready}
            self._look()
            return list(self._awaited)

    def take(self, child: Child, numbers: Numbers) -> None:
        """Take in what a process told."""
        with self._changed:
            self._told[child] = _counting(child, numbers)
            self._awaited.discard(child)
            self._look()

    def end(self, child: Child) -> None:
        """Take in that a process ended."""
        with self._changed:
            self._ended.add_counted(self._told.pop(child, Numbers()))
            self._awaited.discard(child)
            self._look()

    def describe(self) -> Iterable[Metric]:
        """Return the names of no metric, so that registering does not collect them."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        with self._changed:
            # What is being asked for now may have been told before this scrape came.
            wanted = self._asked + 1
            self._ringer.send(b"\0")
            self._changed.wait_for(lambda: self._answered >= wanted, _PATIENCE_SECONDS)
            total = Numbers()
            total.add_counted(self._ended)
            processes = {"supervisor": os.getpid()}
            for child, numbers in self._told.items():
                total.add(numbers)
                processes[child.part.name] = child.pid
        yield from families(total)
        yield from _of_processes(processes)

    def _look(self) -> None:
        """Wake scrapes that have what they wait for; the caller holds the lock."""
        if not self._awaited:
            self._answered = self._asked
            self._changed.notify_all()


def _counting(child: Child, numbers: Numbers) -> Numbers:
    """Return what is to be summed: the writer's calls are those of the workers, counted there."""
    if not child.part.is_writer:
        return numbers
    return replace(numbers, calls={}, in_flight=0, waiting=0)


def _of_processes(processes: dict[str, int]) -> Iterator[Metric]:
    """Yield what there is about each process of the system, by its name."""
    found: dict[str, Metric] = {}
    for name, pid in processes.items():
        for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            samples = [sample._replace(labels={"process": name}) for sample in metric.samples]
            found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            found[metric.name].samples += samples
    yield from found.values()
