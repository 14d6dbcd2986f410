"""Finds points of a snapshot by id and in order, reads them, and counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .. import deadline
from ..filters.conditions.scanned import scanned_in
from ..filters.expression import Filter
from ..input.order import Position
from ..results.carried import Carried, fields_of, picked
from ..results.point import Point, PointId
from ..segments.bitmaps import rows_of
from ..segments.snapshot import NO_PLACE, Snapshot, place
from ..segments.view import SegmentView
from ..tenants.tenant import Tenant

_POINTS_BETWEEN_CHECKS = 1024


@dataclass(frozen=True, slots=True)
class PagePlaces:
    """Where the points of one page of a scroll are.

    Attributes
    ----------
    places : (n,) int64
    sequence : (n,) uint64
        The sequence number of each, ascending.
    more : bool
        Whether other pages follow.
    values : (n,) int64, float64 or object, optional
        Of a page in the order of a field, the number that each is placed by.
    has : (n,) bool, optional
        Which of them have a value.
    times : (n,) bool, optional
        Which of these are times.
    """

    places: NDArray[np.int64]
    sequence: NDArray[np.uint64]
    more: bool
    values: NDArray[Any] | None = None
    has: NDArray[np.bool_] | None = None
    times: NDArray[np.bool_] | None = None

    @property
    def next(self) -> Position | None:
        """Where the next page starts, None when this is the last."""
        if not self.more:
            return None
        sequence = int(self.sequence[-1])
        if self.values is None or self.has is None or not self.has[-1]:
            return Position(sequence)
        (value,) = self.values[-1:].tolist()
        return Position(sequence, value, self.times is not None and bool(self.times[-1]))

    def first(self, n: int) -> PagePlaces:
        """Return the page that ends after ``n`` of these points, at least one."""
        more = self.more or n < len(self.places)
        values, has, times = (None if one is None else one[:n] for one in (self.values, self.has, self.times))
        return PagePlaces(self.places[:n], self.sequence[:n], more, values, has, times)


def find_points(snapshot: Snapshot, ids: Sequence[PointId], owner: Tenant | None) -> NDArray[np.int64]:
    """Return the place of each id, -1 where there is no such point of the tenant."""
    if owner is None:
        return np.full(len(ids), NO_PLACE, np.int64)
    return snapshot.find(ids, owner.number)


def find_page(
    snapshot: Snapshot, expression: Filter | None, owner: Tenant | None, limit: int, after: int
) -> PagePlaces:
    """Return the ``limit`` points with the lowest sequence numbers above ``after``, in their order."""
    scope = None if owner is None else owner.scope
    sequences: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for number, view in enumerate(in_time(snapshot.views)):
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
    return PagePlaces(chosen[order], sequence[order], more)


def find_sample(
    snapshot: Snapshot, expression: Filter | None, owner: Tenant | None, n: int, seed: int | None
) -> NDArray[np.int64]:
    """Return the places of ``n`` points, or of all if there are fewer, drawn with equal chances."""
    scope = None if owner is None else owner.scope
    places = [
        place(number, rows_of(view.matching(expression, scope)))
        for number, view in enumerate(in_time(snapshot.views))
    ]
    every = np.concatenate([np.empty(0, np.int64), *places])
    drawn: NDArray[np.int64] = np.random.default_rng(seed).choice(every, min(n, len(every)), replace=False)
    return drawn


def read_points(
    snapshot: Snapshot, ids: Iterable[PointId], places: NDArray[np.int64], carried: Carried
) -> list[Point | None]:
    """Return the point at each place, None where there is none; every so many the deadline is looked at."""
    points: list[Point | None] = []
    fields = fields_of(carried.vectors)
    if carried.vectors:
        # Tokens are asked for once, not for each point.
        snapshot = snapshot.remembering(places[places != NO_PLACE], fields)
    for number, (point_id, at) in enumerate(zip(ids, places.tolist(), strict=True)):
        if not number % _POINTS_BETWEEN_CHECKS:
            deadline.check()
        if at == NO_PLACE:
            points.append(None)
        else:
            vectors = snapshot.vectors(at, fields) if carried.vectors else {}
            payload = picked(snapshot.payload(at), carried.payload) if carried.payload else {}
            points.append(Point(point_id, payload, vectors))
    return points


def count_points(snapshot: Snapshot, expression: Filter | None, owner: Tenant | None) -> int:
    """Return how many points of a tenant satisfy a filter, exactly."""
    scope = None if owner is None else owner.scope
    if expression is None and scope is None:
        return snapshot.n_points
    return sum(len(view.matching(expression, scope)) for view in in_time(snapshot.views))


def count_seen(snapshot: Snapshot, tenants: Sequence[int]) -> tuple[int, int]:
    """Return how many points tenants see together, each once, and how many of the tenants see any."""
    seen = [snapshot.seen_by(tenant).views for tenant in tenants]
    points, seeing = 0, set[int]()
    for number, view in enumerate(in_time(snapshot.views)):
        rows = BitMap()
        for tenant, views in zip(tenants, seen, strict=True):
            own = views[number].seen(tenant) - view.dead
            if own:
                seeing.add(tenant)
                rows |= own
        points += len(rows)
    return points, len(seeing)


def read_ahead(snapshot: Snapshot, expression: Filter | None, owner: Tenant) -> None:
    """Read the payloads that a filter needs for fields without an index, so that columns of them are kept."""
    if expression is not None and next(scanned_in(expression), None) is not None:
        count_points(snapshot, expression, owner)


def in_time(views: Sequence[SegmentView]) -> Iterator[SegmentView]:
    """Yield views for as long as the deadline allows."""
    for view in views:
        deadline.check()
        yield view
