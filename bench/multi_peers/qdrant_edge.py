"""qdrant-edge: Qdrant inside the process; MaxSim of all points, or of those that a graph leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset, tokens_of
from ..kept_peers.qdrant_edge import QdrantEdgeKeptSearcher, config, saving
from ..peers import Build, Effort
from .peer import SCAN, each_alone

FIELD = "tokens"
HNSW = "hnsw"
_ROWS_AT_ONCE = 500
# Each distance of its graph is a MaxSim: of 3,000 documents of 20 tokens it took over a minute.
_MOST_IN_GRAPH = 20_000
_EFS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)
# Kilobytes that a segment must have to get an index: all have, or none.
_INDEX_FROM = {HNSW: 1, SCAN: 1 << 40}


class QdrantEdgePeer:
    name = "qdrant-edge"

    def __init__(self) -> None:
        self._library = import_module("qdrant_edge")

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        labels = (HNSW, SCAN) if dataset.rows <= _MOST_IN_GRAPH else (SCAN,)
        return [Build(label, {}) for label in labels]

    def efforts(self, build: Build) -> Sequence[Effort]:
        if build.label == SCAN:
            return [Effort("exact", {"exact": True})]
        return [Effort(f"ef {ef}", {"hnsw_ef": ef}) for ef in _EFS]

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        library, rows = self._library, dataset.documents
        shard = library.EdgeShard.create(str(folder), self._config(build, dataset.dim))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            numbers = range(start, min(start + _ROWS_AT_ONCE, len(rows)))
            points = [library.Point(number, {FIELD: tokens_of(rows, number).tolist()}) for number in numbers]
            shard.update(library.UpdateOperation.upsert_points(points))
        saving(shard)()

    def build(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        shard = self._library.EdgeShard.load(str(folder), self._config(build, dataset.dim))
        shard.optimize()
        return saving(shard)

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> QdrantEdgeSearcher:
        shard = self._library.EdgeShard.load(str(folder), self._config(build, dataset.dim))
        return QdrantEdgeSearcher(self._library, shard, FIELD)

    def _config(self, build: Build, dim: int) -> Any:
        library = self._library
        field = library.EdgeVectorParams(
            size=dim,
            distance=library.Distance.Dot,
            multivector_config=library.MultiVectorConfig(library.MultiVectorComparator.MaxSim),
            datatype=library.VectorStorageDatatype.Float16,
        )
        return config(library, _INDEX_FROM[build.label], vectors={FIELD: field})


class QdrantEdgeSearcher(QdrantEdgeKeptSearcher):
    def asked(self, tokens: Floats) -> Any:
        return tokens.tolist()

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
        return each_alone(self.search(effort, k))
