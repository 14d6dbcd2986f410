"""Chooses how a graph, its cells or its codes are searched: what each is expected to bring and to cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import check_array
from ..cells.opened import Cells
from ..cells.table import USUAL_PATIENCE
from ..costs import costs
from ..effort.ladder import KS, Ladder
from ..protocol import Arrays, Effort, Scan
from .knobs import HnswKnobs
from .spreads import Spreads, narrowest

_WIDEST = 4096
# For many results: so many times as wide as they are many.
_WIDEST_SHARE = 1.5
# A scan of codes scores as many rows exactly as the widest walk that was measured, so that it finds at least
# what that walk found and may promise the same.
_SCAN_EF = 1280
# A walk that goes on may become so many times as wide, or so wide.
_WIDER, _WIDE_ENOUGH = 8, 640
# It goes on until its pool is spread as those that have such a share more rows behind the results;
# where it is spread less than nearly all that were measured, as those that are so many times as wide.
_MORE_BEHIND, _FAR_WIDER = 0.5, 4.0
# What a walk may lack of the recall asked for: so much is within what is not known of few queries.
_LACKING = 0.03
# Standard deviations of the number of allowed rows that a walk passes.
_SPREAD = 3.0
# Share of the queries that lie where the filter is thin, as seen under filters by topic, for each share of
# rows barred.
_THIN_SHARE = 0.5
# The share of the rows in scope whose codes are compared for them.
_THIN_COMPARED = 0.5
FEWEST_RANKED = KS[1]
"""How many results a walk is watched for at least: of fewer it is not known how hard their queries are."""
LEAST_RESCORED = 1 / 16
"""Of a pool's candidates, the share that is scored exactly at least."""


@dataclass(frozen=True, slots=True)
class Efforts:
    """What is known of the costs and the recall of one index.

    Parameters
    ----------
    n
        Rows.
    code_lines
        Cache lines of a row's codes.
    rescored
        The share of a pool that is scored exactly.
    scan_seconds
        Predicts the seconds of exact scores: of so many rows, and whether they follow one another.
    ladder
        What walks bring; None before they were measured.
    cells
        None where there are none.
    spreads
        What a walk goes on for; None before that was measured.
    higher
        By how many rungs of the ladder walks try harder than was measured.
    deletes
        Whether those rows alone are out of scope that are gone. Then no query looks where they were, and
        cells, which do not see that a query is harder than those that were measured, are not searched.
    """

    n: int
    code_lines: float
    rescored: float
    scan_seconds: Callable[[int, bool], float]
    ladder: Ladder | None
    cells: Cells | None
    spreads: Spreads | None = None
    higher: int = 0
    deletes: bool = False

    @classmethod
    def of_a_scan(cls, n: int, scan: Scan[Any]) -> Efforts:
        """Return what is known where there is no graph: what a scan of the rows costs."""
        return cls(n, 0.0, LEAST_RESCORED, lambda *rows: scan.cost(None, *rows), None, None)

    def raised(self, rungs: int) -> Efforts:
        """Return the efforts of walks and cells that are so many rungs higher; codes lose what they lose."""
        cells = None if self.cells is None else self.cells.raised(rungs)
        return replace(self, cells=cells, higher=rungs)

    def spanning(self, share: float) -> Efforts:
        """Return the efforts for scopes within such a share of the rows."""
        return self if self.cells is None else replace(self, cells=self.cells.spanning(share))

    def with_deletes(self) -> Efforts:
        """Return the efforts for scopes that lack none but rows that are gone."""
        return replace(self, deletes=True)

    def choose(self, k: int, recall: float, knobs: HnswKnobs | None, share: float) -> Effort[HnswKnobs]:
        """Return the cheapest effort that reaches ``recall``, or ``knobs`` as given.

        Under a filter a walk is as wide as for ``k / share`` results, or wider by ``1 / share`` than given.
        Where that costs more than comparing the codes of rows in scope, of the nearest cells or of all, the
        effort says so by ``ef`` 0. Knobs without a width and cells ask for all codes, and promise nothing.
        """
        ef = 0 if knobs is None else knobs.ef
        if self.ladder is None:
            return effort_of(HnswKnobs(max(k, ef), k), None, self.scan_seconds(self.n, True))
        patience = (knobs.patience if knobs else 0.0) or self._patience(k, recall)
        if knobs is not None and knobs.cells:
            return self._of_cells(self.ladder, k, knobs.cells, knobs.rescore, patience, share)
        if knobs is not None and not ef:
            scored = max(k, knobs.rescore)
            return effort_of(HnswKnobs(0, scored), None, self._code_scan_seconds(share * self.n, scored))
        scanned = self.rescore(k, _SCAN_EF)
        scan_seconds = self._code_scan_seconds(share * self.n, scanned)
        thin_seconds = self._thin_seconds(share, scan_seconds)
        walk = self._of_walk(self.ladder, k, recall, knobs, patience, share, thin_seconds)
        if knobs is not None:
            return walk
        by_codes = self.ladder.recall_at(k, _SCAN_EF)
        best = effort_of(HnswKnobs(0, scanned), by_codes, scan_seconds)
        # Where no walk reaches what is asked for, nor nearly, rows are not found that codes of all rows have.
        lacking = (walk.expected_recall or 0.0) < recall - _LACKING
        best = walk if walk.seconds <= best.seconds and not lacking else best
        if self.cells is None or self.cells.table is None or share >= 1 or self.deletes:
            return best
        # Codes lose something of what cells bring.
        n_cells = self.cells.cells_for(k, recall + 1 - by_codes, share)
        if n_cells is None:
            return best
        cells = self._of_cells(self.ladder, k, n_cells, 0, patience, share)
        return cells if cells.seconds + thin_seconds < best.seconds else best

    def shared(self, k: int, wanted: int, recall: float, share: float) -> Effort[HnswKnobs] | None:
        """Return the effort for the nearest ``wanted`` where ``k`` are of several graphs together.

        A pool is as much narrower as fewer are wanted of it. None where no walk reaches the recall, or one
        costs more than all codes.
        """
        if self.ladder is None:
            return None
        scan_seconds = self._code_scan_seconds(share * self.n, self.rescore(wanted, _SCAN_EF))
        thin_seconds = self._thin_seconds(share, scan_seconds)
        patience = self._patience(k, recall)
        walk = self._of_walk(self.ladder, k, recall, None, patience, share, thin_seconds, wanted)
        lacking = (walk.expected_recall or 0.0) < recall - _LACKING
        return None if lacking or walk.seconds > scan_seconds else walk

    def all_codes(self, k: int, wanted: int) -> HnswKnobs:
        """Return how the codes of all rows in scope are compared, ``wanted`` at least scored exactly."""
        return HnswKnobs(0, max(wanted, self.rescore(k, _SCAN_EF)))

    def rescore(self, k: int, ef: int) -> int:
        """Return how many of a pool of ``ef`` are scored exactly."""
        return rescore_width(k, ef, self.rescored)

    def _of_walk(
        self,
        ladder: Ladder,
        k: int,
        recall: float,
        knobs: HnswKnobs | None,
        patience: float,
        share: float,
        thin_seconds: float,
        wanted: int = 0,
    ) -> Effort[HnswKnobs]:
        ladder = ladder.raised(self.higher) if self.higher else ladder
        ef, wanted, share = 0 if knobs is None else knobs.ef, wanted or k, max(share, 1e-9)
        # Chance puts the last result at this rank among all rows; for so many results a pool is wide enough.
        measured, ranked = ladder.rung_for(k, recall), ladder.rung_for(k / share, recall)
        width = whole = max(k, ef or min(widest_walk(k), math.ceil(share * ranked)))
        if wanted < k:
            # No narrower than says how hard the query is.
            width = min(whole, max(math.ceil(whole * wanted / k), narrowest(wanted)))
        # Chance brings fewer rows in scope to some queries; few of those should be left with too little.
        spared = width if share >= 1 else wanted + 1 + _SPREAD * math.sqrt(wanted * (1 - share))
        walked = min(math.ceil(max(width, spared) / share), widest_walk(k))
        alone = min(width, walked * share) * k / wanted
        expected = ladder.recall_at(k, alone if ef else alone * measured / whole)
        rescore = self.rescore(wanted, width) if knobs is None or not knobs.rescore else knobs.rescore
        known = costs()
        comparison = known.walked_row + self.code_lines * known.walked_line + walked * known.kept
        walking = known.call + ladder.work_at(walked) * comparison + self.scan_seconds(rescore, False)
        chosen = HnswKnobs(walked, rescore, 0, patience)
        if knobs is None:
            chosen = self.watching(chosen, k, whole, wanted, share)
        return effort_of(chosen, expected, walking + thin_seconds)

    def watching(
        self, knobs: HnswKnobs, k: int, width: int, wanted: int = 0, share: float = 1.0
    ) -> HnswKnobs:
        """Return the knobs of a walk that goes on where it is harder than the queries of the measurement.

        ``width`` is how many rows in scope its pool holds where all ``k`` results are wanted of it, and
        ``share`` how many of all rows those are.
        """
        rank = wanted if 0 < wanted < k else 0
        spreads, ranked, pool = self.spreads, max(k, FEWEST_RANKED) / share, width / share
        spread = 0.0 if spreads is None else spreads.usual_at(ranked, pool)
        if spreads is None or spread <= 1:
            return knobs
        widest = min(widest_walk(k), max(knobs.ef, min(self.n, max(_WIDER * knobs.ef, _WIDE_ENOUGH))))
        wider = pool + _MORE_BEHIND * (pool - ranked), _FAR_WIDER * pool
        goal, far_goal = (max(spread, spreads.usual_at(ranked, other)) for other in wider)
        return replace(
            knobs,
            spread=spread,
            goal=goal,
            least=spreads.least_at(ranked, pool),
            far_goal=far_goal,
            widest=widest,
            rank=rank,
        )

    def _of_cells(
        self, ladder: Ladder, k: int, n_cells: int, rescore: int, patience: float, share: float
    ) -> Effort[HnswKnobs]:
        rescore = rescore or self.rescore(k, _SCAN_EF)
        if self.cells is None:
            knobs = HnswKnobs(0, rescore, n_cells, patience)
            return effort_of(knobs, None, self._code_scan_seconds(share * self.n, rescore))
        n_cells = min(n_cells, self.cells.n_cells)
        known = None if self.cells.table is None else self.cells.table.recall_at(k, n_cells, share)
        expected = None if known is None else max(0.0, known - 1 + ladder.recall_at(k, _SCAN_EF))
        seconds = self.cells.seconds(n_cells, share) + self.scan_seconds(rescore, False)
        return effort_of(HnswKnobs(0, rescore, n_cells, patience), expected, seconds)

    def _patience(self, k: int, recall: float) -> float:
        if self.cells is None or self.cells.table is None:
            return USUAL_PATIENCE
        # Measured on few queries, and filters come in many shapes.
        return self.cells.table.patience_for(k, (1 + recall) / 2)

    def _thin_seconds(self, share: float, scan_seconds: float) -> float:
        """Predict the seconds that a query takes more where the filter is thin, in the mean of all."""
        if self.deletes:
            return 0.0
        compared = scan_seconds
        if self.cells is not None:
            compared = self.cells.seconds(math.ceil(self.cells.n_cells * _THIN_COMPARED), share)
        return _THIN_SHARE * (1 - share) * compared

    def _code_scan_seconds(self, count: float, rescore: int) -> float:
        known = costs()
        scan = count * (known.code_row + self.code_lines * known.code_line)
        return known.call + scan + self.scan_seconds(rescore, False)


def widest_walk(k: int) -> int:
    """Return the width of the widest walk for ``k`` results."""
    return max(_WIDEST, math.ceil(_WIDEST_SHARE * k))


def rescore_width(k: int, ef: int, share: float) -> int:
    """Return how many of a pool of ``ef`` candidates are scored exactly for ``k`` results.

    Codes misplace candidates by a few ranks, and by more where ranks lie closer: far down and in wide pools.
    How much of a wide pool that is depends on the codes, and is measured when the index is built.
    """
    return min(ef, k + k // 8 + 4 + int(ef * share))


def effort_of(
    knobs: HnswKnobs, expected_recall: float | None = None, seconds: float = 0.0
) -> Effort[HnswKnobs]:
    """Return knobs as an effort, with words for them."""
    how = "scan of the codes"
    if knobs.ef:
        how = f"graph walk, ef {knobs.ef}" + (f" for {knobs.rank} results" if knobs.rank else "")
    elif knobs.cells:
        how = f"the {knobs.cells:,} nearest cells"
    return Effort(knobs, expected_recall, seconds, f"{how}, {knobs.rescore} rescored")


def rescored_share(arrays: Arrays) -> float:
    """Return the share of a pool to score exactly, out of the arrays of an index."""
    if "rescored" not in arrays:
        return LEAST_RESCORED
    share = float(check_array("rescored", arrays, np.float32, (1,))[0])
    if not 0 <= share <= 1:
        raise ValueError(f"rescored is {share}; expected a share, 0 to 1")
    return share
