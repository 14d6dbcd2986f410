"""An open Seismic index: its arrays, its effort table and its search."""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..effort.crowds import DEPTH, Search, measure_made_of_rows
from ..effort.ladder import KS, Ladder, measure
from ..effort.parts import in_parts
from ..effort.sparse_queries import sparse_pseudo_queries
from ..exact.dense import listed_rows
from ..exact.sparse import SparseScan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.sparse import SparseRows
from .knobs import MOST_LISTS, SeismicKnobs
from .opened import SeismicArrays
from .scratch import visiting_scratch

# Ten times the lists that are visited; each goes with the heap factor that belongs to it.
RUNGS = (10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 140, 200, 300, 450, 640)
_FACTORS = (1.4, 1.3, 1.2, 1.1, 1.05, 1.0, 0.95, 0.92, 0.88, 0.85, 0.8, 0.75, 0.65, 0.55, 0.45)
# Blocks are scored by so many of a query's heaviest terms, which hold nearly all of its mass.
_SCORING_TERMS = 20
# The heavy part of a row must come to this share of the last result's score, or the rest is not read.
_REST_FACTOR = 0.85
# To scan the stored rows once for so many queries takes less than to estimate every row for each of them.
_TOGETHER = 8
# Codes misplace few rows beyond what is scored exactly besides: one result in a thousand at most.
_SCANNED = 0.999
# How the neighbours of a row are looked for (CIKM 2024).
_NEAREST = SeismicKnobs(10, 0.7)
_QUERIES = 192
_REAL_MARGIN, _PSEUDO_MARGIN = 1.0, 2.0
_SHORTFALL = 0.4
# A ladder whose highest rung is this far below the target cannot keep the promise.
_UNREACHABLE = 0.002
# Of fewer rows in scope the best are too often in no list, as each term keeps an eighth of its rows: of
# 1,000 in a million four of ten results were missed.
_LEAST_SHARE = 0.005
# What share of a list's postings a search looks at, how that grows and how fewer rows are read as a filter
# leaves a smaller share of the rows; as seen over a million rows under filters of 50 to 0.1 %.
_LOOKED_INTO, _MORE_BLOCKS, _FEWER_ROWS = 0.075, 0.37, 0.75


class SeismicIndex:
    """Visits promising blocks and scores the best of their rows exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: SparseRows) -> None:
        from ..kernels.seismic import search_blocks

        self._arrays, self._rows = arrays, rows
        self._ladder = Ladder.from_arrays(RUNGS, arrays, pool=False)
        self._opened = SeismicArrays(arrays, rows)
        self.nbytes = self._opened.nbytes
        blocks = np.diff(self._opened.part_blocks[self._opened.list_parts])
        most = min(MOST_LISTS, len(blocks))
        n_sums = int(np.partition(blocks, len(blocks) - most)[-most:].sum()) if most else 0
        # Of the list of a usual term, which is one of the longer ones.
        self._usual_blocks = float((blocks * blocks).sum() / max(1, blocks.sum()))
        self._usual_postings = self._usual_blocks * len(arrays["postings"]) / max(1, blocks.sum())
        self._free = visiting_scratch(len(rows), len(self._opened.terms), max(1, n_sums))
        self._kernel, self._scan = search_blocks, SparseScan(rows)

    def effort(self, k: int, recall: float, knobs: SeismicKnobs | None, share: float) -> Effort[SeismicKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given.

        Under a filter as hard a search is made as for ``k / share`` results, among which chance brings ``k``
        in scope, but not for more than 100: blocks that hold none of the first are left anyway. Where scoring
        all rows in scope costs less, and under the narrowest filters, the effort says so by ``query_cut`` 0.
        """
        scanned = self._scan_seconds(share * len(self._rows))
        if knobs is not None:
            expected = None
            if self._ladder is not None:
                expected = self._ladder.recall_at(k, 10 * knobs.query_cut)
            return _effort(knobs, expected, self._visit_seconds(10 * knobs.query_cut, share))
        if self._ladder is None:
            return _effort(SeismicKnobs(0, 0.0), _SCANNED, scanned)
        spread = min(KS[-1], max(k, math.ceil(k / max(share, 1e-9))))
        # By what was measured for the next larger number, as that is what is promised.
        spread = next(known for known in KS if known >= spread)
        rung = self._ladder.rung_for(spread, recall)
        if k > KS[-1]:
            rung = math.ceil(rung * math.sqrt(k / KS[-1]))
        rung = min(rung, RUNGS[-1])
        # With few lists a query may find too little and be answered by a scan: more lists cost less.
        rung = min(
            (rung, *(higher for higher in RUNGS if higher > rung)),
            key=lambda r: self._visit_seconds(r, share),
        )
        visited = self._visit_seconds(rung, share)
        expected = self._ladder.recall_at(spread, rung)
        if scanned < visited or share < _LEAST_SHARE or expected < recall - _UNREACHABLE:
            return _effort(SeismicKnobs(0, 0.0), _SCANNED, scanned)
        return _effort(_knobs(rung), expected, visited)

    def raised(self, rungs: int) -> SeismicIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._ladder = None if self._ladder is None else self._ladder.raised(rungs)
        return raised

    def search(
        self, queries: SparseRows, k: int, effort: Effort[SeismicKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the best ``min(k, allowed)`` rows of each query.

        Where fewer come by, every row in scope is scored. Queries are answered exactly, by a scan, when any
        of them has a weight below zero.
        """
        return self._search(queries, k, effort.knobs, scope)

    def nearest(self, queries: SparseRows, k: int) -> NDArray[np.uint32]:
        """Return the ``(q, k)`` rows that the lists bring, best first, padded with ``2**32 - 1``."""
        return self._search(queries, k, _NEAREST, EVERYTHING, fill=False).rows

    def _search(
        self, queries: SparseRows, k: int, knobs: SeismicKnobs, scope: Scope, fill: bool = True
    ) -> Neighbors:
        if k < 1:
            raise ValueError(f"k is {k}; expected at least 1")
        n_queries, n, rows = len(queries), len(self._rows), self._rows
        lo, hi, _ = listed_rows(scope, n)
        words: tuple[NDArray[np.uint64] | None, np.uint64] = None, NOWHERE
        listed: tuple[NDArray[np.uint32] | None, np.uint64] = None, NOWHERE
        count = 0
        if scope.rows is not None and scope.rows.bounds is None:
            words, listed = scope.rows.located_words, scope.rows.located_rows
            lo, hi, count = 0, n, scope.rows.count
        wanted = min(k, scope.count(n))
        if not n_queries or not wanted:
            return Neighbors.empty(n_queries, k, rows.metric)
        if not knobs.query_cut and n_queries >= _TOGETHER:
            return self._scan.search(queries, k, scope)
        found = np.empty((n_queries, wanted), np.uint32)
        scores = np.empty((n_queries, wanted), np.float32)
        scratch = self._free.take(queries.longest, wanted)
        try:
            negative = self._kernel(
                self._opened.address,
                scratch.address,
                *scratch.query.addresses(queries),
                n_queries,
                wanted,
                knobs.query_cut,
                _SCORING_TERMS,
                knobs.heap_factor,
                _REST_FACTOR,
                lo,
                hi,
                words[1],
                listed[1],
                count,
                fill,
                rows.slope(rows.average_of(queries)),
                found,
                scores,
            )
            visited, estimated, rescored = scratch.stats.tolist()
        finally:
            self._free.give(scratch)
        if negative:
            return self._scan.search(queries, k, scope)
        stats = SearchStats(hops=visited, distances=estimated, rescored=rescored)
        return Neighbors(found, scores, stats).padded(k, rows.metric)

    def document_frequencies(self, terms: NDArray[np.uint32], lo: int, hi: int) -> NDArray[np.int64] | None:
        """Return in how many rows each term has a value that is not zero; None of some rows only."""
        return self._opened.document_frequencies(terms) if lo == 0 and hi == len(self._rows) else None

    def calibrate(
        self, queries: SparseRows, truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        return self._measured(queries, truth, 1).to_arrays()

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""
        queries = sparse_pseudo_queries(self._rows, _QUERIES, seed)
        if not len(queries):
            return {}
        return self._measured(queries, None, threads, made_of_rows=True).to_arrays()

    def _measured(
        self,
        queries: SparseRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        made_of_rows: bool = False,
    ) -> Ladder:
        def among(chosen: NDArray[np.bool_]) -> Search:
            asked = queries[np.flatnonzero(chosen)]

            def search(k: int, rung: int) -> Neighbors:
                effort = _effort(_knobs(rung), None, 0.0)
                with in_parts(asked, threads) as every:
                    return Neighbors.concat(every(lambda part: self.search(part, k, effort)))

            return search

        everyone = np.ones(len(queries), np.bool_)
        if truth is None:
            depth = DEPTH if made_of_rows else KS[-1]
            with in_parts(queries, threads) as every:
                truth = Neighbors.concat(every(lambda part: self._scan.search(part, depth))).scores
        if made_of_rows:
            return measure_made_of_rows(
                RUNGS,
                among(everyone),
                truth,
                True,
                _PSEUDO_MARGIN,
                shortfall=_SHORTFALL,
                pool=False,
                among=among,
            )
        return measure(RUNGS, among(everyone), truth, True, _REAL_MARGIN, pool=False)

    def with_table(self, arrays: Arrays) -> SeismicIndex:
        """Return the same index with another ladder."""
        return SeismicIndex({**self._arrays, **arrays}, self._rows)

    def _scan_seconds(self, count: float) -> float:
        known = costs()
        return known.call + count * (known.row + self._row_entries() * known.posting)

    def _visit_seconds(self, rung: int, share: float) -> float:
        known, lists, share = costs(), rung / 10, max(share, 1e-9)
        summaries = _SCORING_TERMS * known.random_row + self._usual_blocks * known.posting
        # The fewer rows are in scope, the more blocks are looked into for them.
        looked_into = min(1.0, _LOOKED_INTO * share**-_MORE_BLOCKS) * self._usual_postings
        rows = len(self._rows) if self._ladder is None else self._ladder.work_at(rung)
        read = rows * share**_FEWER_ROWS * (known.random_row + self._row_entries() / 2 * known.posting)
        return float(known.call + lists * (summaries + looked_into * known.random_row / 4) + read)

    def _row_entries(self) -> float:
        return len(self._rows.indices) / max(1, len(self._rows))


def _knobs(rung: int) -> SeismicKnobs:
    """Return how many lists a rung stands for, and the heap factor that goes with them."""
    return SeismicKnobs(max(1, round(rung / 10)), float(np.interp(rung, RUNGS, _FACTORS)))


def _effort(knobs: SeismicKnobs, expected: float | None, seconds: float) -> Effort[SeismicKnobs]:
    words = f"blocks of {knobs.query_cut} lists, heap factor {knobs.heap_factor:.3g}"
    return Effort(knobs, expected, seconds, words if knobs.query_cut else "every row in scope")
