"""Exact search of multi-vectors by MaxSim: for each query token its best token of the row, summed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.addresses import address
from ..rows.multi import MultiRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
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
        self._check(queries, k)
        lo, hi, listed = listed_rows(scope, len(rows))
        wanted = min(k, hi - lo)
        if not n_queries or not wanted:
            return Neighbors.empty(n_queries, k, rows.metric)
        from ..kernels.maxsim import kind_of, scan_maxsim

        padded, best, block, heap = _scratch(queries, wanted)
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

    def best_of(self, queries: MultiRows, candidates: NDArray[np.uint32], k: int) -> Neighbors:
        """Score the candidates of each query exactly and return those of the largest MaxSim, ties by row.

        Parameters
        ----------
        queries
            ``(q)`` rows of float32 tokens.
        candidates
            ``(q, c)``, of a query each row at most once; ``2**32 - 1`` in the place of none.
        k
            How many of each query's are returned, padded where there are fewer.
        """
        rows, n_queries = self._rows, len(queries)
        self._check(queries, k)
        if candidates.dtype != np.uint32 or candidates.ndim != 2 or len(candidates) != n_queries:
            raise ValueError(
                f"candidates are {candidates.dtype} {candidates.shape}; expected uint32 ({n_queries}, c)"
            )
        known = candidates[candidates != NO_ROW]
        if int(known.max(initial=0)) >= max(1, len(rows)):
            raise ValueError(f"candidate {known.max()} is beyond the last of {len(rows)} rows")
        if not len(known):
            return Neighbors.empty(n_queries, k, rows.metric)
        from ..kernels.maxsim import kind_of, rescore_maxsim

        candidates = np.ascontiguousarray(candidates)
        padded, best, block, heap = _scratch(queries, k)
        found = np.empty((n_queries, k), np.uint32)
        scores = np.empty((n_queries, k), np.float32)
        rescore_maxsim(
            kind_of(rows.tokens.dtype == np.float16),
            rows.dim,
            address(rows.offsets),
            address(rows.tokens),
            len(rows),
            address(queries.offsets),
            address(queries.tokens),
            n_queries,
            k,
            address(candidates),
            candidates.shape[1],
            address(padded),
            address(best),
            address(block),
            address(heap),
            found,
            scores,
        )
        return Neighbors(found, scores, SearchStats(rescored=len(known)))

    def score(self, queries: MultiRows, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows."""
        return scores_of(self, queries, rows, len(self._rows))

    def cost(self, queries: MultiRows | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        rows = self._rows
        tokens = count * len(rows.tokens) / max(1, len(rows))
        asked = _USUAL_TOKENS if queries is None else len(queries.tokens) / max(1, len(queries))
        return tokens * asked * rows.dim * costs().product

    def _check(self, queries: MultiRows, k: int) -> None:
        if queries.dim != self._rows.dim or queries.tokens.dtype != np.float32:
            raise ValueError(
                f"query tokens are {queries.tokens.dtype} of {queries.dim}; "
                f"expected float32 of {self._rows.dim}"
            )
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")


def _scratch(queries: MultiRows, k: int) -> tuple[NDArray[Any], ...]:
    """Return room for the longest query with its tokens padded, a float a token, a block, and a heap."""
    longest = max(1, int(np.diff(queries.offsets).max()))
    width = -(-queries.dim // 16) * 16
    padded, best = np.empty(longest * width, np.float32), np.empty(longest, np.float32)
    return padded, best, np.empty(4 * width + 4, np.float32), np.empty(k, np.uint64)
