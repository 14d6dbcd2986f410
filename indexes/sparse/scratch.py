"""What summing postings writes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from ..rows.query_room import QueryRoom, table_size
from ..scratch_pool import ScratchPool, record_of

# How many of the highest bounds are kept beyond k: enough that hardly a query sums its postings twice.
_SPARE = 22


class SummingScratch:
    """Buffers for queries of up to so many terms and results, over so many parts."""

    def __init__(self, n: int, parts: int, terms: int, k: int) -> None:
        from ..kernels.essential import MOST_CANDIDATES
        from ..kernels.postings import SUMMING, WINDOW

        self.parts, self.terms, self.k = parts, terms, k
        size = table_size(terms)
        blocks = -(-min(WINDOW, n) // 64)
        buffers: dict[str, NDArray[Any]] = {
            # Whole blocks are looked at.
            "sums": aligned((64 * blocks,), np.int16),
            "maxima": aligned((-(-blocks // 64) * 64,), np.int16),
            "lists": np.empty(parts * terms, np.int64),
            "weights": np.empty(parts * terms, np.int32),
            "extras": np.empty(parts * terms, np.int32),
            "counts": np.empty(parts, np.int64),
            "table_terms": np.empty(size, np.int64),
            "table_weights": np.empty(size, np.float32),
            "pool": np.empty(k + k // 2 + _SPARE, np.uint64),
            "heap": np.empty(k, np.uint64),
            "reached": np.empty(k, np.uint64),
            "candidates": np.empty(MOST_CANDIDATES, np.uint32),
            "stats": np.zeros(2, np.int64),
        }
        self._buffers, self._record = buffers, record_of(SUMMING, buffers)
        self._record["terms"] = terms
        self._record["table_size"], self._record["pool_size"] = size, len(buffers["pool"])
        self.stats = buffers["stats"]
        self.address = address(self._record)
        self.query = QueryRoom(terms)


def summing_scratch(n: int) -> ScratchPool[SummingScratch]:
    """Return scratch over up to ``n`` rows, taken by parts, terms and results."""

    def fitting(free: SummingScratch | None, parts: int, terms: int, k: int) -> SummingScratch:
        if free is None:
            return SummingScratch(n, parts, max(terms, 64), k)
        if free.terms < terms or free.parts < parts or free.k != k:
            return SummingScratch(n, max(parts, free.parts), max(terms, free.terms), k)
        return free

    return ScratchPool(fitting)
