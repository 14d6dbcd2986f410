"""This engine, through its public API as a user calls it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .peer import Build, Ids, Work

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.database import Database

EF_CONSTRUCTION = 200


class VicinalPeer:
    name = "vicinal"

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        return [Build(f"M={m}", {"m": m, "ef_construction": EF_CONSTRUCTION}) for m in (16, 24, 32)]

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> VicinalSearcher:
        import vicinal

        from ..harness.loaded import create_collection, load

        folder = Path(tempfile.mkdtemp(dir=scratch))
        database = vicinal.open(folder)
        parameters = {name: int(value) for name, value in build.parameters.items()}
        collection = create_collection(database, dataset, **parameters)
        load(collection, dataset, payloads=False)
        return VicinalSearcher(database, collection, dataset.dim, parameters["m"])


class VicinalSearcher:
    def __init__(self, database: Database, collection: Collection, dim: int, m: int) -> None:
        self._database = database
        self._collection = collection
        self._dim = dim
        self._m = m

    def search(self, queries: Floats, k: int, ef: int, threads: int) -> Ids:
        ids: Ids = self._collection.search(queries, k=k, ef=ef, threads=threads).ids
        return ids

    def search_one(self, query: Floats, k: int, ef: int) -> Ids:
        ids: Ids = self._collection.search(query, k=k, ef=ef).ids
        return ids

    def bytes_in_memory(self) -> int:
        # Segment files are mapped: what a search reads of them is the index's memory.
        info = self._collection.info()
        return info.bytes_disk + info.bytes_memory

    def work(self, queries: Floats, k: int, ef: int) -> Work:
        from ..harness.loaded import Sizes, bytes_touched

        explained = self._collection.explain(queries, k=k, ef=ef)
        return Work(
            distances=explained.distances / explained.queries,
            bytes_touched=bytes_touched(explained, Sizes.of(self._dim, self._m)),
        )

    def close(self) -> None:
        self._database.close()
