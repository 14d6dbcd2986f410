"""Timing engines side by side: every build at every effort, interleaved so that drift hits all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.progress import Progress
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..harness.timing import Watch, exclusive, percentiles, timed
from ..harness.truth import Truth, recall
from ..peers import Build, Searcher, Work

EFFORTS = (10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800)
ENOUGH_RECALL = 0.996


@dataclass(frozen=True)
class Built:
    """An index ready to be measured."""

    peer: str
    build: Build
    searcher: Searcher
    queries: Floats
    build_seconds: float
    bytes_per_vector: float

    @property
    def label(self) -> str:
        return f"{self.peer} {self.build.label}"


@dataclass
class AtEffort:
    """One build at one effort."""

    built: Built
    ef: int
    recall: float
    work: Work
    batch_seconds: list[float] = field(default_factory=list)
    single_seconds: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median seconds per query over the repetitions of the batch."""
        return float(np.median(self.batch_seconds)) / len(self.built.queries)

    @property
    def least_seconds(self) -> float:
        return min(self.batch_seconds) / len(self.built.queries)

    def record(self) -> dict[str, Any]:
        """The point as it stands in a result record."""
        return {
            "peer": self.built.peer,
            "build": self.built.build.label,
            "parameters": {**self.built.build.parameters, "ef": self.ef},
            "recall": round(self.recall, 5),
            "us_per_query": round(self.seconds * 1e6, 3),
            "least_us_per_query": round(self.least_seconds * 1e6, 3),
            "qps": round(1 / self.seconds, 1),
            **percentiles(np.concatenate(self.single_seconds)),
            "build_seconds": round(self.built.build_seconds, 3),
            "bytes_per_vector": round(self.built.bytes_per_vector, 1),
            "distances_per_query": self.work.distances,
            "bytes_touched_per_query": self.work.bytes_touched,
            "repetitions": len(self.batch_seconds),
        }


@dataclass(frozen=True)
class SweepOptions:
    """How to measure.

    Attributes
    ----------
    k : int
        Neighbours per query.
    efforts : sequence of int
        Efforts to sweep; those below k are left out, and the sweep of a build ends at recall 0.996.
    repetitions : int
        Timings of every point.
    singles : int
        Queries asked one at a time per repetition, for the percentiles.
    threads : int
        Threads of a batch.
    lock : Path, optional
        File to hold while timing.
    """

    k: int
    efforts: Sequence[int] = EFFORTS
    repetitions: int = 5
    singles: int = 200
    threads: int = 1
    lock: Path | None = None


def sweep(
    builds: Sequence[Built], dataset: Dataset, truth: Truth, plan: SweepOptions, watch: Watch, step: Progress
) -> list[AtEffort]:
    """Measure every build at every effort that is worth it.

    A first untimed pass measures recall and warms each index up. Each repetition then times one batch and
    some single queries of every point, going through all engines at one effort before the next effort.
    """
    points = _recall_pass(builds, dataset, truth, plan, step)
    by_effort = sorted(range(len(points)), key=lambda place: points[place].ef)
    for repetition in range(plan.repetitions):
        with exclusive(plan.lock), watch.watching():
            for done, place in enumerate(by_effort):
                point = points[place]
                _time_batch(point, plan)
                _time_singles(point, plan, repetition)
                step(f"repetition {repetition + 1}", (done + 1) / len(points))
    return points


def _recall_pass(
    builds: Sequence[Built], dataset: Dataset, truth: Truth, plan: SweepOptions, step: Progress
) -> list[AtEffort]:
    points = []
    for place, built in enumerate(builds):
        with exclusive(plan.lock):
            for ef in (effort for effort in plan.efforts if effort >= plan.k):
                ids = built.searcher.search(built.queries, plan.k, ef, plan.threads)
                reached = recall(dataset, truth, np.asarray(ids))
                points.append(AtEffort(built, ef, reached, built.searcher.work(built.queries, plan.k, ef)))
                if reached >= ENOUGH_RECALL:
                    break
        step("recall", (place + 1) / len(builds))
    return points


def _time_batch(point: AtEffort, plan: SweepOptions) -> None:
    built = point.built
    point.batch_seconds.append(
        timed(lambda: built.searcher.search(built.queries, plan.k, point.ef, plan.threads))
    )


def _time_singles(point: AtEffort, plan: SweepOptions, repetition: int) -> None:
    queries = point.built.queries
    count = min(plan.singles, len(queries))
    first = repetition * count
    seconds = np.empty(count, dtype=np.float64)
    search_one = point.built.searcher.search_one
    for place in range(count):
        query = queries[(first + place) % len(queries)]
        started = time.perf_counter()
        search_one(query, plan.k, point.ef)
        seconds[place] = time.perf_counter() - started
    point.single_seconds.append(seconds)


def group_points(points: Sequence[AtEffort]) -> Mapping[str, dict[str, list[AtEffort]]]:
    """Points by peer and by the label of their build."""
    groups: dict[str, dict[str, list[AtEffort]]] = {}
    for point in points:
        groups.setdefault(point.built.peer, {}).setdefault(point.built.build.label, []).append(point)
    return groups
