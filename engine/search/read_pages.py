"""Pages of points in the order of a payload field without an index, whose values are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ..filters.conditions.columns import FieldColumn
from ..filters.evaluation.scanning import ScanWork
from ..filters.expression import Filter
from ..input.order import Order, Position
from ..segments.bitmaps import rows_of
from ..segments.snapshot import Snapshot, place
from ..segments.view import SegmentView
from ..tenants.tenant import Tenant
from .point_reads import PagePlaces, in_time

_NUMBER: Final = 0
_TIME: Final = 1
_NONE: Final = 2
# No float is between this and the whole number after it.
_BEYOND = 2.0**64


@dataclass(frozen=True, slots=True)
class _Keys:
    """What places values in an order: arrays of one length, of which the first that differ decide.

    Whole numbers are compared with others exactly: each is the float nearest to it, and what it is more.
    """

    sort: NDArray[np.int8]
    near: NDArray[np.float64]
    rest: NDArray[np.int64]

    @classmethod
    def of(cls, sort: int, values: NDArray[Any], falling: bool) -> _Keys:
        """Return the keys of values of one sort; without one they are all the same."""
        near = values.astype(np.float64)
        rest = np.zeros(len(values), np.int64)
        if values.dtype != np.float64:
            whole = np.where(np.abs(near) >= _BEYOND, 0.0, np.abs(near)).astype(np.uint64)
            whole = np.where(near < 0, ~whole + np.uint64(1), whole)
            rest = (values.astype(np.uint64) - whole).view(np.int64)
        if falling:
            near, rest = -near, -rest
        stands = sort if sort == _NONE or not falling else _TIME - sort
        return cls(np.full(len(values), stands, np.int8), near, rest)

    @classmethod
    def joined(cls, parts: list[_Keys]) -> _Keys:
        return cls(
            np.concatenate([np.empty(0, np.int8), *(part.sort for part in parts)]),
            np.concatenate([np.empty(0, np.float64), *(part.near for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.rest for part in parts)]),
        )

    def take(self, chosen: NDArray[Any]) -> _Keys:
        return _Keys(self.sort[chosen], self.near[chosen], self.rest[chosen])

    def sorting(self, then: NDArray[Any]) -> NDArray[np.int64]:
        """Return what sorts them, where they are equal by ``then``."""
        return np.lexsort((then, self.rest, self.near, self.sort))

    def later(self, sequence: NDArray[np.uint64], end: _Keys, after: int) -> NDArray[np.bool_]:
        """Return which stand behind the one key of ``end`` and a sequence number."""
        found: NDArray[np.bool_] = sequence > np.uint64(after)
        for mine, other in ((self.rest, end.rest), (self.near, end.near), (self.sort, end.sort)):
            found = (mine > other[0]) | ((mine == other[0]) & found)
        return found


def find_page_read(
    snapshot: Snapshot,
    expression: Filter | None,
    owner: Tenant | None,
    limit: int,
    after: Position | None,
    order: Order,
) -> PagePlaces:
    """Return the first ``limit`` points after a position, by value and then by sequence number.

    Values are numbers, and texts that are times, which are more than any number. Of a point with several the
    first in the order counts; those without one come last.
    """
    scope = None if owner is None else owner.scope
    parts: list[_Keys] = []
    sequences, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for number, view in enumerate(in_time(snapshot.views)):
        matching = view.matching(expression, scope)
        rows = rows_of(matching)
        parts.append(_first_values(view, order, matching))
        sequences.append(view.sequence()[rows])
        places.append(place(number, rows))
    keys, sequence, at = _Keys.joined(parts), np.concatenate(sequences), np.concatenate(places)
    chosen = np.arange(len(sequence))
    if after is not None:
        chosen = np.flatnonzero(keys.later(sequence, _key_of(after, order), after.sequence))
    more = len(chosen) > limit
    if more:
        chosen = _nearest(keys, chosen, limit)
    chosen = chosen[keys.take(chosen).sorting(sequence[chosen])][:limit]
    return _page(keys.take(chosen), sequence[chosen], at[chosen], more, order)


def _first_values(view: SegmentView, order: Order, matching: BitMap) -> _Keys:
    """Return the key of each matching row: of its value that comes first in the order."""
    parts: list[_Keys] = []
    rows_of_parts = [np.empty(0, np.int64)]
    for column, chosen, rows in view.values_read(order.field, matching, ScanWork()):
        for keys, positions in _values(column, order.falling):
            if chosen is not None:
                wanted = chosen[positions]
                keys, positions = keys.take(wanted), positions[wanted]
            parts.append(keys)
            rows_of_parts.append(rows[positions])
    rows = rows_of(matching)
    found, at = _Keys.joined(parts), np.searchsorted(rows, np.concatenate(rows_of_parts))
    if np.bincount(at).max(initial=0) > 1:
        # Of several values for a row the last one stays.
        sorting = found.sorting(at)[::-1]
        found, at = found.take(sorting), at[sorting]
    first = _Keys.of(_NONE, np.zeros(len(rows)), order.falling)
    first.sort[at], first.near[at], first.rest[at] = found.sort, found.near, found.rest
    return first


def _values(column: FieldColumn, falling: bool) -> list[tuple[_Keys, NDArray[np.uint16]]]:
    found = [(_Keys.of(_NUMBER, values, falling), rows) for values, rows in column.numbers]
    if column.texts:
        times, is_time = column.times
        codes = column.codes
        told = is_time[codes]
        found.append((_Keys.of(_TIME, times[codes[told]], falling), column.text_rows[told]))
    return found


def _key_of(after: Position, order: Order) -> _Keys:
    if after.value is None:
        return _Keys.of(_NONE, np.zeros(1), order.falling)
    dtype: Any = np.float64
    if not isinstance(after.value, float):
        dtype = np.int64 if after.value < 2**63 else np.uint64
    return _Keys.of(_TIME if after.is_time else _NUMBER, np.array([after.value], dtype), order.falling)


def _nearest(keys: _Keys, chosen: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return those of more than ``limit`` that may be among the first, by sort and nearest float alone."""
    kept: list[NDArray[np.int64]] = []
    for sort in (0, 1, 2):
        some = chosen[keys.sort[chosen] == sort]
        if len(some) > limit:
            near = keys.near[some]
            some = some[near <= np.partition(near, limit)[limit]]
        kept.append(some)
        limit -= len(some)
        if limit <= 0:
            break
    return np.concatenate(kept)


def _page(
    keys: _Keys, sequence: NDArray[np.uint64], places: NDArray[np.int64], more: bool, order: Order
) -> PagePlaces:
    sign, time = (-1, _NUMBER) if order.falling else (1, _TIME)
    times, has = keys.sort == time, keys.sort != _NONE
    values = np.empty(len(sequence), np.object_)
    values[:] = [
        # A float says as much where it is the number itself.
        sign * (int(near) + rest) if rest or is_time else sign * near
        for near, rest, is_time in zip(keys.near.tolist(), keys.rest.tolist(), times.tolist(), strict=True)
    ]
    return PagePlaces(places, sequence, more, values, has, times)
