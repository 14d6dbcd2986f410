"""What searching blocks writes to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.query_room import QueryRoom, table_size
from .knobs import MOST_LISTS

# How many rows beyond k are scored exactly, as codes misplace rows by a few ranks.
_SPARE = 4
# And where every row is estimated, whose answers are to be as good as exact.
_SPARE_OF_ALL = 22


class VisitingScratch:
    """Buffers for queries of up to so many terms and results."""

    def __init__(self, n: int, n_terms: int, n_sums: int, terms: int, k: int) -> None:
        from ..kernels.summaries import TOUCHED, VISITS, WAITING

        self.terms, self.k = terms, k
        size = table_size(terms)
        buffers: dict[str, NDArray[Any]] = {
            "table": np.zeros(n_terms, np.int16),
            "terms": np.empty(terms, np.uint64),
            "given": np.empty(terms, np.float64),
            "weights": np.empty(terms, np.int32),
            "lists": np.empty(terms + MOST_LISTS, np.uint64),
            "begins": np.empty(terms + MOST_LISTS, np.uint64),
            "firsts": np.empty(2 * MOST_LISTS + 2, np.int64),
            "sums": np.empty(n_sums, np.int32),
            "chosen": np.empty(n_sums, np.uint32),
            "ordered": np.empty(n_sums, np.uint32),
            "visited": np.zeros(-(-n // 64), np.uint64),
            "touched": np.empty(TOUCHED, np.uint32),
            "waiting": np.empty(WAITING, np.uint32),
            "table_terms": np.empty(size, np.int64),
            "table_weights": np.empty(size, np.float32),
            "pool": np.empty(k + k // 2 + _SPARE_OF_ALL, np.uint64),
            "best": np.empty(k + k // 8 + _SPARE, np.uint64),
            "heap": np.empty(k, np.uint64),
            "stats": np.zeros(3, np.int64),
        }
        self._buffers, self._record = buffers, np.zeros(1, VISITS)
        for name, buffer in buffers.items():
            self._record[name] = address(buffer)
        self._record["n_sums"], self._record["table_size"] = n_sums, size
        self._record["pool_size"] = len(buffers["best"])
        self._record["scan_size"] = len(buffers["pool"])
        self.stats = buffers["stats"]
        self.address = address(self._record)
        self.query = QueryRoom(terms)


class VisitingScratchPool:
    """Scratch for any number of threads; lists give and take atomically, so there is no lock."""

    def __init__(self, n: int, n_terms: int, n_sums: int) -> None:
        self._sizes = n, n_terms, n_sums
        self._free: list[VisitingScratch] = []

    def take(self, terms: int, k: int) -> VisitingScratch:
        """Return scratch for queries of up to ``terms`` terms; give it back with :meth:`give`."""
        try:
            scratch = self._free.pop()
        except IndexError:
            return VisitingScratch(*self._sizes, max(terms, 64), k)
        if scratch.terms < terms or scratch.k != k:
            return VisitingScratch(*self._sizes, max(terms, scratch.terms), k)
        return scratch

    def give(self, scratch: VisitingScratch) -> None:
        """Keep ``scratch`` for the next search."""
        self._free.append(scratch)
