"""The effort table of a graph: which width of the walk brings which recall, as measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays
from ..rows.neighbors import Neighbors

KS = (1, 10, 50, 100)
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280)
WIDEST = 4096
# A width that finds this much is wide enough for any target; wider ones are not measured.
_ENOUGH = 0.998
_ROUNDING = np.float32(4e-6)
_PREFIX = "table."


def rescore_width(k: int, ef: int) -> int:
    """Return how many of a pool of ``ef`` candidates are scored exactly for ``k`` results.

    Codes misplace candidates by a few ranks, and by more where ranks lie closer: far down and in wide pools.
    """
    return min(ef, k + k // 8 + 4 + ef // 16)


@dataclass(frozen=True)
class EffortTable:
    """Measured recall by ``k`` and width.

    Parameters
    ----------
    recall
        ``(len(KS), len(WIDTHS))``: what is safe to promise; rises with the width, 0 if that is below ``k``.
    distances
        ``(len(WIDTHS),)``: how many codes a walk of each width compares, on average.
    """

    recall: NDArray[np.float32]
    distances: NDArray[np.float32]

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> EffortTable | None:
        """Read the table out of an index's arrays, None when they hold none."""
        if _PREFIX + "recall" not in arrays:
            return None
        recall, distances = arrays[_PREFIX + "recall"], arrays[_PREFIX + "distances"]
        if recall.shape != (len(KS), len(WIDTHS)) or distances.shape != (len(WIDTHS),):
            raise ValueError(
                f"effort table is {recall.shape} and {distances.shape}; "
                f"expected {(len(KS), len(WIDTHS))} and {(len(WIDTHS),)}"
            )
        return cls(recall, distances)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as arrays of an index."""
        return {_PREFIX + "recall": self.recall, _PREFIX + "distances": self.distances}

    def as_hard_as_ten(self) -> EffortTable:
        """Return the table with no more promised for the nearest row than for the nearest ten.

        Of a query made from a row, that row is nearly always the nearest, and easy to find.
        """
        recall = self.recall.copy()
        recall[0] = np.minimum(recall[0], recall[1])
        return EffortTable(recall, self.distances)

    def width_for(self, k: int, recall: float) -> int:
        """Return the smallest width that is promised to reach ``recall``, the widest when none is."""
        if k >= KS[-1]:
            return min(WIDEST, math.ceil(self._width(len(KS) - 1, recall) * (k / KS[-1])))
        above = next(i for i, known in enumerate(KS) if known >= k)
        if KS[above] == k:
            return self._width(above, recall)
        low, high = self._width(above - 1, recall), self._width(above, recall)
        share = (k - KS[above - 1]) / (KS[above] - KS[above - 1])
        return max(k, math.ceil(low + (high - low) * share))

    def _width(self, row: int, recall: float) -> int:
        values = self.recall[row]
        reached = np.flatnonzero(values >= recall)
        if not len(reached):
            return WIDTHS[-1]
        place = int(reached[0])
        if place == 0 or WIDTHS[place - 1] < KS[row]:
            return max(WIDTHS[place], KS[row])
        # Recall is concave in the width, so a straight line between two measurements promises too little.
        share = (recall - values[place - 1]) / (values[place] - values[place - 1])
        return math.ceil(WIDTHS[place - 1] + float(share) * (WIDTHS[place] - WIDTHS[place - 1]))

    def recall_at(self, k: int, ef: float) -> float:
        """Return the recall promised for ``k`` at a width, that of the next larger measured ``k``."""
        row = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
        # Beyond the largest measured k a pool must grow with k to find the same share.
        scaled = ef * KS[-1] / k if k > KS[-1] else ef
        return float(np.interp(scaled, WIDTHS, self.recall[row]))

    def distances_at(self, ef: float) -> float:
        """Return how many codes a walk of a width compares."""
        if ef > WIDTHS[-1]:
            return float(self.distances[-1] * ef / WIDTHS[-1])
        return float(np.interp(ef, WIDTHS, self.distances))


def measure(
    search: Callable[[int, int], Neighbors],
    truth: NDArray[np.float32],
    higher_is_nearer: bool,
    margin: float,
    *,
    given: int = 0,
    groups: NDArray[np.bool_] | None = None,
    shortfall: float = 1.0,
) -> EffortTable:
    """Measure a table.

    Parameters
    ----------
    search
        ``search(k, ef)`` over the calibration queries.
    truth
        ``(q, >= 100)`` exact scores of each query's nearest rows, nearest first, padded with the worst score.
    higher_is_nearer
        Which way scores point.
    margin
        Standard errors of the mean recall that are taken off for having seen few queries.
    given
        How many results of each query are no achievement: 1 if the row it was made from is among them.
    groups
        ``(g, q)``: what is promised holds for the mean of each group of queries; None for one group of all.
    shortfall
        How far the worst tenth of the queries may stay behind what is promised for the mean.
    """
    recall = np.zeros((len(KS), len(WIDTHS)), np.float32)
    distances = np.zeros(len(WIDTHS), np.float32)
    n_queries = len(truth)
    members = np.ones((1, n_queries), np.bool_) if groups is None else groups
    for row, k in enumerate(KS):
        available = int(np.isfinite(truth[0]).sum())
        kth = truth[:, min(k, available) - 1, None]
        # Scores given from elsewhere may be rounded in another way.
        slack = _ROUNDING * np.abs(kth)
        best = 0.0
        for place, ef in enumerate(WIDTHS):
            if ef < k:
                continue
            if best < _ENOUGH or not distances[place]:
                found = search(k, ef)
                hits = found.scores >= kth - slack if higher_is_nearer else found.scores <= kth + slack
                most = min(k, available)
                counted = min(given, most - 1)
                each = np.maximum(hits[:, :k].sum(axis=1) - counted, 0) / (most - counted)
                best = max(best, float(each.mean()))
                safe = _promise(each, margin, min(k, available), members, shortfall)
                recall[row, place] = max(safe, recall[row, place - 1] if place else 0.0)
                distances[place] = found.stats.distances / n_queries
            else:
                recall[row, place] = recall[row, place - 1]
    return EffortTable(recall, distances)


def _promise(
    each: NDArray[np.float64], margin: float, k: int, groups: NDArray[np.bool_], shortfall: float
) -> float:
    # One imagined query that misses one of its k keeps the error above zero when all were found.
    n = len(each)
    error = math.sqrt((float(each.var()) + 1 / (k * k * (n + 1))) / n)
    mean = min(float(each[group].mean()) for group in groups)
    tenth = max(1, n // 10)
    worst = float(np.partition(each, tenth - 1)[:tenth].mean())
    return max(0.0, min(mean - margin * error, worst + shortfall))
