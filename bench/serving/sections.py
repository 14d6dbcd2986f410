"""The parts of `vicinal bench server`, and the database they share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vicinal

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.loaded import create_collection, load
from .scenes.connections import measure_connections
from .scenes.singles import measure_singles
from .scenes.throughput import measure_batch_throughput, measure_single_throughput
from .scenes.upserts import measure_upserts

SECTIONS = {
    "singles": measure_singles,
    "throughput": measure_single_throughput,
    "batches": measure_batch_throughput,
    "upserts": measure_upserts,
    "connections": measure_connections,
}


@contextmanager
def loaded(below: Path, data: Dataset, step: Progress) -> Iterator[tuple[Path, Path]]:
    """Load the dataset, payloads too, as one indexed segment; give the database and a folder for the rest."""
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below, prefix="bench-") as inside:
        scratch = Path(inside)
        folder = scratch / "database"
        with vicinal.open(folder) as database:
            load(create_collection(database, data), data, payloads=True, step=step)
        yield folder, scratch
