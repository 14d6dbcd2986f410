"""This engine, through its public API as a user calls it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import vicinal

from ...indexes.protocol import IndexSpec, is_exact
from ...indexes.registry import spec_from_json
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..harness.loaded import (
    EF_CONSTRUCTION,
    Sizes,
    bytes_touched,
    create_collection,
    load,
    searched_bytes,
)
from ..harness.spelling import spelled
from .peer import Build, Effort, Ids, Work, grid, widths

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.database import Database

# Of more rows not even codes are all compared in a time that anybody would wait.
SCANNED_ROWS = 200_000
# What a user asks for of an index whose own knobs are not swept.
RECALLS = (0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)


class VicinalPeer:
    name = "vicinal"

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        graphs = [vicinal.Hnsw(m=m, ef_construction=EF_CONSTRUCTION) for m in (16, 24, 32)]
        labelled = [Build(f"M={spec.m}", {"index": spec.to_json()}) for spec in graphs]
        coded: list[IndexSpec] = [vicinal.Ivf(codec=vicinal.RaBitQ(bits=bits)) for bits in (1, 4)]
        if dataset.rows <= SCANNED_ROWS:
            coded.append(vicinal.Flat(codec=vicinal.RaBitQ(bits=1)))
        built = [spec for spec in coded if spec.worth_building(dataset.rows)]
        return labelled + [self.build_of(spec) for spec in built]

    def build_of(self, spec: IndexSpec) -> Build:
        """Return the build of an index of the caller's choice."""
        return Build(spelled(spec), {"index": spec.to_json()})

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        spec = spec_from_json(build.parameters["index"])
        if isinstance(spec, vicinal.Hnsw):
            return grid(ef=widths(k))
        return [Effort("exact", {})] if is_exact(spec) else grid(recall=RECALLS)

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> VicinalSearcher:
        folder = Path(tempfile.mkdtemp(dir=scratch))
        database = vicinal.open(folder)
        spec = spec_from_json(build.parameters["index"])
        collection = create_collection(database, dataset, spec)
        load(collection, dataset, payloads=False)
        walked = isinstance(spec, vicinal.Hnsw) and spec.codec is None
        sizes = Sizes.of(dataset.dim, build.parameters["index"]["m"]) if walked else None
        return VicinalSearcher(database, collection, folder, sizes)


@dataclass(frozen=True)
class VicinalSearcher:
    """A collection of one segment; `sizes` are those of what a walk reads, where they are known."""

    database: Database
    collection: Collection
    folder: Path
    sizes: Sizes | None

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        ids: Ids = self.collection.search(queries, k=k, threads=threads, **effort.parameters).ids
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        ids: Ids = self.collection.search(query, k=k, **effort.parameters).ids
        return ids

    def bytes_in_memory(self) -> int:
        return searched_bytes(self.folder) + self.collection.info().bytes_memory

    def bytes_on_disk(self) -> int:
        return self.collection.info().bytes_disk

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        explained = self.collection.explain(queries, k=k, **effort.parameters)
        return Work(
            distances=explained.distances / explained.queries,
            bytes_touched=None if self.sizes is None else bytes_touched(explained, self.sizes),
        )

    def close(self) -> None:
        self.database.close()
