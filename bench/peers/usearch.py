"""usearch: HNSW over float32 and over 8-bit integers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .peer import Build, Effort, Ids, Work, grid, widths

EF_CONSTRUCTION = 200
METRICS = {"cosine": "cos", "dot": "ip", "l2": "l2sq"}


class UsearchPeer:
    name = "usearch"

    def __init__(self) -> None:
        self._library = import_module("usearch.index")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        # Its 8-bit integers hold components between -1 and 1, which only unit vectors promise.
        elements = ("f32", "i8") if dataset.metric == "cosine" else ("f32",)
        return [
            Build(f"{element} M={m}", {"dtype": element, "connectivity": m, "expansion_add": EF_CONSTRUCTION})
            for element in elements
            for m in (16, 32)
        ]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        return grid(ef=widths(k))

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> UsearchSearcher:
        index = self._library.Index(ndim=dataset.dim, metric=METRICS[dataset.metric], **build.parameters)
        index.add(np.arange(dataset.rows, dtype=np.uint64), dataset.peer_vectors, threads=threads)
        return UsearchSearcher(index)


class UsearchSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        self._index.expansion_search = effort.parameters["ef"]
        ids: Ids = self._index.search(queries, k, threads=threads).keys
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        self._index.expansion_search = effort.parameters["ef"]
        ids: Ids = self._index.search(query, k, threads=1).keys
        return ids

    def bytes_in_memory(self) -> int:
        return int(self._index.serialized_length)

    def bytes_on_disk(self) -> int:
        return self.bytes_in_memory()

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        self._index.expansion_search = effort.parameters["ef"]
        found = self._index.search(queries, k, threads=1)
        return Work(distances=float(found.computed_distances) / len(queries))

    def close(self) -> None:
        del self._index
