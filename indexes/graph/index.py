"""An open HNSW index: its arrays, its effort table and its search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..codecs.bits import Bits
from ..codecs.protocol import CodecSpec, Coded
from ..costs import costs
from ..effort.ladder import KS, MARGIN, Ladder, measure
from ..effort.parts import in_parts
from ..effort.pseudo_queries import NEIGHBOURS, SHORTFALL, pseudo_queries
from ..exact.dense import check_queries, row_record
from ..exact.rescoring import rescore
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.dense import NO_NORMS, DenseRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from ..rows.row_set import RowSet
from .knobs import HnswKnobs
from .links import check_links
from .scratch import walk_scratch

# The widths of the walk that are measured.
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280)
_WIDEST = 4096

# A walk under a filter counts on chance to spread the allowed rows; with less than this share of what
# chance would bring, the query lies where the filter is thin, and the codes of all allowed rows are compared.
_LEAST_SHARE_SEEN = 0.5
# Share of the queries that this happens to, as seen under filters by topic, for each share of rows barred.
_THIN_SHARE = 0.5
# A scan of codes scores as many rows exactly as the widest walk that was measured, so that it finds at least
# what that walk found and may promise the same.
_SCAN_EF = WIDTHS[-1]

# Standard deviations of the number of allowed rows that a walk passes.
_SPREAD = 3.0
_NEIGHBOUR_EF = 2 * NEIGHBOURS
# Of a pool's candidates, the share that is scored exactly at least.
LEAST_RESCORED = 1 / 16
# As many are scored as bring this share of what scoring all of such a pool brings.
_RESCORED_ENOUGH, _RESCORED_EF, _RESCORED_K = 0.995, 112, 10


class HnswIndex:
    """Walks a graph over codes and scores the nearest candidates exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: DenseRows, codec: CodecSpec) -> None:
        self._scan = open_scan(rows)
        self._rows, self._arrays, self._codec = rows, arrays, codec
        self._ladder = Ladder.from_arrays(WIDTHS, arrays)
        self._rescored = _rescored(arrays)
        self._graph: NDArray[Any] | None = None
        if arrays:
            self._open()

    def _open(self) -> None:
        from ..kernels.graph import GRAPH
        from ..kernels.walk import search_graph

        n, arrays, rows = len(self._rows), self._arrays, self._rows
        lacking = sorted({"links", "entries"} - arrays.keys())
        if lacking:
            raise ValueError(f"an hnsw index lacks {', '.join(lacking)}")
        links, entries = arrays["links"], arrays["entries"]
        check_links(links, n)
        check_array("entries", arrays, np.uint32, (len(entries),))
        if not len(entries) or int(entries.max()) >= n:
            raise ValueError(f"entries lead to rows beyond the last of {n}, or there are none")
        codec = self._codec.open(arrays, rows.dim, rows.metric)
        # Binary rows are their own codes.
        stored = isinstance(self._codec, Bits)
        coded = Coded(rows.rows, NO_NORMS, NO_NORMS) if stored else codec.checked(arrays, n)
        self._prepare = codec.prepare
        # Kept alive as long as the record that holds their addresses.
        self._held = codec, coded
        self._row_record, self._code_record = row_record(rows), codec.record(coded)
        self._entry_codes = coded.codes[entries]
        graph = np.zeros(1, GRAPH)
        graph["rows"], graph["codes"] = address(self._row_record), address(self._code_record)
        graph["links"], graph["degree"] = address(links), links.shape[1]
        graph["entries"], graph["n_entries"] = address(entries), len(entries)
        graph["entry_codes"] = address(self._entry_codes)
        self._kernel = search_graph
        self._graph = graph
        self._graph_address = address(graph)
        self._code_lines = codec.row_bytes / 64
        padded_bytes = int(self._row_record["padded_bytes"][0])
        self._scratch = walk_scratch(n, padded_bytes, codec.query_bytes, links.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the graph, the codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[HnswKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Where a walk ends before it has seen so many, because rows that are all alike keep it among
        themselves, the codes of all allowed rows are compared.
        """
        n, allowed, knobs = len(self._rows), scope.rows, effort.knobs
        scope.check(n)
        count = scope.count(n)
        wanted = min(max(k, knobs.rescore), count)
        ef = min(max(k, knobs.ef), n, _WIDEST) if knobs.ef else 0
        if self._graph is None or count <= wanted or 0 < ef < k or not len(queries):
            return self._scan.search(queries, k, scope)
        queries = check_queries(queries, self._rows, k)
        prepared = self._prepare(queries)
        enough = 0
        words, candidates = NOWHERE, NOWHERE
        if not ef or count < n:
            allowed = allowed or RowSet.everything(n)
            # Held here while the kernel reads them: two threads that ask first may each make their own.
            held = allowed.located_words, allowed.located_rows
            words, candidates = held[0][1], held[1][1]
            enough = min(count, max(k, int(ef * count / n * _LEAST_SHARE_SEEN)))
        # Rows that are not in memory are listed first, so that all of them are read at the same time.
        apart = self._rows.reader is not None
        rows = np.empty((len(queries), wanted if apart else k), np.uint32)
        scores = np.empty((len(queries), 0 if apart else k), np.float32)
        scratch = self._scratch.take(max(ef, wanted))
        try:
            self._kernel(
                self._graph_address,
                scratch.address,
                address(queries),
                address(prepared),
                len(queries),
                0 if apart else k,
                ef,
                wanted,
                words,
                candidates,
                count,
                enough,
                rows,
                scores,
            )
            stats = SearchStats(*scratch.stats.tolist())
        finally:
            self._scratch.give(scratch)
        if apart:
            scored = rescore(self._rows, rows, queries, k)
            rows, scores, stats = scored.rows, scored.scores, stats + scored.stats
        # Padding stands at the end of a query's rows.
        if ef and (rows.item(-1) == NO_ROW or (len(rows) > 1 and (rows[:, -1] == NO_ROW).any())):
            short = np.flatnonzero(rows[:, -1] == NO_ROW)
            scanned = _effort(0, max(wanted, self._rescore(k, _SCAN_EF)))
            whole = self.search(queries[short], k, scanned, scope)
            rows[short], scores[short] = whole.rows, whole.scores
            stats += whole.stats + SearchStats(fallbacks=len(short))
        return Neighbors(rows, scores, stats)

    def effort(self, k: int, recall: float, knobs: HnswKnobs | None, share: float) -> Effort[HnswKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given.

        Under a filter the walk is wider by ``1 / share``, so that as many rows in scope come by. Where that
        costs more than comparing the codes of all rows in scope, the effort says so by ``ef`` 0. Knobs
        without a width ask for that, and promise nothing.
        """
        ef = 0 if knobs is None else knobs.ef
        if self._ladder is None:
            return _effort(max(k, ef), k, None, self._scan.cost(None, len(self._rows), True))
        if knobs is not None and not ef:
            scored = max(k, knobs.rescore)
            return _effort(0, scored, None, self._code_scan_cost(share * len(self._rows), scored))
        width = max(k, ef or min(_WIDEST, self._ladder.rung_for(k, recall)))
        # Chance brings fewer rows in scope to some queries; few of those should be left with less than k.
        spared = width if share >= 1 else k + 1 + _SPREAD * math.sqrt(k * (1 - share))
        walked = min(math.ceil(max(width, spared) / max(share, 1e-9)), _WIDEST)
        expected = self._ladder.recall_at(k, min(width, walked * share))
        rescore = self._rescore(k, width) if knobs is None or not knobs.rescore else knobs.rescore
        scanned = self._rescore(k, _SCAN_EF)
        scan_seconds = self._code_scan_cost(share * len(self._rows), scanned)
        walk_seconds = self._walk_cost(walked, rescore) + _THIN_SHARE * (1 - share) * scan_seconds
        if knobs is not None or walk_seconds <= scan_seconds:
            return _effort(walked, rescore, expected, walk_seconds)
        return _effort(0, scanned, self._ladder.recall_at(k, _SCAN_EF), scan_seconds)

    def _rescore(self, k: int, ef: int) -> int:
        return rescore_width(k, ef, self._rescored)

    def _code_scan_cost(self, count: float, rescore: int) -> float:
        known = costs()
        scan = count * (known.code_row + self._code_lines * known.code_line)
        return known.call + scan + self._scan.cost(None, rescore, contiguous=False)

    def _walk_cost(self, ef: int, rescore: int) -> float:
        assert self._ladder is not None
        known = costs()
        comparison = known.walked_row + self._code_lines * known.walked_line + ef * known.kept
        return (
            known.call
            + self._ladder.work_at(ef) * comparison
            + self._scan.cost(None, rescore, contiguous=False)
        )

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        if self._graph is None:
            return {}
        return self._measured(queries, truth, 1).to_arrays()

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""
        effort = _effort(_NEIGHBOUR_EF, _NEIGHBOUR_EF)

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self.search(queries, k, effort).rows

        queries, groups = pseudo_queries(self._rows, nearest, seed)
        rescored = {"rescored": np.array([self._share_to_rescore(queries)], np.float32)}
        ladder = self.with_table(rescored)._measured(
            queries, None, threads, given=1, groups=groups, shortfall=SHORTFALL
        )
        return rescored | ladder.as_hard_as_ten().to_arrays()

    def _share_to_rescore(self, queries: NDArray[Any]) -> float:
        """Return the least share of a pool that, scored exactly, loses next to nothing of what all has."""
        k, ef, share = _RESCORED_K, min(_RESCORED_EF, len(self._rows)), LEAST_RESCORED
        last = self.search(queries, k, _effort(ef, ef)).scores[:, -1:]
        while share < 1:
            found = self.search(queries, k, _effort(ef, rescore_width(k, ef, share))).scores
            kept = found >= last if self._rows.metric.higher_is_nearer else found <= last
            if kept.mean() >= _RESCORED_ENOUGH:
                break
            share *= 2
        return share

    def _measured(
        self,
        queries: NDArray[Any],
        truth: NDArray[np.float32] | None,
        threads: int,
        **counting: Any,
    ) -> Ladder:
        with in_parts(queries, threads) as every:

            def each(search: Callable[[NDArray[Any]], Neighbors]) -> Neighbors:
                return Neighbors.concat(every(search))

            def search(k: int, ef: int) -> Neighbors:
                effort = _effort(ef, self._rescore(k, ef))
                return each(lambda part: self.search(part, k, effort))

            if truth is None:
                truth = each(lambda part: self._scan.search(part, KS[-1])).scores
            higher = self._rows.metric.higher_is_nearer
            return measure(WIDTHS, search, truth, higher, MARGIN, **counting)

    def with_table(self, arrays: Arrays) -> HnswIndex:
        """Return the same index with another ladder."""
        return HnswIndex({**self._arrays, **arrays}, self._rows, self._codec)


def rescore_width(k: int, ef: int, share: float) -> int:
    """Return how many of a pool of ``ef`` candidates are scored exactly for ``k`` results.

    Codes misplace candidates by a few ranks, and by more where ranks lie closer: far down and in wide pools.
    How much of a wide pool that is depends on the codes, and is measured when the index is built.
    """
    return min(ef, k + k // 8 + 4 + int(ef * share))


def _effort(
    ef: int, rescore: int, expected_recall: float | None = None, seconds: float = 0.0
) -> Effort[HnswKnobs]:
    words = f"graph walk, ef {ef}, {rescore} rescored" if ef else f"scan of the codes, {rescore} rescored"
    return Effort(HnswKnobs(ef, rescore), expected_recall, seconds, words)


def _rescored(arrays: Arrays) -> float:
    """Return the share of a pool to score exactly, out of the arrays of an index."""
    if "rescored" not in arrays:
        return LEAST_RESCORED
    share = float(check_array("rescored", arrays, np.float32, (1,))[0])
    if not 0 <= share <= 1:
        raise ValueError(f"rescored is {share}; expected a share, 0 to 1")
    return share
