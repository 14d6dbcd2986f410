"""Reads points of a snapshot by id, in order, and by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import deadline
from ..filters.expression import Filter
from ..results.point import Page, Point, PointId
from ..segments.bitmaps import rows_of
from ..segments.sizes import Admit, stored_sizes
from ..segments.snapshot import NO_PLACE, Snapshot, place
from ..segments.view import SegmentView
from ..tenants.tenant import Tenant

_POINTS_BETWEEN_CHECKS = 1024


def get_points(
    snapshot: Snapshot,
    ids: Sequence[PointId],
    owner: Tenant | None,
    with_vectors: bool,
    admit: Admit | None = None,
) -> list[Point | None]:
    """Return the point of each id, None in the place of each that is not there."""
    if owner is None:
        return [None] * len(ids)
    found = snapshot.find(ids, owner.number)
    if admit is not None:
        admit(int(stored_sizes(snapshot, found, vectors=with_vectors).sum()))
    places = found.tolist()
    return [
        None if at == NO_PLACE else _point(snapshot, number, point_id, at, with_vectors)
        for number, (point_id, at) in enumerate(zip(ids, places, strict=True))
    ]


def count_points(snapshot: Snapshot, expression: Filter | None, owner: Tenant | None) -> int:
    """Return how many points of a tenant satisfy a filter, exactly."""
    scope = None if owner is None else owner.scope
    if expression is None and scope is None:
        return snapshot.n_points
    return sum(len(view.matching(expression, scope)) for view in _in_time(snapshot.views))


def scroll_points(
    snapshot: Snapshot,
    expression: Filter | None,
    owner: Tenant | None,
    limit: int,
    after: int,
    with_vectors: bool,
    most_bytes: int | None = None,
    admit: Admit | None = None,
) -> Page:
    """Return the ``limit`` points with the lowest sequence numbers above ``after``, in their order.

    With ``most_bytes`` the page ends before they take more, but has one point at least; ``admit`` is told
    what they take.
    """
    scope = None if owner is None else owner.scope
    sequences: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for number, view in enumerate(_in_time(snapshot.views)):
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
    if most_bytes is not None and len(chosen):
        ends = np.cumsum(stored_sizes(snapshot, chosen, vectors=with_vectors))
        fitting = max(1, int(np.searchsorted(ends, most_bytes, side="right")))
        more = more or fitting < len(chosen)
        sequence, chosen = sequence[:fitting], chosen[:fitting]
        if admit is not None:
            admit(int(ends[fitting - 1]))
    found = zip(snapshot.ids(chosen), chosen.tolist(), strict=True)
    points = [
        _point(snapshot, number, point_id, at, with_vectors) for number, (point_id, at) in enumerate(found)
    ]
    return Page(points, int(sequence[-1]) if more else None)


def _point(snapshot: Snapshot, number: int, point_id: PointId, at: int, with_vectors: bool) -> Point:
    """Read one point, the ``number``-th of a call; every so many the deadline is looked at."""
    if not number % _POINTS_BETWEEN_CHECKS:
        deadline.check()
    vectors = snapshot.vectors(at) if with_vectors else {}
    return Point(point_id, snapshot.payload(at), vectors)


def _in_time(views: Sequence[SegmentView]) -> Iterator[SegmentView]:
    """Yield views for as long as the deadline allows."""
    for view in views:
        deadline.check()
        yield view
