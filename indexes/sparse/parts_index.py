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
        self._record, self._kernel = record, search_windows
        # Parts are summed whole, also where they reach beyond the rows.
        self._largest = max((part.n for part in parts), default=0)
        self._free = summing_scratch(self._largest) if scratch is None else scratch
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
        return _prepared([(self, scope)], k)

    def joined(
        self, others: Sequence[tuple[Any, Scope]], k: int, scope: Scope = EVERYTHING
    ) -> Callable[[SparseRows], Neighbors] | None:
        """Return a search of this index and others, of one field, as of one, each within its scope.

        Rows of each are numbered behind all of those before. None where one of them is of another kind.
        """
        if not all(isinstance(index, PartsIndex) for index, _ in others):
            return None
        return _prepared([(self, scope), *others], k)

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


def _prepared(searched: Sequence[tuple[PartsIndex, Scope]], k: int) -> Callable[[SparseRows], Neighbors]:
    """Return the search of indexes of one field, each within its scope, but for the queries."""
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    first = searched[0][0]
    stored = first._rows
    wanted = min(k, sum(one.count(index._n) for index, one in searched))
    if not wanted:
        return lambda queries: Neighbors.empty(len(queries), k, stored.metric)
    records = np.concatenate([index._record for index, _ in searched])
    before, held = 0, []
    for record, (index, one) in zip(records, searched, strict=True):
        lo, hi, _ = listed_rows(one, index._n)
        words: tuple[NDArray[np.uint64] | None, np.uint64] = None, NOWHERE
        if one.rows is not None and one.rows.bounds is None:
            lo, hi, words = 0, index._n, one.rows.located_words
        record["lo"], record["hi"], record["allowed"], record["before"] = lo, hi, words[1], before
        held.append(words)
        before += index._n
    largest = max(searched, key=lambda each: each[0]._largest)[0]
    n_indexes, n_parts = len(records), max(len(index._parts) for index, _ in searched)
    free, kernel, described = largest._free, first._kernel, address(records)

    def search(queries: SparseRows, held: Any = (searched, records, held)) -> Neighbors:
        n_queries, average = len(queries.indptr) - 1, stored.average_of(queries)
        if not n_queries:
            return Neighbors.empty(0, k, stored.metric)
        rows, scores = np.empty((n_queries, wanted), np.uint32), np.empty((n_queries, wanted), np.float32)
        slope, scratch = stored.slope(average), free.take(n_parts, queries.longest, wanted)
        try:
            asked = scratch.query.addresses(queries)
            places = described, n_indexes, scratch.address, *asked
            kernel(*places, n_queries, wanted, average, slope, rows, scores)
            summed, rescored = scratch.stats.tolist()
        finally:
            free.give(scratch)
        found = Neighbors(rows, scores, SearchStats(distances=summed, rescored=rescored))
        return found if wanted == k else found.padded(k, stored.metric)

    return search
