"""What searching blocks writes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.query_room import QueryRoom, table_size
from ..scratch_pool import ScratchPool, record_of
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
        self._buffers, self._record = buffers, record_of(VISITS, buffers)
        self._record["n_sums"], self._record["table_size"] = n_sums, size
        self._record["pool_size"] = len(buffers["best"])
        self._record["scan_size"] = len(buffers["pool"])
        self.stats = buffers["stats"]
        self.address = address(self._record)
        self.query = QueryRoom(terms)


def visiting_scratch(n: int, n_terms: int, n_sums: int) -> ScratchPool[VisitingScratch]:
    """Return scratch for searches of blocks, taken by terms and results."""

    def fitting(free: VisitingScratch | None, terms: int, k: int) -> VisitingScratch:
        if free is None:
            return VisitingScratch(n, n_terms, n_sums, max(terms, 64), k)
        if free.terms < terms or free.k != k:
            return VisitingScratch(n, n_terms, n_sums, max(terms, free.terms), k)
        return free

    return ScratchPool(fitting)
