"""faiss: HNSW over float32, over 8-bit codes, and over 8-bit codes with float32 rescoring."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .peer import Build, Ids, Work

EF_CONSTRUCTION = 200
RESCORED_PER_RESULT = 3


class FaissPeer:
    name = "faiss"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # Its generated bindings use types without __module__, which newer Pythons warn about.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._library = import_module("faiss")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        factories = (
            ("HNSW32 flat", "HNSW32,Flat"),
            ("HNSW16 SQ8", "HNSW16,SQ8"),
            ("HNSW32 SQ8", "HNSW32,SQ8"),
            ("HNSW32 SQ8 rescored", "HNSW32,SQ8,RFlat"),
        )
        return [
            Build(label, {"factory": factory, "ef_construction": EF_CONSTRUCTION})
            for label, factory in factories
        ]

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> FaissSearcher:
        library = self._library
        metric = library.METRIC_L2 if dataset.metric == "l2" else library.METRIC_INNER_PRODUCT
        index = library.index_factory(dataset.dim, build.parameters["factory"], metric)
        graph = library.downcast_index(index.base_index) if _rescores(index) else index
        graph.hnsw.efConstruction = int(build.parameters["ef_construction"])
        library.omp_set_num_threads(threads)
        index.train(dataset.peer_vectors)
        index.add(dataset.peer_vectors)
        return FaissSearcher(library, index)


def _rescores(index: Any) -> bool:
    return hasattr(index, "base_index")


class FaissSearcher:
    def __init__(self, library: Any, index: Any) -> None:
        self._library = library
        self._index = index
        self._efforts: dict[int, Any] = {}

    def _effort(self, ef: int) -> Any:
        if ef not in self._efforts:
            effort = self._library.SearchParametersHNSW(efSearch=ef)
            if _rescores(self._index):
                effort = self._library.IndexRefineSearchParameters(
                    k_factor=RESCORED_PER_RESULT, base_index_params=effort
                )
            self._efforts[ef] = effort
        return self._efforts[ef]

    def search(self, queries: Floats, k: int, ef: int, threads: int) -> Ids:
        self._library.omp_set_num_threads(threads)
        ids: Ids = self._index.search(queries, k, params=self._effort(ef))[1]
        return ids

    def search_one(self, query: Floats, k: int, ef: int) -> Ids:
        ids: Ids = self._index.search(query[None, :], k, params=self._effort(ef))[1]
        return ids

    def bytes_in_memory(self) -> int:
        writer = self._library.VectorIOWriter()
        self._library.write_index(self._index, writer)
        return int(writer.data.size())

    def work(self, queries: Floats, k: int, ef: int) -> Work:
        counted = self._library.cvar.hnsw_stats
        counted.reset()
        self.search(queries, k, ef, 1)
        return Work(distances=float(counted.ndis) / len(queries)) if counted.ndis else Work()

    def close(self) -> None:
        self._efforts.clear()
        del self._index
