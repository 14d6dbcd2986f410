"""kannolo: HNSW over sparse vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build, Effort, grid

SAVED = "index"
EF_CONSTRUCTION = 200


class KannoloPeer:
    name = "kannolo"

    def __init__(self) -> None:
        self._library = import_module("kannolo")

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        return [Build(f"m {m}", {"m": m, "ef_construction": EF_CONSTRUCTION}) for m in (16, 32)]

    def efforts(self, build: Build) -> Sequence[Effort]:
        return grid(ef_search=(10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 800))

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        rows = dataset.documents
        index = self._library.SparsePlainHNSW.build_from_arrays(
            rows.indices.astype(np.int32),
            np.asarray(rows.values),
            np.asarray(rows.indptr),
            **build.parameters,
        )
        return lambda: index.save(str(folder / SAVED))

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> KannoloSearcher:
        return KannoloSearcher(self._library.SparsePlainHNSW.load(str(folder / SAVED)))


class KannoloSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def asked(self, terms: Terms, weights: Floats) -> Any:
        return np.ascontiguousarray(terms, dtype=np.int32), np.ascontiguousarray(weights)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search, ef = self._index.search, max(k, int(effort.parameters["ef_search"]))
        return lambda asked: search(asked[0], asked[1], k, ef)

    def rows(self, answer: Any) -> Iterable[int]:
        rows: Iterable[int] = answer[1].tolist()
        return rows

    def close(self) -> None:
        del self._index
