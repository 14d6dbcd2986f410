"""Lists of rows, of which a search looks into the few that suit its query: what the three indexes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.effort.ladder import KS, Ladder, measure
from vicinal.indexes.exact.scan import open_scan
from vicinal.indexes.protocol import EVERYTHING, Arrays, Effort, Scope
from vicinal.indexes.rows.neighbors import Neighbors, SearchStats
from vicinal.indexes.rows.row_set import RowSet

RUNGS = (1, 2, 4, 8, 16)
Suiting = Callable[[Any], NDArray[np.int64]]
"""The lists that suit each query, best first: ``(q, lists)``."""


@dataclass(frozen=True)
class Probes:
    """How many lists a search looks into."""

    lists: int


def probes_from(given: Mapping[str, float]) -> Probes:
    if given.keys() != {"lists"} or not 1 <= given["lists"] <= RUNGS[-1]:
        raise ValueError(f"{dict(given)} was given; there is one knob, lists, from 1 to {RUNGS[-1]}")
    return Probes(int(given["lists"]))


class ListsIndex:
    """Scans the rows of some lists; everything in scope where those hold less than was asked for."""

    def __init__(self, arrays: Arrays, rows: Any, suiting: Suiting) -> None:
        self._arrays, self._rows, self._suiting, self._scan = arrays, rows, suiting, open_scan(rows)
        self._lists = [BitMap(np.flatnonzero(arrays["list"] == i)) for i in range(RUNGS[-1])]
        self._ladder = Ladder.from_arrays(RUNGS, arrays, pool=False)
        self.nbytes = sum(array.nbytes for array in arrays.values())

    def effort(self, k: int, recall: float, knobs: Probes | None, share: float) -> Effort[Probes]:
        if knobs is None:
            knobs = Probes(RUNGS[-1] if self._ladder is None else self._ladder.rung_for(k, recall))
        expected = None if self._ladder is None else self._ladder.recall_at(k, knobs.lists)
        # So little that no scan is planned in its place, however few rows a test has.
        seconds = 1e-9 * knobs.lists
        return Effort(knobs, expected, seconds, f"{knobs.lists} lists")

    def search(self, queries: Any, k: int, effort: Effort[Probes], scope: Scope = EVERYTHING) -> Neighbors:
        n = len(self._rows)
        may = BitMap(range(n)) if scope.rows is None else BitMap(scope.rows.rows)
        found = [Neighbors.empty(0, k, self._rows.metric)]
        for place, suiting in enumerate(self._suiting(queries)):
            rows = BitMap.union(*(self._lists[i] for i in suiting[: effort.knobs.lists])) & may
            rows = rows if len(rows) >= k else may
            found.append(self._scan.search(queries[place : place + 1], k, Scope(RowSet.from_bitmap(rows, n))))
            found[-1].stats = SearchStats(distances=len(rows), rescored=len(rows))
        return Neighbors.concat(found)

    def calibrate(self, queries: Any, truth: NDArray[np.float32] | None = None) -> dict[str, NDArray[Any]]:
        if truth is None:
            truth = self._scan.search(queries, KS[-1]).scores

        def search(k: int, rung: int) -> Neighbors:
            return self.search(queries, k, Effort(Probes(rung), None, 0.0, ""))

        higher = self._rows.metric.higher_is_nearer
        return measure(RUNGS, search, truth, higher, 1.0, pool=False).to_arrays()

    def with_table(self, arrays: Arrays) -> ListsIndex:
        return ListsIndex({**self._arrays, **arrays}, self._rows, self._suiting)
