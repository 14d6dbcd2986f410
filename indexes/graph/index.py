"""An open HNSW index: its arrays, its effort table and its search."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.scalar import bits_for, code_bytes
from ..effort.pseudo_queries import NEIGHBOURS, pseudo_queries
from ..effort.table import KS, WIDEST, WIDTHS, EffortTable, measure, rescore_width
from ..exact.dense import ExactScan, address, check_queries, row_record
from ..protocol import Arrays, Effort
from ..rows.dense import DenseVectors
from ..rows.metric import Metric
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from ..rows.row_set import RowSet
from .links import check_links
from .scratch import ScratchPool

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
_CODE_ARRAYS = {"codes", "mean", "bias", "scale"}
_DEFAULT_RECALL = 0.95
_NOWHERE = np.uint64(0)
# Standard errors taken off a measured recall.
_REAL_MARGIN = 2.0
_PSEUDO_MARGIN = 2.0
# How far the worst tenth of queries made out of rows may stay behind. On friendly data it stays 0.25 to 0.4
# behind a mean of 0.9 to 0.95; where more is missing, whole regions are not found.
_PSEUDO_SHORTFALL = 0.4
_NEIGHBOUR_EF = 2 * NEIGHBOURS


class HnswIndex:
    """Walks a graph over codes and scores the nearest candidates exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, vectors: DenseVectors, metric: Metric) -> None:
        self._scan = ExactScan(vectors, metric)
        self._vectors, self._metric, self._arrays = vectors, metric, arrays
        self._table = EffortTable.from_arrays(arrays)
        self._graph: NDArray[Any] | None = None
        if arrays:
            self._open()

    def _open(self) -> None:
        from ..kernels.graph import GRAPH
        from ..kernels.walk import search_graph

        n, arrays, vectors = len(self._vectors), self._arrays, self._vectors
        needed = {"links", "entries"} | (set() if self._metric is Metric.HAMMING else _CODE_ARRAYS)
        if not needed <= arrays.keys():
            raise ValueError(f"an hnsw index lacks {', '.join(sorted(needed - arrays.keys()))}")
        links, entries = arrays["links"], arrays["entries"]
        check_links(links, n)
        _check("entries", entries, np.uint32, (len(entries),))
        if not len(entries) or int(entries.max()) >= n:
            raise ValueError(f"entries lead to rows beyond the last of {n}, or there are none")
        codes, bits = self._codes()
        # Kept alive as long as the records that hold their addresses.
        self._rows = row_record(vectors, self._metric)
        self._entry_codes = codes[entries]
        graph = np.zeros(1, GRAPH)
        graph["rows"], graph["codes"] = address(self._rows), address(codes)
        graph["code_bytes"], graph["code_bits"] = codes.shape[1], bits
        if bits > 1:
            graph["bias"], graph["mean"] = address(arrays["bias"]), address(arrays["mean"])
            graph["scale"] = arrays["scale"][0]
        graph["links"], graph["degree"] = address(links), links.shape[1]
        graph["entries"], graph["n_entries"] = address(entries), len(entries)
        graph["entry_codes"] = address(self._entry_codes)
        self._kernel = search_graph
        self._graph = graph
        self._graph_address = address(graph)
        query_code_bytes = codes.shape[1] if bits == 1 else codes.shape[1] * 8 // bits
        self._scratch = ScratchPool(n, int(self._rows["padded_bytes"][0]), query_code_bytes, links.shape[1])

    def _codes(self) -> tuple[NDArray[Any], int]:
        """Return what the walk reads of each row, and its bits per dimension."""
        vectors, arrays = self._vectors, self._arrays
        if self._metric is Metric.HAMMING:
            return vectors.rows, 1
        n, bits = len(vectors), bits_for(vectors.dim)
        _check("codes", arrays["codes"], np.uint8, (n, code_bytes(vectors.dim, bits)))
        _check("mean", arrays["mean"], np.float32, (vectors.dim,))
        _check("bias", arrays["bias"], np.float32, (n if self._metric is Metric.L2 else 0,))
        _check("scale", arrays["scale"], np.float32, (1,))
        return arrays["codes"], bits

    @property
    def nbytes(self) -> int:
        """Bytes of the graph, the codes and the table."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, *, allowed: RowSet | None = None, effort: Effort
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Where a walk ends before it has seen so many, because rows that are all alike keep it among
        themselves, the codes of all allowed rows are compared.
        """
        n = len(self._vectors)
        if allowed is not None and allowed.n != n:
            raise ValueError(f"allowed is a set of rows of {allowed.n}; the segment has {n}")
        count = n if allowed is None else allowed.count
        wanted = min(max(k, effort.rescore), count)
        ef = min(max(k, effort.ef), n, WIDEST) if effort.ef else 0
        if self._graph is None or count <= wanted or 0 < ef < k or not len(queries):
            return self._scan.search(queries, k, allowed)
        queries = check_queries(queries, self._vectors, k)
        enough = 0
        words, candidates = _NOWHERE, _NOWHERE
        if not ef or count < n:
            allowed = allowed or RowSet.everything(n)
            # Held here while the kernel reads them: two threads that ask first may each make their own.
            held = allowed.words, allowed.rows
            words, candidates = address(held[0]), address(held[1])
            enough = min(count, max(k, int(ef * count / n * _LEAST_SHARE_SEEN)))
        rows = np.empty((len(queries), k), np.uint32)
        scores = np.empty((len(queries), k), np.float32)
        scratch = self._scratch.take(max(ef, wanted))
        try:
            self._kernel(
                self._graph_address,
                scratch.address,
                address(queries),
                len(queries),
                k,
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
        # Padding stands at the end of a query's rows.
        if ef and (rows.item(-1) == NO_ROW or (len(rows) > 1 and (rows[:, -1] == NO_ROW).any())):
            short = np.flatnonzero(rows[:, -1] == NO_ROW)
            scanned = Effort(0, max(wanted, rescore_width(k, _SCAN_EF)), None, 0.0)
            whole = self.search(queries[short], k, allowed=allowed, effort=scanned)
            rows[short], scores[short] = whole.rows, whole.scores
            stats += whole.stats + SearchStats(fallbacks=len(short))
        return Neighbors(rows, scores, stats)

    def effort(
        self, k: int, *, recall: float | None = None, ef: int | None = None, selectivity: float = 1.0
    ) -> Effort:
        """Choose the effort that reaches ``recall``, or take ``ef`` as given.

        Under a filter the walk is wider by ``1 / selectivity``, so that as many allowed rows come by. Where
        that costs more than comparing the codes of all allowed rows, the effort says so by ``ef`` 0.
        """
        if self._table is None:
            return Effort(max(k, ef or 0), k, None, self.scan_cost(len(self._vectors), True))
        given = ef is not None
        if ef is None:
            ef = self._table.width_for(k, _DEFAULT_RECALL if recall is None else recall)
        width = max(k, ef)
        # Chance brings fewer allowed rows to some queries; few of those should be left with less than k.
        spared = width if selectivity >= 1 else k + 1 + _SPREAD * math.sqrt(k * (1 - selectivity))
        walked = min(math.ceil(max(width, spared) / max(selectivity, 1e-9)), WIDEST)
        expected = self._table.recall_at(k, min(width, walked * selectivity))
        rescore = rescore_width(k, width)
        scanned = rescore_width(k, _SCAN_EF)
        scan_seconds = self._code_scan_cost(selectivity * len(self._vectors), scanned)
        walk_seconds = self._walk_cost(walked, rescore) + _THIN_SHARE * (1 - selectivity) * scan_seconds
        if given or walk_seconds <= scan_seconds:
            return Effort(walked, rescore, expected, walk_seconds)
        return Effort(0, scanned, self._table.recall_at(k, _SCAN_EF), scan_seconds)

    def _code_scan_cost(self, count: float, rescore: int) -> float:
        assert self._graph is not None
        lines = int(self._graph["code_bytes"][0]) // 64
        return 2e-6 + count * (3e-9 + lines * 2.2e-9) + self._scan.cost(rescore, contiguous=False)

    def _walk_cost(self, ef: int, rescore: int) -> float:
        assert self._table is not None
        assert self._graph is not None
        lines = int(self._graph["code_bytes"][0]) // 64
        # Fixed, as the cost of a scan is: what a random line from beyond the second-level cache, and the
        # upkeep of a pool of some width for each comparison, were measured to take.
        walk = self._table.distances_at(ef) * (12e-9 + lines * 5e-9 + ef * 0.08e-9)
        return 2e-6 + walk + self._scan.cost(rescore, contiguous=False)

    def scan_cost(self, count: int, contiguous: bool) -> float:
        """Predict the seconds of an exact scan of ``count`` rows for one query."""
        return self._scan.cost(count, contiguous)

    def calibrate(
        self, queries: NDArray[Any], truth_scores: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure a table on real queries and return its arrays."""
        if self._graph is None:
            return {}
        return self._measured(queries, truth_scores, _REAL_MARGIN, 1).to_arrays()

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure a table on queries made out of the rows and return its arrays."""
        effort = Effort(_NEIGHBOUR_EF, rescore_width(NEIGHBOURS, _NEIGHBOUR_EF), None, 0.0)

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self.search(queries, k, effort=effort).rows

        queries, groups = pseudo_queries(self._vectors, self._metric, nearest, seed)
        table = self._measured(
            queries,
            None,
            _PSEUDO_MARGIN,
            threads,
            given=1,
            groups=groups,
            shortfall=_PSEUDO_SHORTFALL,
        )
        return table.as_hard_as_ten().to_arrays()

    def _measured(
        self,
        queries: NDArray[Any],
        truth_scores: NDArray[np.float32] | None,
        margin: float,
        threads: int,
        **counting: Any,
    ) -> EffortTable:
        parts = np.array_split(queries, max(1, min(threads, len(queries))))
        with ThreadPoolExecutor(len(parts)) as pool:

            def each(search: Callable[[NDArray[Any]], Neighbors]) -> Neighbors:
                return Neighbors.concat(list(pool.map(search, parts)))

            def search(k: int, ef: int) -> Neighbors:
                effort = Effort(ef, rescore_width(k, ef), None, 0.0)
                return each(lambda part: self.search(part, k, effort=effort))

            if truth_scores is None:
                truth_scores = each(lambda part: self._scan.search(part, KS[-1])).scores
            higher = self._metric.higher_is_nearer
            return measure(search, truth_scores, higher, margin, **counting)

    def with_table(self, arrays: Arrays) -> HnswIndex:
        """Return the same index with another table."""
        return HnswIndex({**self._arrays, **arrays}, self._vectors, self._metric)


def _check(name: str, array: NDArray[Any], dtype: type[Any], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} are {array.dtype} {array.shape}; expected contiguous {np.dtype(dtype)} {shape}"
        )
