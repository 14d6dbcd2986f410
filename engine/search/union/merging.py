"""Merges what was found in several segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....indexes.rows.metric import Metric
from ....indexes.rows.neighbors import NO_ROW, Neighbors
from ...segments.snapshot import NO_PLACE, place


def merged(
    found: Sequence[tuple[int, Neighbors]], n_queries: int, k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return places and scores, both ``(n_queries, k)``, of the nearest of views, given by their numbers.

    Ties are in the order of ``found``, then of rows. Padding, at the end, is -1 and the worst score.
    """
    if not found:
        return np.full((n_queries, k), NO_PLACE, np.int64), np.full((n_queries, k), metric.worst, np.float32)
    if len(found) == 1:
        ((number, neighbors),) = found
        return _places(number, neighbors.rows), neighbors.scores
    all_places = np.concatenate([_places(number, neighbors.rows) for number, neighbors in found], axis=1)
    scores = np.concatenate([neighbors.scores for _, neighbors in found], axis=1)
    # A stable sort leaves ties in the order of segments and rows.
    nearest = (-scores if metric.higher_is_nearer else scores).argsort(axis=1, kind="stable")[:, :k]
    if n_queries > 1:
        nearest = nearest + np.arange(0, scores.size, scores.shape[1])[:, None]
    # As np.take_along_axis does, at a tenth of its cost for one query.
    return all_places.take(nearest), scores.take(nearest)


def _places(number: int, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
    places = place(number, rows)
    # Padding stands at the end of a query's rows, so the last column shows whether there is any.
    if rows.item(-1) == NO_ROW or (len(rows) > 1 and (rows[:, -1] == NO_ROW).any()):
        places[rows == NO_ROW] = NO_PLACE
    return places
