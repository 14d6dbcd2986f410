"""faiss: HNSW and inverted lists, given the rows that pass as a bitmap."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..filtered.cells import Question
from ..filtered.searcher import Answering
from ..filtered.shapes import MadePayloads
from ..peers import Effort, grid
from ..peers.lists import number_of_lists
from ..peers.peer import PROBES, Ids
from .peer import filtered_widths

EF_CONSTRUCTION = 200


class FaissPeer:
    name = "faiss"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # Its generated bindings use types without __module__, which newer Pythons warn about.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._library = import_module("faiss")

    def build(
        self, data: Dataset, payloads: MadePayloads, threads: int, scratch: Path
    ) -> Iterator[FaissSearcher]:
        library = self._library
        metric = library.METRIC_L2 if data.metric == "l2" else library.METRIC_INNER_PRODUCT
        for factory in ("HNSW32,Flat", f"IVF{number_of_lists(data.rows)},Flat"):
            index = library.index_factory(data.dim, factory, metric)
            if hasattr(index, "hnsw"):
                index.hnsw.efConstruction = EF_CONSTRUCTION
            library.omp_set_num_threads(threads)
            index.train(data.peer_vectors)
            index.add(data.peer_vectors)
            yield FaissSearcher(library, index, data)


class FaissSearcher:
    by_rows = True

    def __init__(self, library: Any, index: Any, data: Dataset) -> None:
        self._library, self._index, self._data = library, index, data
        self._walks = hasattr(index, "hnsw")
        self.name = "faiss HNSW" if self._walks else "faiss IVF"
        # Of whatever is searched next: a query is one thread's.
        library.omp_set_num_threads(1)

    def queries(self) -> Floats:
        return self._data.peer_queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        if self._walks:
            return grid(ef=filtered_widths(k, self._data.rows))
        lists = self._index.nlist
        return grid(nprobe=[*(probes for probes in PROBES if probes < lists), lists])

    def under(self, question: Question) -> Answering:
        library, index = self._library, self._index
        member = np.zeros(self._data.rows, bool)
        member[question.rows] = True
        bits = np.packbits(member, bitorder="little")
        selector = library.IDSelectorBitmap(self._data.rows, library.swig_ptr(bits))
        known: dict[str, Any] = {}

        def answer(query: Floats, k: int, effort: Effort) -> Ids:
            if effort.label not in known:
                # The selector points at the bits.
                known[effort.label] = (self._said(effort, selector), bits)
            found: Ids = index.search(query[None, :], k, params=known[effort.label][0])[1][0]
            return found

        return answer

    def _said(self, effort: Effort, selector: Any) -> Any:
        library, knobs = self._library, effort.parameters
        if self._walks:
            return library.SearchParametersHNSW(efSearch=knobs["ef"], sel=selector)
        return library.SearchParametersIVF(nprobe=knobs["nprobe"], sel=selector)

    def close(self) -> None:
        del self._index
