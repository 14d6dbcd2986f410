"""An open graph: its arrays checked, walked by knobs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..cells.build import PREFIX
from ..cells.opened import Cells
from ..cells.table import FEWEST_CELLS, USUAL_PATIENCE
from ..codecs.bits import Bits
from ..codecs.protocol import CodecSpec, Coded
from ..codecs.scalar import Scalar
from ..effort.ladder import Ladder
from ..exact.dense import check_queries, row_record
from ..exact.rescoring import rescore
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.dense import NO_NORMS, DenseRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from ..rows.row_set import RowSet
from .copies import nodes_of, open_copies, with_copies
from .efforts import FEWEST_RANKED, Efforts, rescored_share, widest_walk
from .knobs import HnswKnobs
from .links import check_links
from .scratch import walk_scratch
from .spreads import Spreads

# The widths of the walk that are measured.
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280)
# A walk under a filter counts on chance to spread the allowed rows; with less than this share of what
# chance would bring, the query lies where the filter is thin, and cells are searched.
_LEAST_SHARE_SEEN = 0.5
# So many times as wide is a walk whose rows are not in memory as one that may go on.
_WIDER_APART = 2
_Asked = tuple[np.uint64, int, np.uint64]
_UNASKED: _Asked = NOWHERE, 0, NOWHERE
# Codes of so many times the widest pool cost no more than what it took to fill it.
_SCANNED_BEYOND = 64


class Graph:
    """A graph over codes of rows, with cells of them. Immutable and thread-safe.

    Attributes
    ----------
    rows : DenseRows
        What is stored.
    scan : Scan
        Exact answers from them.
    cells : Cells or None
        Searched in place of the graph under filters.
    efforts : Efforts
        What is known of how hard it is to be searched.
    knows_spreads : bool
        Whether a walk can tell how far its pool is spread.
    """

    def __init__(self, arrays: Arrays, rows: DenseRows, codec: CodecSpec) -> None:
        self.rows, self.scan = rows, open_scan(rows)
        self.cells: Cells | None = None
        self._arrays, self._codec = arrays, codec
        self._spreads = Spreads.from_arrays(WIDTHS, arrays)
        code_lines = self._open()
        self.efforts = Efforts(
            len(rows),
            code_lines,
            rescored_share(arrays),
            lambda count, contiguous: self.scan.cost(None, count, contiguous),
            Ladder.from_arrays(WIDTHS, arrays),
            self.cells,
            self._spreads,
        )

    def _open(self) -> float:
        """Open the graph and return how many cache lines the codes of a row take."""
        from ..kernels.graph import GRAPH
        from ..kernels.walk import search_graph

        n, arrays, rows = len(self.rows), self._arrays, self.rows
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
        if PREFIX + "offsets" in arrays:
            self.cells = Cells(arrays, rows, codec, self._row_record, self._code_record)
        self._entry_codes = coded.codes[entries]
        graph = np.zeros(1, GRAPH)
        graph["rows"], graph["codes"] = address(self._row_record), address(self._code_record)
        graph["links"], graph["degree"] = address(links), links.shape[1]
        graph["entries"], graph["n_entries"] = address(entries), len(entries)
        graph["entry_codes"] = address(self._entry_codes)
        # Of such codes it is known where the query lies among the rows, and before rows are read.
        self.knows_spreads = rows.reader is None or isinstance(self._codec, Scalar | Bits)
        graph["longest"] = self._spreads.longest if self._spreads else 0.0
        self._copies = open_copies(arrays, n)
        graph["copies"] = address(self._copies)
        self._nodes = self._every_row
        if self._copies is not None:
            self._nodes = RowSet(n, bounds=None, rows=nodes_of(self._copies, n))
        graph["n_nodes"] = self._nodes.count
        self._kernel = search_graph
        self._record = graph
        self._address = address(graph)
        padded_bytes = int(self._row_record["padded_bytes"][0])
        self._scratch = walk_scratch(n, padded_bytes, codec.query_bytes, links.shape[1])
        return codec.row_bytes / 64

    @cached_property
    def _every_row(self) -> RowSet:
        return RowSet.everything(len(self.rows))

    def search(self, queries: NDArray[Any], k: int, knobs: HnswKnobs, scope: Scope = EVERYTHING) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Where a walk ends before it has seen so many, because rows that are all alike keep it among
        themselves or because the filter bars what is near, cells are searched, or the codes of all allowed
        rows compared where there are none. Where all candidates are hardly farther than the results it goes
        on, and where that is not enough the codes of all rows are compared unless they are too many.
        """
        return self.prepared(k, knobs, scope)(queries)

    def prepared(self, k: int, knobs: HnswKnobs, scope: Scope = EVERYTHING) -> Callable[..., Neighbors]:
        """Return a search of queries that, if asked, writes how far their pools are spread.

        Asked with the address and number of int64 ranks, and an address of so many float32 a query. What does
        not depend on the queries is worked out here: of one query it takes as long as the rest.
        """
        n, allowed = len(self.rows), scope.rows
        scope.check(n)
        count = scope.count(n)
        wanted, patience = min(max(k, knobs.rescore), count), knobs.patience or USUAL_PATIENCE
        # Rows that are not in memory are listed first, so that all of them are read at the same time.
        apart, widest = self.rows.reader is not None, min(knobs.widest, n)
        ef = min(max(k, knobs.ef), n, widest_walk(k)) if knobs.ef else 0
        if widest and not self.knows_spreads:
            # Their distances, which say how a pool is spread, are not known before.
            ef, wanted, widest = min(_WIDER_APART * ef, max(widest, ef)), min(2 * wanted, count), 0
        if count <= wanted or 0 < ef < k:
            return lambda queries, spreads=_UNASKED: self.scan.search(queries, k, scope)
        if knobs.cells and self.cells is not None:
            of_cells = self.cells.prepared(k, knobs.cells, wanted, allowed or self._every_row, patience)
            return lambda queries, spreads=_UNASKED: of_cells(queries)
        held: list[Any] = []
        enough, n_candidates = 0, 0
        words, candidates = NOWHERE, NOWHERE
        if allowed is not None and count < n:
            # Held for as long as kernels may read them: two threads that ask first may each make their own.
            held = [allowed.located_words]
            words = held[0][1]
            if not ef or self.cells is None:
                held.append(allowed.located_rows)
                candidates, n_candidates = held[1][1], count
            enough = min(count, max(k, int(ef * count / n * _LEAST_SHARE_SEEN)))
        elif not ef or self._nodes.count <= _SCANNED_BEYOND * max(ef, widest):
            held = [self._nodes.located_rows]
            candidates, n_candidates = held[0][1], self._nodes.count
            enough = 0 if ef else k
        rescored = self.efforts.rescored
        room = wanted + int(rescored * max(0, widest - ef)) if apart else k
        scored = 0 if apart else k
        rank = min(knobs.rank or max(k, FEWEST_RANKED), count)
        asked = knobs.spread, knobs.goal, knobs.least, knobs.far_goal, rescored
        fixed = scored, ef, wanted, words, candidates, n_candidates, enough, rank, widest, *asked
        capacity, graph = max(ef, wanted, widest), self._address
        kernel, prepare, free, stored = self._kernel, self._prepare, self._scratch, self.rows

        def walk(queries: NDArray[Any], spreads: _Asked = _UNASKED, held: Any = held) -> Neighbors:
            n_queries = len(queries)
            if not n_queries:
                return self.scan.search(queries, k, scope)
            queries = check_queries(queries, stored, k)
            coded, given = prepare(queries), address(queries)
            rows, scores = np.empty((n_queries, room), np.uint32), np.empty((n_queries, scored), np.float32)
            scratch = free.take(capacity)
            try:
                prepared = given if coded is queries else address(coded)
                kernel(graph, scratch.address, given, prepared, n_queries, *fixed, *spreads, rows, scores)
                stats = SearchStats(*scratch.stats.tolist())
            finally:
                free.give(scratch)
            if apart:
                found = rescore(stored, rows, queries, k)
                if self._copies is not None:
                    found = with_copies(found, self._copies, allowed, stored.metric.higher_is_nearer)
                rows, scores, stats = found.rows, found.scores, stats + found.stats
            # Padding stands at the end of a query's rows.
            if ef and (rows.item(-1) == NO_ROW or (n_queries > 1 and (rows[:, -1] == NO_ROW).any())):
                return self._completed(Neighbors(rows, scores, stats), queries, k, wanted, scope, patience)
            return Neighbors(rows, scores, stats)

        return walk

    def _completed(
        self, found: Neighbors, queries: NDArray[Any], k: int, wanted: int, scope: Scope, patience: float
    ) -> Neighbors:
        """Return what walks found, and for those that found too little what is found without a walk."""
        n, rows = len(self.rows), found.rows
        short = np.flatnonzero(rows[:, -1] == NO_ROW)
        scanned = self.efforts.all_codes(k, wanted)
        if self.cells is not None and patience < 1 and scope.count(n) > scanned.rescore:
            allowed = scope.rows or self._every_row
            more = self.cells.search(
                queries[short], k, FEWEST_CELLS, scanned.rescore, allowed, patience, thin=True
            )
        else:
            more = self.search(queries[short], k, scanned, scope)
        rows[short], found.scores[short] = more.rows, more.scores
        more.stats.fallbacks = len(short)
        return Neighbors(rows, found.scores, found.stats + more.stats)

    def with_table(self, arrays: Arrays) -> Graph:
        """Return the same graph of which something else was measured."""
        return Graph({**self._arrays, **arrays}, self.rows, self._codec)
