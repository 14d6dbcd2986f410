"""Exact search of sparse vectors: the score of every row in scope with every query."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.query_room import table_size
from ..rows.sparse import SparseRows
from .dense import listed_rows
from .scan_scratch import SCRATCH

MANY = 4
"""From so many queries on rows are read once for all."""
# And for no more of them at once, whose sums stay in the cache.
_TOGETHER = 256


class SparseScan:
    """Scores every row in scope with every query, in the form of the rows; thread-safe.

    Rows that share no term with a query score 0 and are returned when nothing better is left. A term that
    stands twice in a query counts with the sum of its values.
    """

    def __init__(self, rows: SparseRows) -> None:
        self._rows = rows
        # Looked up once: that takes longer than to score a few rows.
        self._addresses = address(rows.indptr), address(rows.indices), address(rows.values)

    def search(self, queries: SparseRows, k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the rows of the highest scores with each query, ties by row."""
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")
        rows, n_queries = self._rows, len(queries)
        lo, hi, listed = listed_rows(scope, len(rows))
        held = None if listed is None or scope.rows is None else scope.rows.located_rows
        wanted = min(k, hi - lo)
        if not n_queries or not wanted:
            return Neighbors.empty(n_queries, k, rows.metric)
        found = np.empty((n_queries, wanted), np.uint32)
        scores = np.empty((n_queries, wanted), np.float32)
        places, slope = NOWHERE if held is None else held[1], rows.slope(rows.average_of(queries))
        scan = self._one_by_one if n_queries < MANY else self._together
        asked = lo, hi, places, rows.form, rows.flat, slope, table_size(queries.longest)
        scan(queries, asked, found, scores)
        stats = SearchStats(rescored=(hi - lo) * n_queries)
        return Neighbors(found, scores, stats).padded(k, rows.metric)

    def _together(
        self, queries: SparseRows, asked: Any, found: NDArray[np.uint32], scores: NDArray[np.float32]
    ) -> None:
        from ..kernels.sparse_batches import scan_together

        rows = self._rows
        for first in range(0, len(queries), _TOGETHER):
            last = min(first + _TOGETHER, len(queries))
            part = queries.between(first, last)
            scan_together(
                *self._addresses,
                len(rows),
                address(part.indptr),
                address(part.indices),
                address(part.values),
                last - first,
                found.shape[1],
                *asked,
                found[first:last],
                scores[first:last],
            )

    def _one_by_one(
        self, queries: SparseRows, asked: Any, found: NDArray[np.uint32], scores: NDArray[np.float32]
    ) -> None:
        from ..kernels.sparse import scan_sparse

        rows, wanted = self._rows, found.shape[1]
        scratch = SCRATCH.take(queries.longest, wanted)
        try:
            scan_sparse(
                *self._addresses,
                len(rows),
                *scratch.query.addresses(queries),
                len(queries),
                wanted,
                *asked,
                scratch.table_terms,
                scratch.table_weights,
                scratch.heap,
                found,
                scores,
            )
        finally:
            SCRATCH.give(scratch)

    def score(self, queries: SparseRows, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows, in any order and repeated at will."""
        stored, n_queries = self._rows, len(queries)
        if len(rows) and int(rows.max()) >= len(stored):
            raise ValueError(f"row {int(rows.max())} is none of {len(stored)}")
        average = stored.average_of(queries)
        scores = np.empty((n_queries, len(rows)), np.float32)
        if not scores.size:
            return scores
        from ..kernels.sparse_scores import score_sparse

        chosen = np.ascontiguousarray(rows, np.uint32)
        longest = queries.longest
        scratch = SCRATCH.take(longest, 1)
        try:
            score_sparse(
                *self._addresses,
                len(stored),
                *scratch.query.addresses(queries),
                n_queries,
                address(chosen),
                len(chosen),
                stored.form,
                stored.flat,
                stored.slope(average),
                table_size(longest),
                scratch.table_terms,
                scratch.table_weights,
                scores,
            )
        finally:
            SCRATCH.give(scratch)
        return scores

    def cost(self, queries: SparseRows | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        return count * len(self._rows.indices) / max(1, len(self._rows)) * costs().weight
