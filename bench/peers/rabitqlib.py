"""rabitqlib: SymphonyQG, whose edges carry 1-bit codes of their targets, and lists of RaBitQ codes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .lists import number_of_lists
from .peer import PROBES, Build, Effort, Ids, Work, grid, widths

EF_CONSTRUCTION = 400
METRICS = {"cosine": "ip", "dot": "ip", "l2": "l2"}
DEGREES = (32, 64)
# With 32 its lists keep the vectors, to compare them exactly.
BITS = (4, 7, 32)


class RabitqlibPeer:
    name = "rabitqlib"

    def __init__(self) -> None:
        self._library = import_module("rabitqlib")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        # Every vertex has exactly `degree` edges, which needs more vertices than that.
        graphs = [
            Build(f"SymphonyQG R={degree}", {"degree": degree, "ef_construction": EF_CONSTRUCTION})
            for degree in DEGREES
            if dataset.rows > 2 * degree
        ]
        lists = number_of_lists(dataset.rows)
        return [
            *graphs,
            *(Build(f"IVF{lists} RaBitQ{bits}", {"lists": lists, "bits": bits}) for bits in BITS),
        ]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        if "degree" in build.parameters:
            return grid(ef=widths(k))
        return grid(nprobe=[probes for probes in PROBES if probes <= build.parameters["lists"]])

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> RabitqlibSearcher:
        library, vectors, metric = self._library, dataset.peer_vectors, METRICS[dataset.metric]
        if "degree" in build.parameters:
            graph = library.SymqgIndex(dataset.dim, build.parameters["degree"], metric, 0)
            graph.build(vectors, build.parameters["ef_construction"], threads)
            return RabitqlibSearcher(graph, scratch)
        lists, bits = build.parameters["lists"], build.parameters["bits"]
        means = library.RaBitQKMeans(dataset.dim, lists, num_threads=threads)
        means.train(vectors)
        index = library.IvfIndex(dataset.dim, dataset.rows, lists, bits, metric)
        index.build(vectors, means.centroids, means.assignments, threads)
        return RabitqlibSearcher(index, scratch)


class RabitqlibSearcher:
    def __init__(self, index: Any, scratch: Path) -> None:
        self._index = index
        self._scratch = scratch

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        knobs = effort.parameters
        if "ef" in knobs:
            ids: Ids = self._index.search_batch(queries, k, knobs["ef"], threads)[0]
        else:
            ids = self._index.search(queries, k, knobs["nprobe"], None, threads)[0]
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        return self.search(query[None, :], k, effort, 1)

    def bytes_in_memory(self) -> int:
        return self.bytes_on_disk()

    def bytes_on_disk(self) -> int:
        path = self._scratch / "rabitqlib.index"
        self._index.save(str(path))
        size = sum(file.stat().st_size for file in self._scratch.glob("rabitqlib.index*"))
        for file in self._scratch.glob("rabitqlib.index*"):
            file.unlink()
        return size

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        return Work()

    def close(self) -> None:
        del self._index
