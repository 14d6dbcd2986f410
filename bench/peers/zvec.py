"""zvec: an embedded database, with lists of RaBitQ codes, scored again by the vectors or not."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .lists import number_of_lists
from .peer import PROBES, Build, Effort, Ids, Work, grid

FIELD = "vector"
METRICS = {"cosine": "IP", "dot": "IP", "l2": "L2"}
BITS = (4, 7)
RESCORED = (2.0, 4.0, 8.0)
_CODES = "*.qindex.*"
_ROWS_AT_ONCE = 500


@cache
def single_threaded() -> Any:
    """Load the library, which takes its settings once in a process, held to one thread a query."""
    library = import_module("zvec")
    library.init(query_threads=1, optimize_threads=1, log_level=library.LogLevel.ERROR)
    return library


class ZvecPeer:
    name = "zvec"

    def __init__(self) -> None:
        self._library = single_threaded()

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        lists = number_of_lists(dataset.rows)
        return [
            Build(
                f"IVF{lists} RaBitQ{bits}{' flat' if rescored else ''}",
                dict(nlist=lists, total_bits=bits, rescored=rescored),
            )
            for bits in BITS
            for rescored in (False, True)
        ]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        probes = [probes for probes in PROBES if probes <= build.parameters["nlist"]]
        if not build.parameters["rescored"]:
            return grid(nprobe=probes)
        return grid(is_using_refiner=(True,), scale_factor=RESCORED, nprobe=probes)

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> ZvecSearcher:
        library, chosen = self._library, build.parameters
        index = library.IvfRabitqIndexParam(
            metric_type=getattr(library.MetricType, METRICS[dataset.metric]),
            nlist=chosen["nlist"],
            total_bits=chosen["total_bits"],
        )
        field = library.VectorSchema(FIELD, library.DataType.VECTOR_FP32, dataset.dim, index)
        schema = library.CollectionSchema(name="bench", fields=[], vectors=[field])
        folder = Path(tempfile.mkdtemp(dir=scratch))
        collection = library.create_and_open(str(folder / "collection"), schema)
        vectors = dataset.peer_vectors
        for start in range(0, dataset.rows, _ROWS_AT_ONCE):
            block = range(start, min(start + _ROWS_AT_ONCE, dataset.rows))
            collection.insert([library.Doc(id=str(row), vectors={FIELD: vectors[row]}) for row in block])
        collection.optimize(library.OptimizeOption(concurrency=threads))
        collection.flush()
        compared = vectors.nbytes if chosen["rescored"] else 0
        return ZvecSearcher(library, collection, folder, compared)


class ZvecSearcher:
    def __init__(self, library: Any, collection: Any, folder: Path, compared: int) -> None:
        self._library = library
        self._collection = collection
        self._folder = folder
        self._compared = compared

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        # There is no search of a batch.
        return np.stack([self.search_one(query, k, effort) for query in queries])

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        library = self._library
        asked = library.Query(FIELD, vector=query, param=library.IvfRabitqQueryParam(**effort.parameters))
        ids = np.full(k, -1, dtype=np.int64)
        found = self._collection.query(asked, topk=k, output_fields=[])
        ids[: len(found)] = [int(document.id) for document in found]
        return ids

    def bytes_in_memory(self) -> int:
        codes = sum(file.stat().st_size for file in self._folder.rglob(_CODES))
        return codes + self._compared

    def bytes_on_disk(self) -> int:
        return sum(file.stat().st_blocks * 512 for file in self._folder.rglob("*") if file.is_file())

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        return Work()

    def close(self) -> None:
        self._collection.close()
