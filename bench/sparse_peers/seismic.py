"""pyseismic-lsr: Seismic's reference implementation, by term numbers."""

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
# About what 4,000 for each term are of all weights of MS MARCO.
KEPT_POSTINGS = 1 / 8
FEW_ROWS = 200_000
_INPUT = "documents.bin"
_ROWS_AT_ONCE = 10_000


class SeismicPeer:
    name = "seismic"

    def __init__(self) -> None:
        self._library = import_module("seismic")

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        # The defaults; the published best for MS MARCO; and that with the graph that refines answers. Of
        # fewer documents the same number of postings is a larger share, until it prunes no more.
        best = {"centroid_fraction": 0.2, "summary_energy": 0.5, "max_fraction": 4.0}
        few = len(dataset.documents) < FEW_ROWS
        terms = np.count_nonzero(np.bincount(dataset.documents.indices))
        postings = 2000 if few else round(KEPT_POSTINGS * dataset.documents.nonzeros / terms)
        return [
            *([Build("defaults", {})] if few else []),
            Build(f"n_postings {postings}", {"n_postings": postings, **best}),
            Build(f"n_postings {postings} graph", {"n_postings": postings, **best, "nknn": 10}),
        ]

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
