"""How many of the nearest each of several segments is asked for at first, and which hold more than that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from ....indexes.rows.metric import Metric
from ....indexes.rows.neighbors import NO_ROW, Neighbors

# Standard deviations of the number of results in a segment, of rows that came in any order.
_SPREAD = 2.0
FEWEST = 10
"""As many are looked for at least: of fewer it is not to be seen which segments hold more than others."""


@lru_cache(1024)
def first_wanted(counts: tuple[int, ...], k: int) -> tuple[int, ...]:
    """Return how many of the ``k`` nearest each segment holds at most, usually; so many rows does it have.

    Where ``k`` is less than `FEWEST` that is meant.
    """
    total, k = sum(counts), max(k, FEWEST)
    shares = [count / total for count in counts]
    most = [math.ceil(k * share + _SPREAD * math.sqrt(k * share * (1 - share))) for share in shares]
    return tuple(min(k, one) for one in most)


def holding_more(
    found: Sequence[Neighbors], shared: Sequence[bool], k: int, metric: Metric
) -> list[tuple[int, NDArray[np.int64]]]:
    """Return the segments that may hold more of the ``k`` nearest than they were asked for.

    Parameters
    ----------
    found
        What was found in each segment, as many as were wanted of it.
    shared
        Whether a segment was asked for its share only.
    k
        How many are wanted of all together.
    metric
        What scores they have.

    Returns
    -------
    list of (int, (a,) int64)
        The place of each of those segments, ascending, and the queries that are to be asked again:
        the last that was found for them is among the nearest of all.
    """
    if not any(shared):
        return []
    scores = np.concatenate([neighbors.scores for neighbors in found], axis=1)
    ends = list(accumulate([neighbors.scores.shape[1] for neighbors in found], initial=-1))[1:]
    # Nearer is less.
    distances = -scores if metric.higher_is_nearer else scores
    rank = min(max(k, FEWEST), distances.shape[1]) - 1
    nearest = distances.copy()
    nearest.partition(rank, axis=1)
    farthest = nearest[:, rank, None]
    lasts = distances[:, ends]
    # Padding is infinitely far: such a segment has no more.
    more = (lasts <= farthest) & (lasts < np.inf) & np.array(shared)
    if not more.any():
        return []
    return [(place, np.flatnonzero(more[:, place])) for place in np.flatnonzero(more.any(axis=0)).tolist()]


def with_more(
    first: Neighbors, queries: NDArray[np.int64], more: Neighbors, k: int, metric: Metric
) -> Neighbors:
    """Return what was found first, with the ``k`` nearest of those ``queries`` that were asked again."""
    n, width = first.rows.shape
    found = Neighbors.empty(n, max(k, width), metric)
    found.rows[:, :width], found.scores[:, :width] = first.rows, first.scores
    found.rows[queries], found.scores[queries] = NO_ROW, metric.worst
    found.rows[queries, : more.rows.shape[1]] = more.rows
    found.scores[queries, : more.rows.shape[1]] = more.scores
    found.stats = first.stats + more.stats
    return found
