"""Search of rows by postings that come in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..exact.dense import listed_rows
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.sparse import SparseRows
from ..scratch_pool import ScratchPool
from .part import Part
from .scratch import SummingScratch, summing_scratch


class PartsIndex:
    """Sums postings window by window and scores the best rows exactly. Immutable and thread-safe.

    Parameters
    ----------
    parts
        Postings of rows, each part's behind those of the one before, the first one's from row 0 on.
    rows
        The stored rows. Those that are in no part are scored one by one; parts may reach beyond them.
    scratch
        Where buffers come from, if indexes share them; large enough for each part.
    """

    def __init__(
        self, parts: Sequence[Part], rows: SparseRows, scratch: ScratchPool[SummingScratch] | None = None
    ) -> None:
        from ..kernels.postings import PART, POSTINGS
        from ..kernels.windows import search_windows

        self._parts, self._rows, self._n = tuple(parts), rows, len(rows)
        self.nbytes = sum(part.nbytes for part in parts)
        # Copied together, as kernels go from one to the next.
        self._records = np.zeros(len(parts), PART)
        for place, part in enumerate(parts):
            self._records[place] = part.record[0]
        record = np.zeros(1, POSTINGS)
        record["n"], record["nnz"] = len(rows), len(rows.indices)
        record["indptr"], record["indices"] = address(rows.indptr), address(rows.indices)
        record["values"] = address(rows.values)
        record["form"], record["flat"] = rows.form, rows.flat
        record["parts"], record["n_parts"] = address(self._records), len(parts)
        record["covered"] = parts[-1].stop if parts else 0
        self._record, self._address, self._kernel = record, address(record), search_windows
        # Parts are summed whole, also where they reach beyond the rows.
        largest = max((part.n for part in parts), default=0)
        self._free = summing_scratch(largest) if scratch is None else scratch
        self._seconds = self._usual_seconds()

    def effort(self, k: int, recall: float, knobs: None, share: float) -> Effort[None]:
        """Return the only effort there is: the postings of all terms of a query."""
        return Effort(None, 1.0, self._seconds, "sums of postings")

    def search(
        self, queries: SparseRows, k: int, effort: Effort[None], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Return the true nearest rows of each query, ties by row."""
        return self.prepared(k, effort, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[None], scope: Scope = EVERYTHING
    ) -> Callable[[SparseRows], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")
        lo, hi, _ = listed_rows(scope, self._n)
        held: tuple[NDArray[np.uint64] | None, np.uint64] = None, NOWHERE
        if scope.rows is not None and scope.rows.bounds is None:
            lo, hi, held = 0, self._n, scope.rows.located_words
        stored, wanted, n_parts = self._rows, min(k, scope.count(self._n)), len(self._parts)
        free, kernel, described, words = self._free, self._kernel, self._address, held[1]
        if not wanted:
            return lambda queries: Neighbors.empty(len(queries), k, stored.metric)

        def search(queries: SparseRows, held: Any = (self, held)) -> Neighbors:
            n_queries, average = len(queries), stored.average_of(queries)
            if not n_queries:
                return Neighbors.empty(0, k, stored.metric)
            rows, scores = np.empty((n_queries, wanted), np.uint32), np.empty((n_queries, wanted), np.float32)
            slope, scratch = stored.slope(average), free.take(n_parts, queries.longest, wanted)
            try:
                asked = scratch.query.addresses(queries)
                places = described, scratch.address, *asked
                kernel(*places, n_queries, wanted, lo, hi, words, average, slope, rows, scores)
                summed, rescored = scratch.stats.tolist()
            finally:
                free.give(scratch)
            found = Neighbors(rows, scores, SearchStats(distances=summed, rescored=rescored))
            return found if wanted == k else found.padded(k, stored.metric)

        return search

    def calibrate(
        self, queries: SparseRows, truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return no arrays: answers are exact."""
        return {}

    def with_table(self, arrays: Arrays) -> Self:
        """Return this index."""
        return self

    def _usual_seconds(self) -> float:
        """Predict the seconds of a query of usual terms, of as many as a row has."""
        rows, known = self._rows, costs()
        length = len(rows.indices) / max(1, len(rows))
        postings = sum(part.usual for part in self._parts) * length
        summed = sum(part.n for part in self._parts)
        uncovered = max(0, len(rows) - summed) * length
        calls = known.call * max(1, len(self._parts))
        return calls + postings * known.posting + summed * known.summed + uncovered * known.weight
