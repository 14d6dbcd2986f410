"""An open inverted index: its postings and its search."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..exact.dense import listed_rows
from ..exact.sparse import SparseScan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import address
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.sparse import SparseRows
from . import postings
from .scratch import ScratchPool

# Terms of a usual vocabulary are looked up, those of a hashed one searched for.
_MOST_SLOTS = 1 << 22


class InvertedIndex:
    """Sums postings window by window and scores the best rows exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: SparseRows) -> None:
        from ..kernels.windows import POSTINGS, search_windows

        postings.check(arrays, rows)
        self._arrays, self._rows, self._scan = arrays, rows, SparseScan(rows)
        self.nbytes = sum(array.nbytes for array in arrays.values())
        record = np.zeros(1, POSTINGS)
        record["n"], record["nnz"] = len(rows), len(rows.indices)
        record["indptr"], record["indices"] = address(rows.indptr), address(rows.indices)
        record["values"] = address(rows.values)
        record["n_terms"], record["n_windows"] = (
            len(arrays["terms"]),
            max(1, -(-len(rows) >> postings.WINDOW_BITS)),
        )
        record["n_postings"] = len(arrays["local"])
        for name in ("terms", "starts", "local", "codes", "steps"):
            record[name] = address(arrays[name])
        record["signed"] = arrays["codes"].dtype == np.int8
        record["form"], record["flat"] = rows.form, rows.flat
        terms = arrays["terms"]
        self._slots = _slots(terms)
        record["slots"], record["n_slots"] = (
            address(self._slots),
            0 if self._slots is None else len(self._slots),
        )
        self._record, self._address, self._kernel = record, address(record), search_windows
        self._free = ScratchPool(len(rows))
        self._usual = self._usual_postings()

    def effort(self, k: int, recall: float, knobs: None, share: float) -> Effort[None]:
        """Return the only effort there is: the postings of all terms of a query."""
        known = costs()
        seconds = known.call + self._usual * known.posting + len(self._rows) * known.summed
        return Effort(None, 1.0, seconds, "sums of postings")

    def search(
        self, queries: SparseRows, k: int, effort: Effort[None], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Return the true nearest rows of each query, ties by row."""
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")
        n_queries = len(queries)
        lo, hi, _ = listed_rows(scope, len(self._rows))
        words: NDArray[np.uint64] | None = None
        if scope.rows is not None and scope.rows.bounds is None:
            lo, hi, words = 0, len(self._rows), scope.rows.words
        wanted = min(k, scope.count(len(self._rows)))
        if not n_queries or not wanted:
            return Neighbors.empty(n_queries, k, self._rows.metric)
        average = self._rows.average_of(queries)
        above, below = self._changes(average)
        rows = np.empty((n_queries, wanted), np.uint32)
        scores = np.empty((n_queries, wanted), np.float32)
        longest = int(np.diff(queries.indptr).max())
        scratch = self._free.take(longest, wanted)
        try:
            self._kernel(
                self._address,
                scratch.address,
                address(queries.indptr),
                address(queries.indices),
                address(queries.values),
                n_queries,
                wanted,
                lo,
                hi,
                address(words),
                self._rows.slope(average),
                above,
                below,
                rows,
                scores,
            )
            summed, rescored = scratch.stats.tolist()
        finally:
            self._free.give(scratch)
        stats = SearchStats(distances=summed, rescored=rescored)
        return Neighbors(rows, scores, stats).padded(k, self._rows.metric)

    def _changes(self, average: float) -> tuple[float, float]:
        """Return the most and the least that weights are times those that codes were made of."""
        if not self._rows.slope(average):
            return 1.0, 1.0
        # With tf + flat added above and below, the ratio of two weights comes nearer to 1.
        change = average / float(self._arrays["saturation"][2])
        return max(1.0, change), min(1.0, change)

    def document_frequencies(self, terms: NDArray[np.uint32], lo: int, hi: int) -> NDArray[np.int64]:
        """Return in how many of the rows ``lo`` to ``hi`` each term has a value that is not zero."""
        return postings.document_frequencies(self._arrays, len(self._rows), terms, lo, hi)

    def calibrate(
        self, queries: SparseRows, truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return no arrays: answers are exact."""
        return {}

    def with_table(self, arrays: Arrays) -> Self:
        """Return this index."""
        return self

    def _usual_postings(self) -> float:
        """Return how many postings a query of usual terms reads, of as many as a row has."""
        starts, rows = self._arrays["starts"], self._rows
        windows = int(self._record["n_windows"][0])
        lengths = np.diff(starts[::windows]) if len(starts) > 1 else np.zeros(1, np.int64)
        return float(lengths.mean() * len(rows.indices) / max(1, len(rows))) if len(rows) else 0.0


def _slots(terms: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
    """Return where each term number stands among ``terms``, None where that would take too much memory."""
    if not len(terms) or int(terms[-1]) >= _MOST_SLOTS:
        return None
    slots = np.full(int(terms[-1]) + 1, len(terms), np.uint32)
    slots[terms] = np.arange(len(terms), dtype=np.uint32)
    return slots
