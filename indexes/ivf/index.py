"""Open inverted lists: their arrays, their ladder of efforts and their search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..costs import costs
from ..effort.ladder import KS, MARGIN, Ladder, measure
from ..effort.parts import in_parts
from ..effort.pseudo_queries import SHORTFALL, pseudo_queries
from ..exact.dense import check_queries
from ..exact.rescoring import rescore
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.dense import DenseRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from .knobs import IvfKnobs
from .layout import Layout
from .opened import Listed, OpenedLists
from .scratch import search_scratch

# How many lists are read, as measured.
RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# Shares of k that are scored exactly, as measured.
_WIDTHS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0)
_LOSSES = "table.losses"
# Of what may be missed, what codes may cost: from there on a list more brings as much as its time's worth of
# rows scored exactly.
_LOST_BY_CODES = 0.15
# Where nothing was measured yet.
_USUAL_WIDTH = 4.0
# A width that loses no more is wide enough for any target; wider ones are not measured.
_LOST_LITTLE = 0.001
_NEIGHBOUR_PROBES = 16
# Lists read while the widths are measured: enough that codes decide.
_WIDTH_PROBES = 32
# Where lists hold too few rows so many times as many are read.
_MORE_LISTS = 4
# With less than this share of the rows in scope that chance would bring, the filter is thin near a query.
_LEAST_SHARE_SEEN = 0.7
# And by so many standard deviations.
_SPREAD = 2.0


class IvfIndex:
    """Reads the lists nearest to a query and scores the best of their rows exactly.

    Immutable and thread-safe.
    """

    def __init__(self, arrays: Arrays, rows: DenseRows, layout: Layout) -> None:
        self._arrays, self._rows, self._layout = arrays, rows, layout
        self._scan = open_scan(rows)
        self._ladder = Ladder.from_arrays(RUNGS, arrays, pool=False)
        self._losses = np.tile(np.float32(np.array(_WIDTHS) < _USUAL_WIDTH), (len(KS), 1))
        self._lists: OpenedLists | None = None
        if not arrays:
            return
        from ..kernels.lists import search_lists

        if _LOSSES in arrays:
            self._losses = check_array(_LOSSES, arrays, np.float32, self._losses.shape)
        self._kernel = search_lists
        n = len(rows)
        listed = Listed(rows.dim, rows.metric, n, n, 2 * n if layout.spill else n)
        self._lists = OpenedLists(arrays, listed, layout, rows)
        self._n_lists = self._lists.n_lists
        self._scratch = search_scratch(self._lists.sizes)

    @property
    def nbytes(self) -> int:
        """Bytes of the lists, their codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[IvfKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Queries whose lists hold fewer of them, or far fewer near ones than chance would bring, read more
        lists, in the end all.
        """
        n, knobs, lists = len(self._rows), effort.knobs, self._lists
        scope.check(n)
        if lists is None or scope.count(n) <= self._wanted(k, knobs) or not len(queries):
            return self._scan.search(queries, k, scope)
        found, few = self._found(queries, k, knobs, scope)
        while few.any() and knobs.n_probe < lists.n_lists:
            short = np.flatnonzero(few)
            # Of more rows codes misplace some by more.
            knobs = IvfKnobs(knobs.n_probe * _MORE_LISTS, _MORE_LISTS * self._wanted(k, knobs))
            more, few[short] = self._found(queries[short], k, knobs, scope)
            found.rows[short], found.scores[short] = more.rows, more.scores
            found.stats += more.stats + SearchStats(fallbacks=len(short))
        return found

    def _found(
        self, queries: NDArray[Any], k: int, knobs: IvfKnobs, scope: Scope
    ) -> tuple[Neighbors, NDArray[np.bool_]]:
        """Find what the nearest lists alone hold, and say for which queries that was few rows in scope."""
        n, allowed, lists, wanted = len(self._rows), scope.rows, self._lists, self._wanted(k, knobs)
        assert lists is not None
        count = scope.count(n)
        queries = check_queries(queries, self._rows, k)
        prepared = queries if lists.codec is None else lists.codec.prepare(queries)
        words, held = NOWHERE, None
        if allowed is not None and count < n:
            # Held here while the kernel reads them: two threads that ask first may each make their own.
            held, words = allowed.located_words
        n_probe, apart = min(knobs.n_probe, lists.n_lists), self._rows.reader is not None
        if apart and lists.codec is None:
            wanted = lists.most_entries(n_probe)
        # Rows that are not in memory are listed first, so that all of them are read at the same time.
        room = 2 * wanted if self._layout.spill else wanted
        rows = np.empty((len(queries), room if apart else k), np.uint32)
        scores = np.empty((len(queries), 0 if apart else k), np.float32)
        met = np.zeros((len(queries), 2), np.int64)
        scratch = self._scratch.take(2 * wanted)
        try:
            self._kernel(
                lists.address,
                scratch.address,
                address(queries),
                address(prepared),
                len(queries),
                0 if apart else k,
                n_probe,
                wanted,
                words,
                met,
                rows,
                scores,
            )
            stats = SearchStats(*scratch.stats.tolist())
        finally:
            self._scratch.give(scratch)
        found = Neighbors(rows, scores, stats)
        if apart:
            found = rescore(self._rows, rows, queries, k)
            found.stats += stats
        few = found.rows[:, -1] == NO_ROW
        if held is not None:
            by_chance = count / n * met[:, 0]
            spread = np.minimum(_LEAST_SHARE_SEEN * by_chance, by_chance - _SPREAD * np.sqrt(by_chance))
            few |= met[:, 1] < spread
        return found, few

    def effort(self, k: int, recall: float, knobs: IvfKnobs | None, share: float) -> Effort[IvfKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given.

        Under a filter as many lists are read as for ``k / share`` results, among which chance brings ``k`` in
        scope.
        """
        ladder, lists = self._ladder, self._lists
        if lists is None or ladder is None:
            n_probe = knobs.n_probe if knobs else RUNGS[-1]
            seconds = self._scan.cost(None, len(self._rows), True)
            return _effort(IvfKnobs(n_probe, knobs.rescore if knobs else 0), None, seconds)
        spread = max(k, math.ceil(k / max(share, 1e-9)))
        measured = min(spread, KS[-1])
        # Beyond the results that were measured lists grow as the root of how many are looked for.
        more = math.sqrt(max(1.0, spread / KS[-1]))
        if knobs is None:
            lost = self._lost_by_codes(recall)
            rung = math.ceil(ladder.rung_for(measured, recall + lost) * more)
            knobs = IvfKnobs(min(rung, lists.n_lists), self._width(k, lost))
        found = ladder.recall_at(measured, knobs.n_probe / more)
        if not knobs.rescore:
            knobs = IvfKnobs(knobs.n_probe, self._width(k, self._lost_by_codes(found)))
        expected = max(0.0, found - self._lost(k, knobs.rescore))
        return _effort(knobs, expected, self._seconds(knobs.n_probe, knobs.rescore))

    def _wanted(self, k: int, knobs: IvfKnobs) -> int:
        """Return how many rows are scored exactly beside those that are without a codec."""
        return min(len(self._rows), max(k, knobs.rescore or self._width(k, _LOST_LITTLE)))

    @property
    def _coded(self) -> bool:
        return self._lists is not None and self._lists.codec is not None

    def _lost_by_codes(self, recall: float) -> float:
        """Return how much of the recall codes may cost where so much is wanted."""
        return _LOST_BY_CODES * (1 - recall) if self._coded else 0.0

    def _width(self, k: int, lost: float) -> int:
        """Return how many rows are to be scored exactly so that codes lose no more than that."""
        if not self._coded:
            return k
        widths = [float(np.interp(-lost, -losses, _WIDTHS)) for losses in self._losses]
        return max(k, math.ceil(k * float(np.interp(math.log(k), np.log(KS), widths))))

    def _lost(self, k: int, rescored: int) -> float:
        """Return what codes cost of the recall where so many rows are scored exactly."""
        losses = [float(np.interp(rescored / k, _WIDTHS, losses)) for losses in self._losses]
        return float(np.interp(math.log(k), np.log(KS), losses))

    def _seconds(self, n_probe: int, rescore: int) -> float:
        assert self._lists is not None
        assert self._ladder is not None
        lists = self._lists
        entries = self._ladder.work_at(min(n_probe, lists.n_lists))
        seconds = costs().call + lists.finding_seconds()
        if lists.codec is None:
            return seconds + self._scan.cost(None, round(entries), contiguous=False)
        return seconds + entries * lists.entry_seconds() + self._scan.cost(None, rescore, contiguous=False)

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        if self._lists is None:
            return {}
        return self._measured(queries, truth, 1)

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""

        def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
            return self.search(queries, k, _effort(IvfKnobs(_NEIGHBOUR_PROBES))).rows

        queries, groups = pseudo_queries(self._rows, nearest, seed)
        return self._measured(
            queries,
            None,
            threads,
            as_hard_as_ten=True,
            given=1,
            groups=groups,
            shortfall=SHORTFALL,
        )

    def _measured(
        self,
        queries: NDArray[Any],
        truth: NDArray[np.float32] | None,
        threads: int,
        as_hard_as_ten: bool = False,
        **counting: Any,
    ) -> dict[str, NDArray[Any]]:
        with in_parts(queries, threads) as every:

            def each(search: Callable[[NDArray[Any]], Neighbors]) -> Neighbors:
                return Neighbors.concat(every(search))

            def found(k: int, n_probe: int, rescore: int) -> Neighbors:
                return each(lambda part: self._found(part, k, IvfKnobs(n_probe, rescore), EVERYTHING)[0])

            if truth is None:
                truth = each(lambda part: self._scan.search(part, KS[-1])).scores
            losses = self._losses_by_width(found, as_hard_as_ten)
            fitting = self.with_table(losses)
            # Of rungs beyond the number of lists all are one.
            known: dict[tuple[int, int], Neighbors] = {}

            def climbed(k: int, rung: int) -> Neighbors:
                key = k, min(rung, self._n_lists)
                if key not in known:
                    known[key] = found(*key, fitting._width(k, _LOST_LITTLE))
                return known[key]

            ladder = measure(
                RUNGS,
                climbed,
                truth,
                self._rows.metric.higher_is_nearer,
                MARGIN,
                pool=False,
                **counting,
            )
        ladder = ladder.as_hard_as_ten() if as_hard_as_ten else ladder
        return ladder.to_arrays() | losses

    def _losses_by_width(
        self, found: Callable[[int, int, int], Neighbors], as_hard_as_ten: bool
    ) -> dict[str, NDArray[Any]]:
        """Return which share of the nearest rows codes lose where so many a result are scored exactly.

        Of a query made from a row, that row is the nearest whatever codes lose: what one result needs is
        taken to be a third of what ten do, where it is a quarter to a fifth.
        """
        losses = np.zeros((len(KS), len(_WIDTHS)), np.float32)
        if not self._coded:
            return {_LOSSES: losses}
        higher = self._rows.metric.higher_is_nearer
        for place, k in enumerate(KS):
            if as_hard_as_ten and k == 1:
                continue
            best = found(k, _WIDTH_PROBES, math.ceil(k * _WIDTHS[-1])).scores
            for column, width in enumerate(_WIDTHS[:-1]):
                scores = found(k, _WIDTH_PROBES, math.ceil(k * width)).scores
                same = scores[:, :k] >= best[:, -1:] if higher else scores[:, :k] <= best[:, -1:]
                losses[place, column] = 1 - same.mean()
                if losses[place, column] <= _LOST_LITTLE:
                    break
        losses = np.minimum.accumulate(losses, axis=1)
        if as_hard_as_ten:
            losses[0] = np.interp(np.array(_WIDTHS) * 0.3, _WIDTHS, losses[1])
        return {_LOSSES: losses}

    def with_table(self, arrays: Arrays) -> IvfIndex:
        """Return the same index with another ladder."""
        return IvfIndex({**self._arrays, **arrays}, self._rows, self._layout)


def _effort(knobs: IvfKnobs, expected_recall: float | None = None, seconds: float = 0.0) -> Effort[IvfKnobs]:
    words = f"{knobs.n_probe} lists" + (f", {knobs.rescore} rows rescored" if knobs.rescore else "")
    return Effort(knobs, expected_recall, seconds, words)
