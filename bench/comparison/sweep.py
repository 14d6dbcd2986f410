"""Timing engines side by side, interleaved so that drift hits all alike.

Efforts are chosen on the first half of the queries and reported on the second.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.progress import Progress
from ..datasets import Dataset, DatasetError
from ..datasets.dataset import Floats
from ..harness.timing import Watch, exclusive, percentiles, timed
from ..harness.truth import Truth, recall
from ..peers import Build, Effort, Searcher, Work
from .pareto import pareto_front

ENOUGH_RECALL = 0.996
TRIALS = 2


@dataclass(frozen=True)
class Built:
    """An index ready to be measured.

    Attributes
    ----------
    peer : str
    build : Build
    efforts : sequence of Effort
        What may be chosen from, by rising effort.
    searcher : Searcher
    queries : ndarray
        All queries, in the engine's form.
    build_seconds : float
    memory_per_vector, disk_per_vector : float
        Bytes.
    """

    peer: str
    build: Build
    efforts: Sequence[Effort]
    searcher: Searcher
    queries: Floats
    build_seconds: float
    memory_per_vector: float
    disk_per_vector: float

    @property
    def label(self) -> str:
        return f"{self.peer} {self.build.label}"

    @property
    def tuning(self) -> Floats:
        """The queries that efforts are chosen on."""
        return self.queries[: len(self.queries) // 2]

    @property
    def reported(self) -> Floats:
        """The queries of which the figures are."""
        return self.queries[len(self.queries) // 2 :]


@dataclass(frozen=True)
class Trial:
    """What an effort came to on the queries that tune."""

    effort: Effort
    recall: float
    seconds: float


@dataclass
class AtEffort:
    """One build at one effort."""

    built: Built
    effort: Effort
    recall: float
    work: Work
    batch_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    single_seconds: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median seconds per query over the repetitions of the batch."""
        return float(np.median(self.batch_seconds)) / len(self.built.reported)

    @property
    def least_seconds(self) -> float:
        return min(self.batch_seconds) / len(self.built.reported)

    @property
    def cores(self) -> float:
        """Cores that this process kept busy during the batches."""
        return sum(self.cpu_seconds) / sum(self.batch_seconds)

    def record(self) -> dict[str, Any]:
        """The point as it stands in a result record."""
        return {
            "peer": self.built.peer,
            "build": self.built.build.label,
            "effort": self.effort.label,
            "parameters": {**self.built.build.parameters, **self.effort.parameters},
            "recall": round(self.recall, 5),
            "us_per_query": round(self.seconds * 1e6, 3),
            "least_us_per_query": round(self.least_seconds * 1e6, 3),
            "qps": round(1 / self.seconds, 1),
            **percentiles(np.concatenate(self.single_seconds)),
            "cores": round(self.cores, 3),
            "build_seconds": round(self.built.build_seconds, 3),
            "bytes_per_vector": round(self.built.memory_per_vector, 1),
            "disk_bytes_per_vector": round(self.built.disk_per_vector, 1),
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
    repetitions: int = 5
    singles: int = 200
    threads: int = 1
    lock: Path | None = None


def sweep(
    builds: Sequence[Built], dataset: Dataset, truth: Truth, plan: SweepOptions, watch: Watch, step: Progress
) -> list[AtEffort]:
    """Measure every build at every effort that is worth it.

    Worth it are efforts that no other of the build beats in both recall and time on the first half of the
    queries, up to recall 0.996. A pass that is not timed then finds the recall on the second half; each
    repetition times one batch and some single queries of every point, going through all engines at one effort
    before the next.

    Raises
    ------
    DatasetError
        There are no two queries.
    """
    if len(dataset.queries) < 2:
        raise DatasetError(
            f"{dataset.name} has one query; efforts are chosen on one half and reported on another"
        )
    points: list[AtEffort] = []
    for place, built in enumerate(builds):
        with exclusive(plan.lock):
            for effort in _worth(built, dataset, truth, plan):
                points.append(_reached(built, effort, dataset, truth, plan))
        step("choose efforts", (place + 1) / len(builds))
    in_turn = sorted(
        range(len(points)), key=lambda place: points[place].built.efforts.index(points[place].effort)
    )
    for repetition in range(plan.repetitions):
        with exclusive(plan.lock), watch.watching():
            for done, place in enumerate(in_turn):
                point = points[place]
                _time_batch(point, plan)
                _time_singles(point, plan, repetition)
                step(f"repetition {repetition + 1}", (done + 1) / len(points))
    return points


def _worth(built: Built, dataset: Dataset, truth: Truth, plan: SweepOptions) -> list[Effort]:
    trials = []
    for effort in built.efforts:
        search = partial(built.searcher.search, built.tuning, plan.k, effort, plan.threads)
        reached = recall(dataset, truth, np.asarray(search()))
        seconds = min(timed(search) for _ in range(TRIALS))
        trials.append(Trial(effort, reached, seconds))
        if reached >= ENOUGH_RECALL:
            break
    return [trial.effort for trial in pareto_front(trials)]


def _reached(built: Built, effort: Effort, dataset: Dataset, truth: Truth, plan: SweepOptions) -> AtEffort:
    ids = built.searcher.search(built.reported, plan.k, effort, plan.threads)
    reached = recall(dataset, truth, np.asarray(ids), first_query=len(built.tuning))
    return AtEffort(built, effort, reached, built.searcher.work(built.reported, plan.k, effort))


def _time_batch(point: AtEffort, plan: SweepOptions) -> None:
    built, cpu = point.built, time.process_time()
    search = built.searcher.search
    point.batch_seconds.append(timed(lambda: search(built.reported, plan.k, point.effort, plan.threads)))
    point.cpu_seconds.append(time.process_time() - cpu)


def _time_singles(point: AtEffort, plan: SweepOptions, repetition: int) -> None:
    queries = point.built.reported
    count = min(plan.singles, len(queries))
    first = repetition * count
    seconds = np.empty(count, dtype=np.float64)
    search_one = point.built.searcher.search_one
    for place in range(count):
        query = queries[(first + place) % len(queries)]
        started = time.perf_counter()
        search_one(query, plan.k, point.effort)
        seconds[place] = time.perf_counter() - started
    point.single_seconds.append(seconds)


def group_points(points: Sequence[AtEffort]) -> Mapping[str, dict[str, list[AtEffort]]]:
    """Points by peer and by the label of their build."""
    groups: dict[str, dict[str, list[AtEffort]]] = {}
    for point in points:
        groups.setdefault(point.built.peer, {}).setdefault(point.built.build.label, []).append(point)
    return groups
