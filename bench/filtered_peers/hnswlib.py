"""hnswlib: a graph for each filter of the rows that it passes, which no engine can have of all filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..filtered.cells import Question
from ..filtered.searcher import Answering
from ..filtered.shapes import MadePayloads
from ..peers import Effort, grid
from ..peers.hnswlib import EF_CONSTRUCTION, SPACES
from ..peers.peer import Ids
from .peer import filtered_widths

M = 16
# Graphs are kept until they have so many times the rows of the data, which one cell's groups need.
_KEPT = 4


class HnswlibPeer:
    name = "hnswlib"

    def __init__(self) -> None:
        self._library = import_module("hnswlib")

    def build(
        self, data: Dataset, payloads: MadePayloads, threads: int, scratch: Path
    ) -> Iterator[HnswlibSearcher]:
        yield HnswlibSearcher(self._library, data, threads)


class HnswlibSearcher:
    name = "hnswlib"
    by_rows = True

    def __init__(self, library: Any, data: Dataset, threads: int) -> None:
        self._library, self._data, self._threads = library, data, threads
        # By the array of its rows, which is held so that no other has its id.
        self._graphs: dict[int, tuple[NDArray[Any], Any]] = {}

    def queries(self) -> Floats:
        return self._data.peer_queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        return grid(ef=filtered_widths(min(k, matches), matches))

    def under(self, question: Question) -> Answering:
        graph, matches = self._graph(question.rows), len(question.rows)

        def answer(query: Floats, k: int, effort: Effort) -> Ids:
            graph.set_ef(effort.parameters["ef"])
            found: Ids = graph.knn_query(query, min(k, matches), num_threads=1)[0][0]
            return found

        return answer

    def _graph(self, rows: NDArray[Any]) -> Any:
        if id(rows) not in self._graphs:
            graph = self._library.Index(SPACES[self._data.metric], self._data.dim)
            graph.init_index(len(rows), M=M, ef_construction=EF_CONSTRUCTION, random_seed=100)
            graph.add_items(self._data.peer_vectors[rows], rows, num_threads=self._threads)
            self._graphs[id(rows)] = (rows, graph)
            self._shrink()
        return self._graphs[id(rows)][1]

    def _shrink(self) -> None:
        total = sum(len(rows) for rows, _ in self._graphs.values())
        for key in list(self._graphs)[:-1]:
            if total <= _KEPT * self._data.rows:
                return
            total -= len(self._graphs.pop(key)[0])

    def close(self) -> None:
        self._graphs.clear()
