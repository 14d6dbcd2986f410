"""rabitqlib: SymphonyQG, a graph whose edges carry 1-bit codes of their targets."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .peer import Build, Ids, Work

EF_CONSTRUCTION = 400
METRICS = {"cosine": "ip", "dot": "ip", "l2": "l2"}
DEGREES = (32, 64)


class RabitqlibPeer:
    name = "rabitqlib"

    def __init__(self) -> None:
        self._library = import_module("rabitqlib")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        # Every vertex has exactly `degree` edges, which needs more vertices than that.
        return [
            Build(f"SymphonyQG R={degree}", {"degree": degree, "ef_construction": EF_CONSTRUCTION})
            for degree in DEGREES
            if dataset.rows > 2 * degree
        ]

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> RabitqlibSearcher:
        index = self._library.SymqgIndex(dataset.dim, build.parameters["degree"], METRICS[dataset.metric], 0)
        index.build(dataset.peer_vectors, build.parameters["ef_construction"], threads)
        return RabitqlibSearcher(index, scratch)


class RabitqlibSearcher:
    def __init__(self, index: Any, scratch: Path) -> None:
        self._index = index
        self._scratch = scratch

    def search(self, queries: Floats, k: int, ef: int, threads: int) -> Ids:
        ids: Ids = self._index.search_batch(queries, k, ef, threads)[0]
        return ids

    def search_one(self, query: Floats, k: int, ef: int) -> Ids:
        ids: Ids = self._index.search_batch(query[None, :], k, ef, 1)[0]
        return ids

    def bytes_in_memory(self) -> int:
        path = self._scratch / "symqg.index"
        self._index.save(str(path))
        size = sum(file.stat().st_size for file in self._scratch.glob("symqg.index*"))
        for file in self._scratch.glob("symqg.index*"):
            file.unlink()
        return size

    def work(self, queries: Floats, k: int, ef: int) -> Work:
        return Work()

    def close(self) -> None:
        del self._index
