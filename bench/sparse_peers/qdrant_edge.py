"""qdrant-edge: Qdrant inside the process; its sparse index is exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..kept_peers.qdrant_edge import QdrantEdgeKeptSearcher, config, saving
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
        return saving(shard)

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> QdrantEdgeSearcher:
        shard = self._library.EdgeShard.load(str(folder), self._config())
        return QdrantEdgeSearcher(self._library, shard, FIELD)

    def _config(self) -> Any:
        field = self._library.EdgeSparseVectorParams(full_scan_threshold=1)
        return config(self._library, _INDEX_FROM_KILOBYTES, sparse_vectors={FIELD: field})


class QdrantEdgeSearcher(QdrantEdgeKeptSearcher):
    def asked(self, terms: Terms, weights: Floats) -> Any:
        return self._library.SparseVector(terms.tolist(), weights.tolist())
