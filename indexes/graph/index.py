"""An open HNSW index: its arrays, its effort table and its search."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..cells.build import PREFIX
from ..cells.measuring import measure_cells
from ..cells.opened import Cells
from ..cells.table import FEWEST_CELLS, USUAL_PATIENCE
from ..codecs.bits import Bits
from ..codecs.protocol import CodecSpec, Coded
from ..codecs.scalar import Scalar
from ..effort.ladder import KS, MARGIN, Ladder, measure
from ..effort.parts import in_parts
from ..effort.pseudo_queries import COUNT, NEIGHBOURS, SHORTFALL, pseudo_queries
from ..exact.dense import check_queries, row_record
from ..exact.rescoring import rescore
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.dense import NO_NORMS, DenseRows, longest_row
from ..rows.metric import Metric
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from ..rows.row_set import RowSet
from .copies import nodes_of, open_copies, with_copies
from .efforts import (
    FEWEST_RANKED,
    LEAST_RESCORED,
    Efforts,
    effort_of,
    rescore_width,
    rescored_share,
    widest_walk,
)
from .knobs import HnswKnobs
from .links import check_links
from .scratch import walk_scratch
from .spreads import Spreads, narrowest, spreads_of

# The widths of the walk that are measured.
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280)
# A walk under a filter counts on chance to spread the allowed rows; with less than this share of what
# chance would bring, the query lies where the filter is thin, and cells are searched.
_LEAST_SHARE_SEEN = 0.5
_NEIGHBOUR_EF = 2 * NEIGHBOURS
# So many times as wide is a walk whose rows are not in memory as one that may go on.
_WIDER_APART = 2
_Asked = tuple[np.uint64, int, np.uint64]
_UNASKED: _Asked = NOWHERE, 0, NOWHERE
# Codes of so many times the widest pool cost no more than what it took to fill it.
_SCANNED_BEYOND = 64
# How far the worst tenth of the queries may stay behind what is promised: walks go on for them.
_WORST_BEHIND = 0.09
# As many of a pool are scored exactly as bring this share of what scoring all of such a pool brings.
_RESCORED_ENOUGH, _RESCORED_EF, _RESCORED_K = 0.995, 112, 10


class HnswIndex:
    """Walks a graph over codes and scores the nearest candidates exactly. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: DenseRows, codec: CodecSpec) -> None:
        self._scan = open_scan(rows)
        self._rows, self._arrays, self._codec = rows, arrays, codec
        self._graph: NDArray[Any] | None = None
        self._cells: Cells | None = None
        self._spreads = Spreads.from_arrays(WIDTHS, arrays)
        self._copies: NDArray[np.uint32] | None = None
        code_lines = self._open() if arrays else 0.0
        self._efforts = Efforts(
            len(rows),
            code_lines,
            rescored_share(arrays),
            lambda count, contiguous: self._scan.cost(None, count, contiguous),
            Ladder.from_arrays(WIDTHS, arrays),
            self._cells,
            self._spreads,
        )

    def _open(self) -> float:
        """Open the graph and return how many cache lines the codes of a row take."""
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
        if PREFIX + "offsets" in arrays:
            self._cells = Cells(arrays, rows, codec, self._row_record, self._code_record)
        self._entry_codes = coded.codes[entries]
        graph = np.zeros(1, GRAPH)
        graph["rows"], graph["codes"] = address(self._row_record), address(self._code_record)
        graph["links"], graph["degree"] = address(links), links.shape[1]
        graph["entries"], graph["n_entries"] = address(entries), len(entries)
        graph["entry_codes"] = address(self._entry_codes)
        # Of such codes it is known where the query lies among the rows.
        self._in_steps = isinstance(self._codec, Scalar | Bits)
        graph["longest"] = self._spreads.longest if self._spreads else 0.0
        self._copies = open_copies(arrays, n)
        graph["copies"] = address(self._copies)
        self._nodes = self._every_row
        if self._copies is not None:
            self._nodes = RowSet(n, bounds=None, rows=nodes_of(self._copies, n))
        graph["n_nodes"] = self._nodes.count
        self._kernel = search_graph
        self._graph = graph
        self._graph_address = address(graph)
        padded_bytes = int(self._row_record["padded_bytes"][0])
        self._scratch = walk_scratch(n, padded_bytes, codec.query_bytes, links.shape[1])
        return codec.row_bytes / 64

    @cached_property
    def _every_row(self) -> RowSet:
        return RowSet.everything(len(self._rows))

    @property
    def nbytes(self) -> int:
        """Bytes of the graph, the codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[HnswKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Where a walk ends before it has seen so many, because rows that are all alike keep it among
        themselves or because the filter bars what is near, cells are searched, or the codes of all allowed
        rows compared where there are none. Where all candidates are hardly farther than the results it goes
        on, and where that is not enough the codes of all rows are compared unless they are too many.
        """
        return self._prepared(k, effort.knobs, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[HnswKnobs], scope: Scope = EVERYTHING
    ) -> Callable[[NDArray[Any]], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        return self._prepared(k, effort.knobs, scope)

    def _prepared(self, k: int, knobs: HnswKnobs, scope: Scope) -> Callable[..., Neighbors]:
        """Return a search of queries that, if asked, writes how far their pools are spread.

        Asked with the address and number of int64 ranks, and an address of so many float32 a query. What does
        not depend on the queries is worked out here: of one query it takes as long as the rest.
        """
        n, allowed = len(self._rows), scope.rows
        scope.check(n)
        count = scope.count(n)
        wanted, patience = min(max(k, knobs.rescore), count), knobs.patience or USUAL_PATIENCE
        # Rows that are not in memory are listed first, so that all of them are read at the same time.
        apart, widest = self._rows.reader is not None, min(knobs.widest, n)
        ef = min(max(k, knobs.ef), n, widest_walk(k)) if knobs.ef else 0
        if apart and widest and not self._in_steps:
            # Their distances, which say how a pool is spread, are not known before.
            ef, wanted, widest = min(_WIDER_APART * ef, max(widest, ef)), min(2 * wanted, count), 0
        if self._graph is None or count <= wanted or 0 < ef < k:
            return lambda queries, spreads=_UNASKED: self._scan.search(queries, k, scope)
        if knobs.cells and self._cells is not None:
            cells, within = self._cells, allowed or self._every_row
            return lambda queries, spreads=_UNASKED: cells.search(
                queries, k, knobs.cells, wanted, within, patience
            )
        held: list[Any] = []
        enough, n_candidates = 0, 0
        words, candidates = NOWHERE, NOWHERE
        if allowed is not None and count < n:
            # Held for as long as kernels may read them: two threads that ask first may each make their own.
            held = [allowed.located_words]
            words = held[0][1]
            if not ef or self._cells is None:
                held.append(allowed.located_rows)
                candidates, n_candidates = held[1][1], count
            enough = min(count, max(k, int(ef * count / n * _LEAST_SHARE_SEEN)))
        elif not ef or self._nodes.count <= _SCANNED_BEYOND * max(ef, widest):
            held = [self._nodes.located_rows]
            candidates, n_candidates = held[0][1], self._nodes.count
            enough = 0 if ef else k
        rescored = self._efforts.rescored
        room = wanted + int(rescored * max(0, widest - ef)) if apart else k
        scored = 0 if apart else k
        rank = -(-(knobs.rank or max(k, FEWEST_RANKED)) * n // count)
        asked = knobs.spread, knobs.goal, knobs.least, knobs.far_goal, rescored
        fixed = scored, ef, wanted, words, candidates, n_candidates, enough, rank, widest, *asked
        capacity, graph = max(ef, wanted, widest), self._graph_address
        kernel, prepare, free, stored = self._kernel, self._prepare, self._scratch, self._rows

        def walk(queries: NDArray[Any], spreads: _Asked = _UNASKED, held: Any = held) -> Neighbors:
            n_queries = len(queries)
            if not n_queries:
                return self._scan.search(queries, k, scope)
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
        n, rows = len(self._rows), found.rows
        short = np.flatnonzero(rows[:, -1] == NO_ROW)
        scanned = self._efforts.all_codes(k, wanted)
        if self._cells is not None and patience < 1 and scope.count(n) > scanned.rescore:
            allowed = scope.rows or self._every_row
            more = self._cells.search(
                queries[short], k, FEWEST_CELLS, scanned.rescore, allowed, patience, thin=True
            )
        else:
            more = self.search(queries[short], k, effort_of(scanned), scope)
        rows[short], found.scores[short] = more.rows, more.scores
        more.stats.fallbacks = len(short)
        return Neighbors(rows, found.scores, found.stats + more.stats)

    def effort(self, k: int, recall: float, knobs: HnswKnobs | None, share: float) -> Effort[HnswKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given, as :class:`Efforts` does."""
        return self._efforts.choose(k, recall, knobs, share)

    def shared_effort(self, k: int, wanted: int, recall: float, share: float) -> Effort[HnswKnobs] | None:
        """Return what finds its share of the nearest of several graphs, as :meth:`Efforts.shared` does."""
        return self._efforts.shared(k, wanted, recall, share)

    def raised(self, rungs: int) -> HnswIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._efforts = self._efforts.raised(rungs)
        return raised

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        if self._graph is None:
            return {}
        spreads = self._spreads_measured(queries)
        ladder = self.with_table(spreads)._measured(queries, truth, 1)
        return spreads | ladder.to_arrays() | self._cells_measured(queries, 0)

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""
        effort = effort_of(HnswKnobs(_NEIGHBOUR_EF, _NEIGHBOUR_EF))

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self.search(queries, k, effort).rows

        queries, groups = pseudo_queries(self._rows, nearest, seed)
        # What is usual does not change where few rows are unlike the others.
        usual = queries[:COUNT]
        known: dict[str, NDArray[Any]] = {"rescored": np.array([self._share_to_rescore(usual)], np.float32)}
        known |= self._spreads_measured(usual)
        ladder = self.with_table(known)._measured(
            queries, None, threads, given=1, groups=groups, shortfall=_WORST_BEHIND
        )
        measured = known | ladder.as_hard_as_ten().to_arrays()
        return measured | self._cells_measured(queries, seed, groups=groups, shortfall=SHORTFALL)

    def _cells_measured(self, queries: NDArray[Any], seed: int, **counting: Any) -> dict[str, NDArray[Any]]:
        if self._cells is None:
            return {}
        table = measure_cells(
            self._cells,
            self._rows,
            self._scan,
            queries,
            lambda k: self._efforts.all_codes(k, 0).rescore,
            seed=seed,
            **counting,
        )
        return {PREFIX + name: array for name, array in table.to_arrays().items()}

    def _spreads_measured(self, queries: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return what is asked of the spread of pools, as those of these queries have it."""
        n, reached = len(self._rows), dict[tuple[int, int], NDArray[np.float32]]()
        longest = longest_row(self._rows) if self._rows.metric is Metric.DOT else 0.0
        measuring = self.with_table(Spreads.unmeasured(WIDTHS, longest).to_arrays())
        ranks = [k for k in KS if k >= FEWEST_RANKED]
        k, listed = ranks[0], np.array(ranks)
        for width in WIDTHS if self._rows.reader is None or self._in_steps else ():
            if narrowest(k) <= width <= n:
                spreads = np.zeros((len(queries), len(ranks)), np.float32)
                asked = address(listed), len(ranks), address(spreads)
                measuring._prepared(k, HnswKnobs(width, k), EVERYTHING)(queries, asked)
                reached |= {(r, width): spreads[:, i] for i, r in enumerate(ranks) if narrowest(r) <= width}
        return spreads_of(WIDTHS, reached, longest).to_arrays()

    def _share_to_rescore(self, queries: NDArray[Any]) -> float:
        """Return the least share of a pool that, scored exactly, loses next to nothing of what all has."""
        k, ef, share = _RESCORED_K, min(_RESCORED_EF, len(self._rows)), LEAST_RESCORED
        last = self.search(queries, k, effort_of(HnswKnobs(ef, ef))).scores[:, -1:]
        while share < 1:
            found = self.search(queries, k, effort_of(HnswKnobs(ef, rescore_width(k, ef, share)))).scores
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
                knobs = self._efforts.watching(HnswKnobs(ef, self._efforts.rescore(k, ef)), k, ef)
                return each(lambda part: self.search(part, k, effort_of(knobs)))

            if truth is None:
                truth = each(lambda part: self._scan.search(part, KS[-1])).scores
            higher = self._rows.metric.higher_is_nearer
            ladder = measure(WIDTHS, search, truth, higher, MARGIN, **counting)
            # Narrow walks may go on more than wider ones; more recall is not to be predicted to cost less.
            return replace(ladder, work=np.maximum.accumulate(ladder.work))

    def with_table(self, arrays: Arrays) -> HnswIndex:
        """Return the same index with another ladder."""
        return HnswIndex({**self._arrays, **arrays}, self._rows, self._codec)
