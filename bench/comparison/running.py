"""`vicinal bench run`: engines side by side on one dataset in one process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.machine import available_bytes, cores
from ..harness.scratch import scratch_folder
from ..harness.timing import Watch, exclusive
from ..harness.truth import Truth
from ..kept_peers import KeptPeer
from ..peers import Build, Peer
from .sweep import AtEffort, Built, SweepOptions, sweep

# Vectors, links and what a build needs besides, against the plain float32 matrix.
MEMORY_FACTOR = 1.5


class MemoryShortageError(RuntimeError):
    """All indexes together would not fit; interleaved timing needs them all at once."""


@dataclass(frozen=True)
class Comparison:
    """What a run found: the indexes, the points, and the builds that an engine refused."""

    builds: list[Built]
    points: list[AtEffort]
    refused: list[str]


def chosen_builds(peer: Peer | KeptPeer[Any, Any], dataset: Any, patterns: Sequence[str]) -> list[Build]:
    """Return the builds of an engine whose labels match a pattern such as ``IVF*``; all if none does."""
    builds = peer.builds(dataset)
    chosen = [one for one in builds if any(fnmatchcase(one.label, pattern) for pattern in patterns)]
    return chosen or list(builds)


def run(
    dataset: Dataset,
    truth: Truth,
    wanted: Sequence[tuple[Peer, Build]],
    plan: SweepOptions,
    scratch: Path,
    watch: Watch,
    step: Progress,
) -> Comparison:
    """Build every index, then sweep them interleaved.

    Parameters
    ----------
    dataset, truth
        What to index and ask, and the exact answers.
    wanted : sequence of (Peer, Build)
        Engines with their builds, in the order of the tables.
    plan : SweepOptions
        How to measure.
    scratch : Path
        Folder for databases and index files, emptied afterwards.
    watch : Watch
        Told what is timing, to find out about other work on the machine.
    step : callable
        Told the stage and its finished share.
    """
    _check_memory(dataset, len(wanted))
    built: list[Built] = []
    refused: list[str] = []
    with scratch_folder(scratch) as folder:
        try:
            for done, (peer, build) in enumerate(wanted):
                step(f"build {peer.name} {build.label}", done / len(wanted))
                with exclusive(plan.lock), watch.watching():
                    made = _build(dataset, peer, build, plan.k, folder)
                if isinstance(made, Built):
                    built.append(made)
                else:
                    refused.append(made)
            points = sweep(built, dataset, truth, plan, watch, step)
        finally:
            for one in built:
                one.searcher.close()
    return Comparison(built, points, refused)


def _build(dataset: Dataset, peer: Peer, build: Build, k: int, folder: Path) -> Built | str:
    queries = peer.queries(dataset)
    threads = cores()
    started = time.perf_counter()
    try:
        searcher = peer.build(dataset, build, threads, folder)
    except (ValueError, RuntimeError) as error:
        if peer.name == "vicinal":
            raise
        return f"{peer.name} {build.label} skipped: it refuses this data ({error})"
    seconds = time.perf_counter() - started
    memory, disk = searcher.bytes_in_memory() / dataset.rows, searcher.bytes_on_disk() / dataset.rows
    return Built(peer.name, build, peer.efforts(build, k), searcher, queries, seconds, memory, disk)


def _check_memory(dataset: Dataset, builds: int) -> None:
    needed = int(builds * MEMORY_FACTOR * dataset.vectors.nbytes)
    available = available_bytes()
    if available is not None and needed > available:
        raise MemoryShortageError(
            f"{builds} indexes of {dataset.name} need about {needed / 2**30:.1f} GiB together, "
            f"{available / 2**30:.1f} GiB are free; name fewer engines with --peers, builds with --builds or "
            "rows with --rows"
        )
