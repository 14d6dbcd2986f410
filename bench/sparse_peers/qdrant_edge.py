"""qdrant-edge: Qdrant inside the process; its sparse index is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build, Effort

FIELD = "sparse"
_ROWS_AT_ONCE = 1_000
# No segment is to stay without an index for being small.
_INDEX_FROM_KILOBYTES = 1


class QdrantEdgePeer:
    name = "qdrant-edge"

    def __init__(self) -> None:
        self._library = import_module("qdrant_edge")

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        return [Build("exact", {})]

    def efforts(self, build: Build) -> Sequence[Effort]:
        return [Effort("", {})]

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        library, rows = self._library, dataset.documents
        shard = library.EdgeShard.create(str(folder), self._config())
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            points = []
            for number in range(start, min(start + _ROWS_AT_ONCE, len(rows))):
                terms, weights = rows.row(number)
                vector = library.SparseVector(terms.tolist(), weights.tolist())
                points.append(library.Point(number, {FIELD: vector}))
            shard.update(library.UpdateOperation.upsert_points(points))
        shard.optimize()

        def save() -> None:
            shard.flush()
            shard.close()

        return save

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> QdrantEdgeSearcher:
        return QdrantEdgeSearcher(self._library, self._library.EdgeShard.load(str(folder), self._config()))

    def _config(self) -> Any:
        library = self._library
        return library.EdgeConfig(
            sparse_vectors={FIELD: library.EdgeSparseVectorParams(full_scan_threshold=1)},
            optimizers=library.EdgeOptimizersConfig(
                default_segment_number=1, indexing_threshold=_INDEX_FROM_KILOBYTES
            ),
            max_search_threads=1,
        )


class QdrantEdgeSearcher:
    def __init__(self, library: Any, shard: Any) -> None:
        self._library = library
        self._shard = shard

    def asked(self, terms: Terms, weights: Floats) -> Any:
        return self._library.SparseVector(terms.tolist(), weights.tolist())

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        library, query = self._library, self._shard.query
        request, nearest = library.QueryRequest, library.Query.Nearest
        return lambda asked: query(request(limit=k, query=nearest(asked, using=FIELD)))

    def rows(self, answer: Any) -> Iterable[int]:
        return [point.id for point in answer]

    def close(self) -> None:
        self._shard.close()
