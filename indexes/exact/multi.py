"""Exact search of multi-vectors by MaxSim: for each query token its best token of the row, summed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.addresses import address
from ..rows.multi import MultiRows
from ..rows.neighbors import Neighbors, SearchStats
from .dense import listed_rows
from .scores import scores_of

# Tokens of a query that nobody gave.
_USUAL_TOKENS = 32


class MultiScan:
    """Compares every token of every row in scope with every token of every query; thread-safe.

    Tokens are compared by their dot product. A row without tokens scores minus infinity.
    """

    def __init__(self, rows: MultiRows) -> None:
        self._rows = rows

    def search(self, queries: MultiRows, k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the rows of the largest MaxSim with each query, ties by row."""
        rows, n_queries = self._rows, len(queries)
        if queries.dim != rows.dim or queries.tokens.dtype != np.float32:
            raise ValueError(
                f"query tokens are {queries.tokens.dtype} of {queries.dim}; expected float32 of {rows.dim}"
            )
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")
        lo, hi, listed = listed_rows(scope, len(rows))
        wanted = min(k, hi - lo)
        if not n_queries or not wanted:
            return Neighbors.empty(n_queries, k, rows.metric)
        from ..kernels.maxsim import kind_of, scan_maxsim

        longest = max(1, int(np.diff(queries.offsets).max()))
        padded_width = -(-rows.dim // 16) * 16
        padded = np.empty(longest * padded_width, np.float32)
        best, heap = np.empty(longest, np.float32), np.empty(wanted, np.uint64)
        block = np.empty(4 * padded_width + 4, np.float32)
        found = np.empty((n_queries, wanted), np.uint32)
        scores = np.empty((n_queries, wanted), np.float32)
        scan_maxsim(
            kind_of(rows.tokens.dtype == np.float16),
            rows.dim,
            address(rows.offsets),
            address(rows.tokens),
            len(rows),
            address(queries.offsets),
            address(queries.tokens),
            n_queries,
            wanted,
            lo,
            hi,
            address(listed),
            address(padded),
            address(best),
            address(block),
            address(heap),
            found,
            scores,
        )
        stats = SearchStats(rescored=(hi - lo) * n_queries)
        return Neighbors(found, scores, stats).padded(k, rows.metric)

    def score(self, queries: MultiRows, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows."""
        return scores_of(self, queries, rows, len(self._rows))

    def cost(self, queries: MultiRows | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        rows = self._rows
        tokens = count * len(rows.tokens) / max(1, len(rows))
        asked = _USUAL_TOKENS if queries is None else len(queries.tokens) / max(1, len(queries))
        return tokens * asked * rows.dim * costs().product
