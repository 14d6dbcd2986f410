"""What scans of sparse rows write to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

import numpy as np

from ..rows.addresses import address
from ..rows.query_room import QueryRoom, table_size

# Most queries have fewer terms, and ask for fewer results.
_TERMS, _RESULTS = 64, 64
_MOST_KEPT = 4096


class ScanScratch:
    """Buffers for queries of up to so many terms and results; to look up where they are takes a while."""

    def __init__(self, terms: int, k: int) -> None:
        self.terms, self.k = terms, k
        size = table_size(terms)
        table, weights, best = np.empty(size, np.int64), np.empty(size, np.float32), np.empty(k, np.uint64)
        self._buffers = table, weights, best
        self.table_terms, self.table_weights, self.heap = address(table), address(weights), address(best)
        self.query = QueryRoom(terms)


class ScanScratchPool:
    """Scratch for any number of threads; lists give and take atomically, so there is no lock."""

    def __init__(self) -> None:
        self._free: list[ScanScratch] = []

    def take(self, terms: int, k: int) -> ScanScratch:
        """Return scratch for queries of up to ``terms`` terms; give it back with :meth:`give`."""
        try:
            scratch = self._free.pop()
        except IndexError:
            return ScanScratch(max(terms, _TERMS), max(k, _RESULTS))
        if scratch.terms < terms or scratch.k < k:
            return ScanScratch(max(terms, scratch.terms), max(k, scratch.k))
        return scratch

    def give(self, scratch: ScanScratch) -> None:
        """Keep ``scratch`` for the next scan, unless it is for an exceptionally long query."""
        if scratch.terms <= _MOST_KEPT:
            self._free.append(scratch)


SCRATCH = ScanScratchPool()
"""Of all scans, as nothing in it depends on the rows."""
