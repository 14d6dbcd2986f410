"""What scans of sparse rows write to."""

from __future__ import annotations

import numpy as np

from ..rows.addresses import address
from ..rows.query_room import QueryRoom, table_size
from ..scratch_pool import ScratchPool

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


def scan_scratch() -> ScratchPool[ScanScratch]:
    """Return scratch of scans, taken by terms and results; that of exceptionally long queries is not kept."""

    def fitting(free: ScanScratch | None, terms: int, k: int) -> ScanScratch:
        if free is None:
            return ScanScratch(max(terms, _TERMS), max(k, _RESULTS))
        if free.terms < terms or free.k < k:
            return ScanScratch(max(terms, free.terms), max(k, free.k))
        return free

    return ScratchPool(fitting, lambda scratch: scratch.terms <= _MOST_KEPT)


SCRATCH = scan_scratch()
"""Of all scans, as nothing in it depends on the rows."""
