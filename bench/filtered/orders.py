"""Orders of the rows, of which the first so many pass a filter that suits a group of queries more or less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...indexes.clustering.centroids import Centroids
from ...indexes.clustering.kmeans import kmeans
from .groups import QueryGroups, nearness

CORRELATIONS = (-1.0, -0.5, 0.0, 0.5, 1.0)
SELECTIVITIES = (0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 0.5, 0.9, 1.0)
_SEED = 37
_CLUSTERS, _ROWS_OF_CLUSTER, _SAMPLE = 256, 50, 50_000


@dataclass(frozen=True, eq=False)
class RowOrder:
    """Rows as a filter takes them in, the less selective it is the more of them.

    Attributes
    ----------
    number : int
        Of the orders of a matrix.
    correlation : float
        Between passing and being near: 0 for none. Near the queries (1 + c) / (1 - c) times as many rows pass
        as elsewhere, as long as the filter is selective; at 1 just the nearest rows, at -1 those clusters
        that are farthest away.
    group : int or None
        Of the queries that the rows are near to; None for any.
    rows : ndarray
        int64, all row numbers.
    """

    number: int
    correlation: float
    group: int | None
    rows: NDArray[np.int64]

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """The place of each row."""
        ranks = np.empty_like(self.rows)
        ranks[self.rows] = np.arange(len(self.rows))
        return ranks

    def passing(self, count: int) -> NDArray[np.int64]:
        """Return the numbers of the first so many rows, ascending."""
        return np.sort(self.rows[:count])


def row_orders(groups: QueryGroups, correlations: Sequence[float]) -> list[RowOrder]:
    """Return an order for each correlation and group, and one alone for correlation 0."""
    orders: list[RowOrder] = []
    n = groups.data.rows
    far = _Clusters(groups) if -1.0 in correlations else None
    if 0.0 in correlations:
        orders.append(RowOrder(0, 0.0, None, np.random.default_rng(_SEED).permutation(n)))
    for number, group in enumerate(groups.slices()):
        nearest_first = np.argsort(-groups.nearness(group), kind="stable")
        for correlation in correlations:
            if correlation == 0.0:
                continue
            rng = np.random.default_rng([_SEED, number, round(1000 * (1 + correlation))])
            if correlation == 1.0:
                rows = nearest_first
            elif far is not None and correlation == -1.0:
                rows = far.farthest_first(group, rng)
            else:
                rows = nearest_first[_tilted(n, tilt(correlation), rng)]
            orders.append(RowOrder(len(orders), correlation, number, rows.astype(np.int64)))
    return orders


def tilt(correlation: float) -> float:
    """Return b, such that of rows drawn with weights exp(-b u), u from 0 to 1 by rank, those at u = 0 are
    (1 + c) / (1 - c) times as many as on average.
    """
    wanted = (1 + correlation) / (1 - correlation)
    low, high = -700.0, 700.0
    for _ in range(100):
        middle = (low + high) / 2
        density = 1.0 if middle == 0 else middle / -math.expm1(-middle)
        low, high = (middle, high) if density < wanted else (low, middle)
    return (low + high) / 2


def _tilted(n: int, weight: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return all ranks in the order in which they are drawn by their weights (Efraimidis and Spirakis)."""
    keys = np.log(rng.exponential(size=n)) + weight * np.arange(n) / n
    return np.argsort(keys, kind="stable")


class _Clusters:
    """All rows by their nearest centroids."""

    def __init__(self, groups: QueryGroups) -> None:
        self._groups = groups
        vectors = groups.data.peer_vectors
        count = max(1, min(_CLUSTERS, len(vectors) // _ROWS_OF_CLUSTER))
        drawn = np.random.default_rng(_SEED).permutation(len(vectors))[:_SAMPLE]
        self._centroids = kmeans(vectors[np.sort(drawn)], count, _SEED, threads=0)
        self._of_row, _ = Centroids(self._centroids).nearest(vectors, threads=0)

    def farthest_first(self, group: slice, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the rows of one cluster after those of another, in any order within."""
        data = self._groups.data
        near = nearness(data.peer_queries[group], self._centroids, data.metric).max(axis=0)
        place = np.empty(len(near), np.int64)
        place[np.argsort(near, kind="stable")] = np.arange(len(near))
        return np.lexsort((rng.random(data.rows), place[self._of_row]))
