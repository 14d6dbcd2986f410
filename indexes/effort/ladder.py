"""The ladder of efforts of an index: which rung brings which recall at which work, as measured.

A rung is a value of the knob that decides how hard an index tries: the width of a graph walk, the number of
lists probed. Between two rungs the knob is interpolated.
"""

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
ENOUGH = 0.998
"""A rung that finds this much is high enough for any target; higher ones are not measured."""
MARGIN = 2.0
"""Standard errors that indexes of dense vectors take off a measured recall."""
_ROUNDING = np.float32(4e-6)
"""Share of a score by which another that is rounded in another way may differ."""
_PREFIX = "table."
FIRST = "first."
"""What the names of a ladder begin with that is of scores by the first tokens of rows."""


@dataclass(frozen=True)
class Ladder:
    """Measured recall by ``k`` and rung.

    Parameters
    ----------
    rungs
        Values of the knob, ascending.
    recall
        ``(len(KS), len(rungs))``: what is safe to promise; rises with the rung, 0 where that is below ``k``.
    work
        ``(len(rungs),)``: how many distances a query of each rung evaluates, on average.
    pool
        Whether a rung is the width of a pool, which holds the results and so is never narrower than ``k``.
    """

    rungs: tuple[int, ...]
    recall: NDArray[np.float32]
    work: NDArray[np.float32]
    pool: bool = True

    @classmethod
    def from_arrays(
        cls, rungs: tuple[int, ...], arrays: Arrays, pool: bool = True, prefix: str = ""
    ) -> Ladder | None:
        """Read what was measured at ``rungs`` out of an index's arrays, None when they hold nothing.

        ``prefix`` is what the names of the ladder begin with where an index has several.
        """
        prefix += _PREFIX
        if prefix + "recall" not in arrays:
            return None
        recall, work = arrays[prefix + "recall"], arrays[prefix + "distances"]
        if recall.shape != (len(KS), len(rungs)) or work.shape != (len(rungs),):
            raise ValueError(
                f"the ladder of efforts is {recall.shape} and {work.shape}; "
                f"expected {(len(KS), len(rungs))} and {(len(rungs),)}"
            )
        return cls(rungs, recall, work, pool)

    def to_arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Return it as arrays of an index."""
        prefix += _PREFIX
        return {prefix + "recall": self.recall, prefix + "distances": self.work}

    def as_hard_as_ten(self) -> Ladder:
        """Return the ladder with no more promised for the nearest row than for the nearest ten.

        Of a query made from a row, that row is nearly always the nearest, and easy to find.
        """
        recall = self.recall.copy()
        recall[0] = np.minimum(recall[0], recall[1])
        return Ladder(self.rungs, recall, self.work, self.pool)

    def at_worst(self, other: Ladder) -> Ladder:
        """Return what both ladders of the same rungs promise, at the work of the dearer."""
        recall, work = np.minimum(self.recall, other.recall), np.maximum(self.work, other.work)
        return Ladder(self.rungs, recall, work, self.pool)

    def raised(self, rungs: int) -> Ladder:
        """Return the ladder on which each rung brings what the one so many below it was measured to bring.

        The lowest bring nothing that is known; their work stays what it is.
        """
        return Ladder(self.rungs, behind(self.recall, rungs), self.work, self.pool)

    def rung_for(self, k: float, recall: float) -> int:
        """Return the lowest knob that is promised to reach ``recall``, the highest rung when none is.

        ``k`` need not be whole: at such a rank the last result may be in the mean.
        """
        found = math.ceil(self._knobs(k, np.array([recall], np.float32)).item())
        return max(math.ceil(k), found) if self.pool else found

    def width_for(self, k: int, recall: float, share: float, more: int) -> int:
        """Return the pool that reaches ``recall`` where a ``share`` of the rows is in scope.

        Rows in scope may all be far from the query, where more of them are about as far as each other: under
        a filter the pool is twice as wide as measured, and wider by ``more`` at least.
        """
        width = max(k, self.rung_for(k, recall))
        return width + max(width, more) if share < 1 else width

    def recall_at(self, k: int, knob: float) -> float:
        """Return the recall promised for ``k``: the highest that :meth:`rung_for` takes this knob for."""
        row = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
        if KS[row] <= k:
            # Beyond the largest measured k a pool must grow with k to find the same share.
            scaled = knob * KS[row] / k if self.pool else knob
            return float(np.interp(scaled, self.rungs, self.recall[row]))
        known = self.recall[row - 1 : row + 1]
        levels = np.unique(known[known <= known[:, -1].min()])
        # Where several rungs bring the same, more than that begins at the last of them.
        levels = np.unique([levels, np.nextafter(levels, np.float32(2))])[:-1]
        return float(np.interp(knob, self._knobs(k, levels), levels, left=0.0))

    def _knobs(self, k: float, recall: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the lowest knob for each recall, between those of the measured ``k`` on either side."""
        above = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
        high = self._measured_knobs(above, recall)
        if KS[above] <= k:
            return high * (k / KS[above] if self.pool else 1)
        low = self._measured_knobs(above - 1, recall)
        return low + (high - low) * (k - KS[above - 1]) / (KS[above] - KS[above - 1])

    def _measured_knobs(self, row: int, recall: NDArray[np.float32]) -> NDArray[np.float64]:
        values, rungs, least = self.recall[row], np.array(self.rungs, np.float64), KS[row] if self.pool else 0
        places = np.searchsorted(values, recall)
        place = np.minimum(places, len(rungs) - 1)
        before = np.maximum(place - 1, 0)
        # Recall is concave in the knob, so a straight line between two measurements promises too little.
        share = (recall - values[before]) / np.maximum(values[place] - values[before], np.float32(1e-9))
        found = rungs[before] + np.minimum(share, 1) * (rungs[place] - rungs[before])
        first = (places == 0) | (rungs[before] < least)
        return np.where(
            places == len(rungs), rungs[-1], np.where(first, np.maximum(rungs[place], least), found)
        )

    def work_at(self, knob: float) -> float:
        """Return how many distances a query evaluates."""
        if knob > self.rungs[-1]:
            return float(self.work[-1] * knob / self.rungs[-1])
        return float(np.interp(knob, self.rungs, self.work))


def reaching(scores: NDArray[np.float32], kth: Any, higher_is_nearer: bool) -> NDArray[np.bool_]:
    """Return which scores are as near as the exact one of the last row that is looked for."""
    # Scores given from elsewhere may be rounded in another way.
    slack = _ROUNDING * np.abs(kth)
    hits: NDArray[np.bool_] = scores >= kth - slack if higher_is_nearer else scores <= kth + slack
    return hits


def behind(recall: NDArray[np.float32], rungs: int) -> NDArray[np.float32]:
    """Return what rungs bring, ``(..., rungs)``, moved so many rungs up; nothing is known of the lowest."""
    n, moved = recall.shape[-1], np.zeros_like(recall)
    kept = max(0, n - rungs)
    moved[..., n - kept :] = recall[..., :kept]
    return moved


def measure(
    rungs: tuple[int, ...],
    search: Callable[[int, int], Neighbors],
    truth: NDArray[np.float32],
    higher_is_nearer: bool,
    margin: float,
    *,
    given: int = 0,
    alike: int = 1,
    groups: NDArray[np.bool_] | None = None,
    shortfall: float = 1.0,
    pool: bool = True,
) -> Ladder:
    """Measure a ladder.

    Parameters
    ----------
    rungs
        Values of the knob, ascending.
    search
        ``search(k, rung)`` over the calibration queries.
    truth
        ``(q, >= 100)`` exact scores of each query's nearest rows, nearest first, padded with the worst score.
    higher_is_nearer
        Which way scores point.
    margin
        Standard errors of the mean recall that are taken off for having seen few queries.
    given
        How many results of each query are no achievement: 1 if the row it was made from is among them.
    alike
        How many results are one answer: copies of a row. What is looked for is as many times more, up to all
        that ``truth`` has.
    groups
        ``(g, q)``: what is promised holds for the mean of each group of queries; None for one group of all.
    shortfall
        How far the worst tenth of a group may stay behind what is promised for its mean.
    pool
        Whether a rung is the width of a pool.
    """
    recall = np.zeros((len(KS), len(rungs)), np.float32)
    work = np.zeros(len(rungs), np.float32)
    n_queries = len(truth)
    members = np.ones((1, n_queries), np.bool_) if groups is None else groups
    available = int(np.isfinite(truth[0]).sum())
    for row, k in enumerate(KS):
        wanted = k if alike == 1 else min(k * alike, truth.shape[1])
        most = min(wanted, available)
        kth = truth[:, most - 1, None]
        best, counted = 0.0, min(given * alike, most - 1)
        for place, rung in enumerate(rungs):
            if pool and rung < wanted:
                continue
            if best < ENOUGH or not work[place]:
                found = search(wanted, rung)
                hits = reaching(found.scores, kth, higher_is_nearer)
                each = np.maximum(hits[:, :wanted].sum(axis=1) - counted, 0) / (most - counted)
                best = max(best, float(each.mean()))
                safe = promise(each, margin, most, members, shortfall)
                recall[row, place] = max(safe, recall[row, place - 1] if place else 0.0)
                work[place] = found.stats.distances / n_queries
            else:
                recall[row, place] = recall[row, place - 1]
    return Ladder(rungs, recall, work, pool)


def promise(
    each: NDArray[np.float64], margin: float, k: int, groups: NDArray[np.bool_], shortfall: float
) -> float:
    """Return the recall that is safe to promise after a measurement.

    Parameters
    ----------
    each
        Recall of each query, ``(q,)``.
    margin
        Standard errors of the mean that are taken off.
    k
        How many results were looked for.
    groups
        ``(g, q)``: what is promised is safe in each of these groups of queries, none of which is empty.
    shortfall
        How far the worst tenth of a group may stay behind what is promised.
    """
    error, safe = standard_error(each, k), 1.0
    for group in groups:
        found = np.sort(each[group])
        worst = float(found[: max(1, len(found) // 10)].mean())
        safe = min(safe, float(found.mean()) - margin * error, worst + shortfall)
    return max(0.0, safe)


def standard_error(each: NDArray[np.float64], k: int) -> float:
    """Return the standard error of the mean of the recall of each query, ``(q,)``, for ``k`` results.

    One imagined query that misses one of its k keeps it above zero when all were found.
    """
    return math.sqrt((float(each.var()) + 1 / (k * k * (len(each) + 1))) / len(each))
