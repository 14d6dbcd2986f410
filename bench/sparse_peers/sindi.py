"""pyvsag: SINDI, postings summed window by window; exact, and pruned with rescoring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build, Effort, grid

SAVED = "index"
EXACT = "exact"


class SindiPeer:
    name = "sindi"

    def __init__(self) -> None:
        self._library = import_module("pyvsag")
        self._library.set_logger_off()

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        rescored = {"use_quantization": True, "use_reorder": True}
        return [
            Build(EXACT, {"use_quantization": False, "use_reorder": False}),
            Build("pruned 0.2", {**rescored, "doc_prune_ratio": 0.2}),
            Build("pruned 0.4", {**rescored, "doc_prune_ratio": 0.4}),
            Build("pruned 0.6", {**rescored, "doc_prune_ratio": 0.6}),
        ]

    def efforts(self, build: Build) -> Sequence[Effort]:
        if build.label == EXACT:
            return grid(query_prune_ratio=(0.0,), term_prune_ratio=(0.0,), n_candidate=(10,))
        of_query, of_term = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85), (0.0, 0.3, 0.6, 0.8)
        return grid(query_prune_ratio=of_query, term_prune_ratio=of_term, n_candidate=(20, 50, 150))

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        rows, index = dataset.documents, self._index(dataset, build)
        index.build(
            index_pointers=rows.indptr.astype(np.uint32),
            indices=np.asarray(rows.indices),
            values=np.asarray(rows.values),
            ids=np.arange(len(rows), dtype=np.int64),
        )
        return lambda: index.save(str(folder / SAVED))

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> SindiSearcher:
        index = self._index(dataset, build)
        index.load(str(folder / SAVED))
        return SindiSearcher(index)

    def _index(self, dataset: SparseDataset, build: Build) -> Any:
        longest = int(np.diff(dataset.documents.indptr).max())
        parameters = {
            "dtype": "sparse",
            "metric_type": "ip",
            "dim": longest,
            "index_param": {"term_id_limit": dataset.vocabulary, "window_size": 50_000, **build.parameters},
        }
        return self._library.Index("sindi", json.dumps(parameters))


class SindiSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def asked(self, terms: Terms, weights: Floats) -> Any:
        return np.array([0, len(terms)], dtype=np.uint32), np.array(terms), np.array(weights)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search, parameters = self._index.knn_search, json.dumps({"sindi": dict(effort.parameters)})
        return lambda asked: search(*asked, k, parameters)

    def rows(self, answer: Any) -> Iterable[int]:
        # Its help says distances come first; ids do.
        rows: Iterable[int] = answer[0].ravel().tolist()
        return rows

    def close(self) -> None:
        del self._index
