"""pyseismic-lsr: Seismic's reference implementation, by term numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build
from .peer import Effort, grid

SAVED = "index"
_INPUT = "documents.bin"
_ROWS_AT_ONCE = 10_000
_KEPT = 0.125
_MOST_WITH_GRAPH = 200_000


class SeismicPeer:
    name = "seismic"

    def __init__(self) -> None:
        self._library = import_module("seismic")

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        # The defaults; the published best for MS MARCO, and that at the share of all weights that it keeps
        # there; with the graph that refines answers, of fewer documents, as it takes hours to build of many.
        best = {"n_postings": 2000, "centroid_fraction": 0.2, "summary_energy": 0.5, "max_fraction": 4.0}
        terms = len(np.unique(dataset.documents.indices[: 1 << 22]))
        scaled = max(1, round(_KEPT * len(dataset.documents.indices) / terms))
        builds = [
            Build("defaults", {}),
            Build("n_postings 2000", best),
            Build(f"n_postings {scaled}", {**best, "n_postings": scaled}),
        ]
        if len(dataset.documents) <= _MOST_WITH_GRAPH:
            builds.append(Build("n_postings 2000, graph", {**best, "nknn": 10}))
        return builds

    def efforts(self, build: Build) -> Sequence[Effort]:
        neighbours = (0, 10) if "nknn" in build.parameters else (0,)
        cuts, factors = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24), (1.0, 0.9, 0.8, 0.7, 0.6)
        return grid(n_knn=neighbours, heap_factor=factors, query_cut=cuts)

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        path = scratch / _INPUT
        if not path.exists():
            _write(dataset, path)

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        index = self._library.SeismicIndexRaw.build(str(scratch / _INPUT), **build.parameters)
        return lambda: index.save(str(folder / SAVED))

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> SeismicSearcher:
        (path,) = folder.glob(f"{SAVED}*")
        return SeismicSearcher(self._library.SeismicIndexRaw.load(str(path)))


class SeismicSearcher:
    def __init__(self, index: Any) -> None:
        self._index = index

    def asked(self, terms: Terms, weights: Floats) -> Any:
        return np.ascontiguousarray(terms, dtype=np.int32), np.ascontiguousarray(weights)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search = self._index.search
        cut, factor, neighbours = (effort.parameters[one] for one in ("query_cut", "heap_factor", "n_knn"))
        return lambda asked: search(asked[0], asked[1], k, cut, factor, neighbours, True)

    def rows(self, answer: Any) -> Iterable[int]:
        return [row for _, row in answer]

    def close(self) -> None:
        del self._index


def _write(dataset: SparseDataset, path: Path) -> None:
    """Write documents in the library's own format: how many, and of each its length, terms and weights."""
    rows = dataset.documents
    with open(path, "wb") as file:
        np.uint32(len(rows)).tofile(file)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows.part(start, min(start + _ROWS_AT_ONCE, len(rows)))
            lengths = np.diff(part.indptr)
            words = np.empty(len(part) + 2 * part.nonzeros, dtype=np.uint32)
            starts = 2 * part.indptr[:-1] + np.arange(len(part))
            words[starts] = lengths
            within = np.arange(part.nonzeros) - np.repeat(part.indptr[:-1], lengths)
            places = np.repeat(starts + 1, lengths) + within
            words[places] = part.indices
            words[places + np.repeat(lengths, lengths)] = part.values.view(np.uint32)
            words.tofile(file)
