"""This engine, through its public API as a user calls it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import vicinal

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import Offsets, SparseDataset, SparseRows, Terms
from ..kept_peers.vicinal import COLLECTION, VicinalKept, VicinalKeptSearcher
from ..peers import Build, Effort, grid

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.database import Database
    from ...indexes.protocol import IndexSpec

FIELD = "sparse"
# A payload of whole numbers below this, dealt out evenly: filters of any share ask for those below a number.
PARTS = 1_000
PART = "part"
BATCH_ROWS = 10_000
RECALLS = (0.90, 0.95, 0.99, 0.999)
HEAP_FACTORS, QUERY_CUTS = (1.0, 0.95, 0.9, 0.8, 0.7), (2, 3, 4, 5, 6, 8, 10, 14, 20)
INDEXES: dict[str, IndexSpec] = {"inverted": vicinal.Inverted(), "seismic": vicinal.Seismic()}


@dataclass(frozen=True)
class Csr:
    """Rows in the form of scipy's, which is passed by its attributes."""

    indptr: Offsets
    indices: Terms
    data: Floats

    @classmethod
    def of(cls, rows: SparseRows) -> Csr:
        """Wrap rows without a copy."""
        return cls(rows.indptr, rows.indices, rows.values)


class VicinalPeer(VicinalKept):
    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        return [Build(index, {"index": index}) for index in INDEXES]

    def efforts(self, build: Build) -> Sequence[Effort]:
        if getattr(INDEXES[build.label], "exact", False):
            return [Effort("exact", {})]
        promised = [Effort(f"recall {one}", {"recall": one}, promised=True) for one in RECALLS]
        knobs = grid(heap_factor=HEAP_FACTORS, query_cut=QUERY_CUTS)
        return [*promised, *(Effort(one.label, {"effort": one.parameters}) for one in knobs)]

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        with vicinal.open(folder) as database:
            write(create_collection(database, build), dataset)

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> VicinalSearcher:
        return VicinalSearcher(vicinal.open(folder))


class VicinalSearcher(VicinalKeptSearcher):
    def asked(self, terms: Terms, weights: Floats) -> Any:
        return np.ascontiguousarray(terms), np.ascontiguousarray(weights)


def create_collection(database: Database, build: Build) -> Collection:
    """Create a collection of one sparse field, and a payload field to filter by."""
    field = vicinal.Sparse(index=INDEXES[build.label])
    return database.create_collection(COLLECTION, vectors={FIELD: field}, fields={PART: "integer"})


def write(collection: Collection, dataset: SparseDataset, *, rows: int | None = None) -> float:
    """Write the documents durably, batch by batch, and return the seconds of the calls."""
    parts, spent = parts_of(len(dataset.documents)), 0.0
    for start in range(0, rows or len(dataset.documents), BATCH_ROWS):
        stop = min(start + BATCH_ROWS, rows or len(dataset.documents))
        matrix = Csr.of(dataset.documents.part(start, stop))
        payloads = [{PART: part} for part in parts[start:stop].tolist()]
        ids = np.arange(start, stop, dtype=np.uint64)
        began = time.perf_counter()
        collection.upsert(ids, vectors={FIELD: matrix}, payloads=payloads)
        spent += time.perf_counter() - began
    return spent


def parts_of(rows: int) -> np.ndarray:
    """Return the part of every row, drawn by a seed."""
    return np.random.default_rng(rows).integers(0, PARTS, rows)
