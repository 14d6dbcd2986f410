"""Exact search over rows that are read when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.dense import DenseRows
from ..rows.neighbors import Neighbors, SearchStats
from .dense import DenseScan, check_queries, listed_rows
from .scores import scores_of

# Many rows for the disk to fetch at the same time, few enough to stay in the processor's cache until scored.
_BLOCK_BYTES = 2 << 20


class ReadScan:
    """Compares every row in scope with every query, a block at a time, each read once a batch; thread-safe.

    Parameters
    ----------
    rows
        Rows with a reader.
    block_bytes
        How much of them is in memory at once; as much is on its way.
    """

    def __init__(self, rows: DenseRows, block_bytes: int = _BLOCK_BYTES) -> None:
        self._rows = rows
        self._n = len(rows)
        self._step = max(1, block_bytes // max(1, rows.row_bytes))

    def search(self, queries: NDArray[Any], k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the true nearest rows of each query."""
        stored = self._rows
        queries = check_queries(queries, stored, k)
        lo, hi, listed = listed_rows(scope, self._n)
        found = Neighbors.empty(len(queries), min(k, hi - lo), stored.metric)
        if not len(queries):
            return found.padded(k, stored.metric)

        work = SearchStats()

        def block(start: int) -> NDArray[np.integer[Any]]:
            stop = min(hi, start + self._step)
            rows = np.arange(start, stop) if listed is None else listed[start:stop]
            stored.read_ahead(rows)
            return rows

        ahead = block(lo)
        for start in range(lo, hi, self._step):
            rows, ahead = ahead, block(start + self._step) if start + self._step < hi else ahead
            part = DenseScan(stored.in_memory(rows, work)).search(queries, min(k, len(rows)))
            numbered = Neighbors(rows[part.rows].astype(np.uint32), part.scores, part.stats)
            found = found.nearest(numbered, min(k, hi - lo), stored.metric)
        found.stats += work
        return found.padded(k, stored.metric)

    def score(self, queries: NDArray[Any], rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows."""
        return scores_of(self, queries, rows, self._n)

    def cost(self, queries: NDArray[Any] | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        known = costs()
        return count * (self._rows.row_bytes / 64 * known.read_line + (0.0 if contiguous else known.read))
