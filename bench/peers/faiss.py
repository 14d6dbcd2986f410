"""faiss: HNSW over vectors and codes, inverted lists of codes that are scored again, and codes alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .lists import divisor, number_of_lists
from .peer import PROBES, Build, Effort, Ids, Work, grid, widths

EF_CONSTRUCTION = 200
# Candidates that are scored again, for each result.
RESCORED = (1, 2, 3, 4, 6, 10, 20)
# Of codes of a byte for several dimensions, which are measured without the vectors.
COMPRESSION = 32
# With fewer rows many of the 256 centroids of a subspace are empty, which training tries to mend for minutes.
TRAINED_ROWS = 4096


class FaissPeer:
    name = "faiss"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # Its generated bindings use types without __module__, which newer Pythons warn about.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.library = import_module("faiss")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        dim, lists = dataset.dim, f"IVF{number_of_lists(dataset.rows)}"
        halves, quarters, small = (divisor(dim, dim // shared) for shared in (2, 4, COMPRESSION // 4))
        factories = [
            ("HNSW32 flat", "HNSW32,Flat"),
            ("HNSW16 SQ8", "HNSW16,SQ8"),
            ("HNSW32 SQ8", "HNSW32,SQ8"),
            ("HNSW32 SQ8 rescored", "HNSW32,SQ8,RFlat"),
            (f"{lists} PQ{halves}x4fs SQ8", f"{lists},PQ{halves}x4fs,Refine(SQ8)"),
            (f"{lists} PQ{halves}x4fs flat", f"{lists},PQ{halves}x4fs,RFlat"),
            (f"{lists} PQ{quarters}x4fs SQ8", f"{lists},PQ{quarters}x4fs,Refine(SQ8)"),
            (f"{lists} RaBitQfs SQ8", f"{lists},RaBitQfs,Refine(SQ8)"),
            (f"{lists} RaBitQfs flat", f"{lists},RaBitQfs,RFlat"),
            (f"{lists} flat", f"{lists},Flat"),
        ]
        if dataset.rows >= TRAINED_ROWS:
            factories.append((f"OPQ{small} PQ{small}", f"OPQ{small},PQ{small}x8"))
        return [Build(label, {"factory": factory}) for label, factory in factories]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        parts = build.parameters["factory"].split(",")
        rescored = len(parts) > 2
        if parts[0].startswith("HNSW"):
            return grid(k_factor=(3,), ef=widths(k)) if rescored else grid(ef=widths(k))
        if parts[0].startswith("IVF"):
            return grid(k_factor=RESCORED, nprobe=PROBES) if rescored else grid(nprobe=PROBES)
        return [Effort("all", {})]

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> FaissSearcher:
        library = self.library
        metric = library.METRIC_L2 if dataset.metric == "l2" else library.METRIC_INNER_PRODUCT
        index = library.index_factory(dataset.dim, build.parameters["factory"], metric)
        inside = library.downcast_index(index.base_index) if hasattr(index, "base_index") else index
        if hasattr(inside, "hnsw"):
            inside.hnsw.efConstruction = EF_CONSTRUCTION
        library.omp_set_num_threads(threads)
        index.train(dataset.peer_vectors)
        index.add(dataset.peer_vectors)
        return FaissSearcher(library, index, inside)


class FaissSearcher:
    def __init__(self, library: Any, index: Any, inside: Any) -> None:
        self._library = library
        self._index = index
        self._inside = inside
        self._said: dict[str, Any] = {}

    def _parameters(self, effort: Effort) -> Any:
        """The effort in the library's words, which hold on to what they are made of."""
        if effort.label not in self._said:
            library, knobs = self._library, effort.parameters
            said = None
            if "ef" in knobs:
                said = library.SearchParametersHNSW(efSearch=knobs["ef"])
            elif "nprobe" in knobs:
                rabitq = type(self._inside).__name__ == "IndexIVFRaBitQFastScan"
                form = library.IVFRaBitQSearchParameters if rabitq else library.SearchParametersIVF
                said = form(nprobe=min(knobs["nprobe"], self._inside.nlist))
            if "k_factor" in knobs:
                said = library.IndexRefineSearchParameters(k_factor=knobs["k_factor"], base_index_params=said)
            self._said[effort.label] = said
        return self._said[effort.label]

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        self._library.omp_set_num_threads(threads)
        ids: Ids = self._index.search(queries, k, params=self._parameters(effort))[1]
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        ids: Ids = self._index.search(query[None, :], k, params=self._parameters(effort))[1]
        return ids

    def bytes_in_memory(self) -> int:
        writer = self._library.VectorIOWriter()
        self._library.write_index(self._index, writer)
        return int(writer.data.size())

    def bytes_on_disk(self) -> int:
        return self.bytes_in_memory()

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        known = self._library.cvar
        counted = known.hnsw_stats if "ef" in effort.parameters else known.indexIVF_stats
        counted.reset()
        self.search(queries, k, effort, 1)
        return Work(distances=float(counted.ndis) / len(queries)) if counted.ndis else Work()

    def close(self) -> None:
        self._said.clear()
        del self._inside, self._index
