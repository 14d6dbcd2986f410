"""Reads points of a snapshot by id, in order, and by number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .bitmaps import rows_of
from .filter import Filter
from .point import Page, Point, PointId
from .snapshot import NO_PLACE, Snapshot, place
from .write_operations import Tenant


def get_points(
    snapshot: Snapshot, ids: Sequence[PointId], owner: Tenant | None, with_vectors: bool
) -> list[Point | None]:
    """Return the point of each id, None in the place of each that is not there."""
    if owner is None:
        return [None] * len(ids)
    places = snapshot.find(ids, owner.number).tolist()
    return [
        None if at == NO_PLACE else _point(snapshot, point_id, at, with_vectors)
        for point_id, at in zip(ids, places, strict=True)
    ]


def count_points(snapshot: Snapshot, expression: Filter | None, owner: Tenant | None) -> int:
    """Return how many points of a tenant satisfy a filter, exactly."""
    scope = None if owner is None else owner.scope
    if expression is None and scope is None:
        return snapshot.n_points
    return sum(len(view.matching(expression, scope)) for view in snapshot.views)


def scroll_points(
    snapshot: Snapshot,
    expression: Filter | None,
    owner: Tenant | None,
    limit: int,
    after: int,
    with_vectors: bool,
) -> Page:
    """Return the ``limit`` points with the lowest sequence numbers above ``after``, in their order."""
    scope = None if owner is None else owner.scope
    sequences: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for number, view in enumerate(snapshot.views):
        rows = rows_of(view.matching(expression, scope))
        sequence = view.sequence()[rows]
        later = sequence > np.uint64(after)
        sequences.append(sequence[later])
        places.append(place(number, rows[later]))
    sequence, chosen = np.concatenate(sequences), np.concatenate(places)
    more = len(sequence) > limit
    if more:
        nearest = np.argpartition(sequence, limit)[:limit]
        sequence, chosen = sequence[nearest], chosen[nearest]
    order = np.argsort(sequence)
    sequence, chosen = sequence[order], chosen[order]
    points = [
        _point(snapshot, point_id, at, with_vectors)
        for point_id, at in zip(snapshot.ids(chosen), chosen.tolist(), strict=True)
    ]
    return Page(points, int(sequence[-1]) if more else None)


def _point(snapshot: Snapshot, point_id: PointId, at: int, with_vectors: bool) -> Point:
    vectors = snapshot.vectors(at) if with_vectors else {}
    return Point(point_id, snapshot.payload(at), vectors)
