"""What a search over one segment returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from .metric import Metric

NO_ROW = 0xFFFFFFFF


class SearchStats(Struct):
    """Work done, totalled over the queries of a batch."""

    hops: int = 0
    distances: int = 0
    rescored: int = 0
    fallbacks: int = 0
    read_bytes: int = 0
    late_bytes: int = 0

    def __add__(self, other: SearchStats) -> SearchStats:
        return SearchStats(
            self.hops + other.hops,
            self.distances + other.distances,
            self.rescored + other.rescored,
            self.fallbacks + other.fallbacks,
            self.read_bytes + other.read_bytes,
            self.late_bytes + other.late_bytes,
        )


class Neighbors(Struct, eq=False):
    """The nearest rows of each query, nearest first, ties by row. Nobody changes it once it is returned.

    Missing results are padded with row ``2**32 - 1`` and the metric's worst score.
    """

    rows: NDArray[np.uint32]
    scores: NDArray[np.float32]
    stats: SearchStats = field(default_factory=SearchStats)

    @classmethod
    def empty(cls, n_queries: int, k: int, metric: Metric) -> Neighbors:
        """Return padding only."""
        rows = np.full((n_queries, k), NO_ROW, np.uint32)
        return cls(rows, np.full((n_queries, k), metric.worst, np.float32))

    def renumbered(self, numbers: NDArray[np.uint32]) -> Neighbors:
        """Return the same with row ``numbers[i]`` in the place of row i; the numbers ascend."""
        rows = np.full_like(self.rows, NO_ROW)
        found = self.rows != NO_ROW
        rows[found] = numbers[self.rows[found]]
        return Neighbors(rows, self.scores, self.stats)

    def nearest(self, other: Neighbors, k: int, metric: Metric) -> Neighbors:
        """Return the ``k`` nearest of these and of ``other``, which found other rows for the same queries."""
        rows = np.concatenate([self.rows, other.rows], axis=1)
        scores = np.concatenate([self.scores, other.scores], axis=1)
        # Padding has the highest number and the worst score, so it stays behind.
        order = np.lexsort((rows, -scores if metric.higher_is_nearer else scores), axis=1)[:, :k]
        rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
        return Neighbors(rows, scores, self.stats + other.stats)

    def padded(self, k: int, metric: Metric) -> Neighbors:
        """Return the same with ``k`` places a query, padding behind those there are."""
        wanted = self.rows.shape[1]
        if wanted == k:
            return self
        wide = Neighbors.empty(len(self.rows), k, metric)
        wide.rows[:, :wanted], wide.scores[:, :wanted] = self.rows, self.scores
        return Neighbors(wide.rows, wide.scores, self.stats)

    @classmethod
    def concat(cls, parts: Sequence[Neighbors]) -> Neighbors:
        """Join the results of parts of a batch."""
        rows = np.concatenate([part.rows for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        return cls(rows, scores, sum((part.stats for part in parts), SearchStats()))
