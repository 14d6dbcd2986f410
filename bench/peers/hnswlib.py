"""hnswlib: the HNSW that everyone compares with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .peer import Build, Effort, Ids, Work, grid, widths

EF_CONSTRUCTION = 200
SPACES = {"cosine": "ip", "dot": "ip", "l2": "l2"}


class HnswlibPeer:
    name = "hnswlib"

    def __init__(self) -> None:
        self._library = import_module("hnswlib")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        return [Build(f"M={m}", {"M": m, "ef_construction": EF_CONSTRUCTION}) for m in (16, 24, 32)]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        return grid(ef=widths(k))

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> HnswlibSearcher:
        index = self._library.Index(SPACES[dataset.metric], dataset.dim)
        index.init_index(dataset.rows, random_seed=100, **build.parameters)
        index.add_items(dataset.peer_vectors, num_threads=threads)
        return HnswlibSearcher(index)


class HnswlibSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        self._index.set_ef(effort.parameters["ef"])
        ids: Ids = self._index.knn_query(queries, k, num_threads=threads)[0]
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        return self.search(query, k, effort, 1)

    def bytes_in_memory(self) -> int:
        return int(self._index.index_file_size())

    def bytes_on_disk(self) -> int:
        return self.bytes_in_memory()

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        return Work()

    def close(self) -> None:
        del self._index
