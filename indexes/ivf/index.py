"""Open inverted lists: their arrays, their ladder of efforts and their search."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..costs import costs
from ..effort.crowds import DEPTH, count_copies, measure_made_of_rows, usually_alike
from ..effort.ladder import KS, MARGIN, Ladder, measure, reaching
from ..effort.parts import in_parts
from ..effort.pseudo_queries import pseudo_queries
from ..effort.signals import FEWEST_RANKED, Seen, Signals, signals_of, widest
from ..exact.dense import check_queries
from ..exact.rescoring import rescore
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.dense import DenseRows, longest_row
from ..rows.metric import Metric
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from .knobs import IvfKnobs
from .layout import Layout
from .opened import Listed, OpenedLists
from .scratch import search_scratch
from .widths import LOST_LITTLE, Found, Widths, widths_of

# How many lists are read, as measured.
RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# Of what may be missed, what codes may cost: from there on a list more brings as much as its time's worth of
# rows scored exactly.
_LOST_BY_CODES = 0.15
# And what lists are to miss less of up to ten results, as it is queries made out of rows that say when they
# are enough; of more it evens out.
_SPARED_BY_LISTS = 0.4
# How far the worst tenth of queries made out of rows may stay behind.
_SHORTFALL = 0.03
_LONGEST = "table.longest"
_NEIGHBOUR_PROBES = 16
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
        self._signals = Signals.from_arrays(RUNGS, arrays)
        self._longest = 1.0
        if _LONGEST in arrays:
            self._longest = float(check_array(_LONGEST, arrays, np.float32, (1,))[0])
        self._widths = Widths.from_arrays(arrays)
        self._lists: OpenedLists | None = None
        self._higher = 0
        if not arrays:
            return
        from ..kernels.lists import search_lists

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
        found, few, _ = self._found(queries, k, knobs, scope)
        while few.any() and knobs.n_probe < lists.n_lists:
            short = np.flatnonzero(few)
            # Of more rows codes misplace some by more.
            knobs = replace(
                knobs, n_probe=_MORE_LISTS * knobs.n_probe, rescore=_MORE_LISTS * self._wanted(k, knobs)
            )
            more, few[short], _ = self._found(queries[short], k, knobs, scope)
            found.rows[short], found.scores[short] = more.rows, more.scores
            found.stats += more.stats + SearchStats(fallbacks=len(short))
        return found

    def _found(
        self, queries: NDArray[Any], k: int, knobs: IvfKnobs, scope: Scope
    ) -> tuple[Neighbors, NDArray[np.bool_], NDArray[np.float32]]:
        """Find what the nearest lists alone hold.

        Say for which queries that was few rows in scope, and ``(q, 2)``: how many times as far as the results
        the next list was, and the last row scored, 0 where that is not known.
        """
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
        most = max(wanted, min(knobs.most_rows, n))
        if apart and lists.codec is None:
            wanted = most = lists.most_entries(n_probe)
        # Rows that are not in memory are listed first, so that all of them are read at the same time.
        room = 2 * most if self._layout.spill else most
        rows = np.empty((len(queries), room if apart else k), np.uint32)
        scores = np.empty((len(queries), 0 if apart else k), np.float32)
        met = np.zeros((len(queries), 4), np.int64)
        reached = np.zeros((len(queries), 2), np.float32)
        watch = (
            knobs.rank,
            float(knobs.next_list),
            float(knobs.last_row),
            min(knobs.most_lists, lists.n_lists),
            most,
            self._longest,
        )
        scratch = self._scratch.take(2 * max(most, k))
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
                watch,
                met,
                reached,
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
        return found, few, reached

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
        answers, more = self._spread(k, share)
        measured = min(answers, KS[-1])
        if knobs is None:
            lost = self._lost_by_codes(recall)
            rung = math.ceil(ladder.rung_for(measured, self._aim(ladder, measured, recall + lost)) * more)
            knobs = self._watching(IvfKnobs(min(rung, lists.n_lists), self._width(k, lost)), k, share)
        found = ladder.recall_at(measured, knobs.n_probe / more)
        if not knobs.rescore:
            knobs = replace(knobs, rescore=self._width(k, self._lost_by_codes(found)))
        expected = max(0.0, found - (self._widths.lost(k, knobs.rescore) if self._coded else 0.0))
        return _effort(knobs, expected, self._seconds(knobs.n_probe, knobs.rescore))

    def _aim(self, ladder: Ladder, k: int, recall: float) -> float:
        """Return what the ladder is asked for so that real queries get ``recall``; no more than it has."""
        if self._signals is None:
            return recall
        share = _SPARED_BY_LISTS * math.sqrt(min(1.0, FEWEST_RANKED / k))
        spared = recall + share * (1 - recall)
        return max(recall, min(spared, ladder.recall_at(k, RUNGS[-1])))

    def raised(self, rungs: int) -> IvfIndex:
        """Return the index whose efforts are so many rungs higher; on each codes may cost half as much."""
        raised = copy(self)
        raised._ladder, raised._higher = None if self._ladder is None else self._ladder.raised(rungs), rungs
        return raised

    def _wanted(self, k: int, knobs: IvfKnobs) -> int:
        """Return how many rows are scored exactly beside those that are without a codec."""
        return min(len(self._rows), max(k, knobs.rank, knobs.rescore or self._width(k, LOST_LITTLE)))

    @property
    def _coded(self) -> bool:
        return self._lists is not None and self._lists.codec is not None

    def _lost_by_codes(self, recall: float) -> float:
        """Return how much of the recall codes may cost where so much is wanted."""
        return _LOST_BY_CODES * (1 - recall) / 2**self._higher if self._coded else 0.0

    def _width(self, k: int, lost: float) -> int:
        """Return how many rows are to be scored exactly so that codes lose no more than that."""
        return self._widths.width(k, lost) if self._coded else k

    def _watching(self, knobs: IvfKnobs, k: int, share: float = 1.0) -> IvfKnobs:
        """Return knobs of a search for ``k`` results that goes on for queries harder than those measured."""
        if self._signals is None or not self._coded:
            return knobs
        answers, more = self._spread(k, share)
        asked = self._signals.asked_at(max(FEWEST_RANKED, answers), knobs.n_probe / more)
        watching = self._widths.watching(knobs, k, share)
        return replace(watching, next_list=asked, most_lists=widest(knobs.n_probe))

    def _spread(self, k: int, share: float) -> tuple[int, float]:
        """Return among how many answers chance brings those in scope, and for how many more lists than known.

        Beyond the results that were measured lists grow as the root of how many are looked for.
        """
        answers = self._widths.answers(max(k, math.ceil(k / max(share, 1e-9))))
        return answers, math.sqrt(max(1.0, answers / KS[-1]))

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
        return self._measured(queries, None, threads, groups)

    def _measured(
        self,
        queries: NDArray[Any],
        truth: NDArray[np.float32] | None,
        threads: int,
        groups: NDArray[np.bool_] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Measure on queries made out of rows, in ``groups``, or on real ones."""
        higher, made = self._rows.metric.higher_is_nearer, groups is not None
        with in_parts(queries, threads) as every:
            if truth is None:
                depth = DEPTH if made else KS[-1]
                truth = Neighbors.concat(every(lambda part: self._scan.search(part, depth))).scores
            counts = count_copies(truth if higher else -truth) if made else np.ones(len(truth), np.int64)
            alike = usually_alike(counts)
            longest = longest_row(self._rows) if self._rows.metric is Metric.DOT else 1.0
            known: dict[str, NDArray[Any]] = {_LONGEST: np.array([longest], np.float32)}
            measuring = self.with_table(known)

            def found(k: int, knobs: IvfKnobs) -> tuple[Neighbors, NDArray[np.float32]]:
                parts = every(lambda part: measuring._found(part, k, knobs, EVERYTHING))
                return Neighbors.concat([part[0] for part in parts]), np.concatenate(
                    [part[2] for part in parts]
                )

            if self._coded:
                known |= widths_of(found, len(self._rows), higher, alike, groups).to_arrays()
            signals = self.with_table(known)._signals_measured(found, truth, alike).to_arrays()
            watching = self.with_table(known | signals)
            # Of rungs beyond the number of lists all are one.
            searched: dict[tuple[int, int], Neighbors] = {}

            def climbed(k: int, rung: int) -> Neighbors:
                key = k, min(rung, self._n_lists)
                if key not in searched:
                    knobs = watching._watching(IvfKnobs(key[1], watching._width(k, LOST_LITTLE)), k)
                    searched[key] = found(k, knobs)[0]
                return searched[key]

            if groups is None:
                ladder = measure(RUNGS, climbed, truth, higher, MARGIN, pool=False)
            else:
                ladder = measure_made_of_rows(
                    RUNGS,
                    climbed,
                    truth,
                    higher,
                    MARGIN,
                    counts=counts,
                    groups=groups,
                    shortfall=_SHORTFALL,
                    pool=False,
                )
        return known | signals | ladder.to_arrays()

    def _signals_measured(self, found: Found, truth: NDArray[np.float32], alike: int) -> Signals:
        """Return what is asked of how far the next list is, as the queries of a measurement have it."""
        seen: Seen = {}
        for k in KS[1:] if self._coded else ():
            wanted = min(k * alike, truth.shape[1], len(self._rows))
            kth = truth[:, wanted - 1, None]
            for rung in (rung for rung in RUNGS if rung < self._n_lists):
                near, reached = found(wanted, IvfKnobs(rung, self._width(wanted, LOST_LITTLE), rank=wanted))
                hits = reaching(near.scores, kth, self._rows.metric.higher_is_nearer)
                seen[k, rung] = reached[:, 0], 1 - hits.mean(axis=1)
                if hits.all():
                    break
        return signals_of(RUNGS, seen)

    def with_table(self, arrays: Arrays) -> IvfIndex:
        """Return the same index with another ladder."""
        return IvfIndex({**self._arrays, **arrays}, self._rows, self._layout)


def _effort(knobs: IvfKnobs, expected_recall: float | None = None, seconds: float = 0.0) -> Effort[IvfKnobs]:
    words = f"{knobs.n_probe} lists" + (f", {knobs.rescore} rows rescored" if knobs.rescore else "")
    return Effort(knobs, expected_recall, seconds, words)
