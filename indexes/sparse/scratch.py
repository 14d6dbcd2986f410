"""What summing postings writes to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from ..rows.query_room import QueryRoom, table_size

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
            "counts": np.empty(parts, np.int64),
            "table_terms": np.empty(size, np.int64),
            "table_weights": np.empty(size, np.float32),
            "pool": np.empty(k + k // 2 + _SPARE, np.uint64),
            "heap": np.empty(k, np.uint64),
            "candidates": np.empty(MOST_CANDIDATES, np.uint32),
            "stats": np.zeros(2, np.int64),
        }
        self._buffers, self._record = buffers, np.zeros(1, SUMMING)
        for name, buffer in buffers.items():
            self._record[name] = address(buffer)
        self._record["terms"] = terms
        self._record["table_size"], self._record["pool_size"] = size, len(buffers["pool"])
        self.stats = buffers["stats"]
        self.address = address(self._record)
        self.query = QueryRoom(terms)


class ScratchPool:
    """Scratch over up to ``n`` rows for any number of threads; lists give and take atomically, so no lock."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._free: list[SummingScratch] = []

    def take(self, parts: int, terms: int, k: int) -> SummingScratch:
        """Return scratch for queries of up to ``terms`` terms; give it back with :meth:`give`."""
        try:
            scratch = self._free.pop()
        except IndexError:
            return SummingScratch(self._n, parts, max(terms, 64), k)
        if scratch.terms < terms or scratch.parts < parts or scratch.k != k:
            return SummingScratch(self._n, max(parts, scratch.parts), max(terms, scratch.terms), k)
        return scratch

    def give(self, scratch: SummingScratch) -> None:
        """Keep ``scratch`` for the next search."""
        self._free.append(scratch)
