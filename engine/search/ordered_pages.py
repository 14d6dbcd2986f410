"""Pages of points in the order of an indexed payload field."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..filters.expression import Filter
from ..input.order import Order, Position
from ..schema.payload_field import FieldType
from ..segments.bitmaps import rows_of
from ..segments.snapshot import Snapshot, place
from ..segments.view import SegmentView
from ..tenants.tenant import Tenant
from .point_reads import PagePlaces, in_time


def find_ordered_page(
    snapshot: Snapshot,
    expression: Filter | None,
    owner: Tenant | None,
    limit: int,
    after: Position | None,
    order: Order,
) -> PagePlaces:
    """Return the first ``limit`` points after a position, by value and then by sequence number.

    Of a point with several values the first in the order counts; those without one come last.
    """
    scope = None if owner is None else owner.scope
    parts: list[tuple[NDArray[Any], ...]] = []
    for number, view in enumerate(in_time(snapshot.views)):
        rows = rows_of(view.matching(expression, scope))
        parts.append((*_first_values(view, order, rows), view.sequence()[rows], place(number, rows)))
    if not parts:
        return PagePlaces(np.empty(0, np.int64), np.empty(0, np.uint64), False)
    values, has, sequence, places = (np.concatenate(column) for column in zip(*parts, strict=True))
    keys = _rising(values, order)
    chosen = np.arange(len(keys))
    if after is not None:
        chosen = np.flatnonzero(_later(keys, has, sequence, after, order))
    more = len(chosen) > limit
    valued = chosen[has[chosen]]
    if len(valued) > limit:
        last = np.partition(keys[valued], limit)[limit]
        chosen = valued[keys[valued] <= last]
    sorting = np.lexsort((sequence[chosen], keys[chosen], ~has[chosen]))[:limit]
    chosen = chosen[sorting]
    times = np.full(len(chosen), order.kind is FieldType.DATETIME)
    return PagePlaces(places[chosen], sequence[chosen], more, values[chosen], has[chosen], times)


def _first_values(
    view: SegmentView, order: Order, rows: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the value of each row that comes first in the order, and whether it has one."""
    values, of_rows = view.postings().values(order.field)
    first, has = np.zeros(view.n_rows, values.dtype), np.zeros(view.n_rows, np.bool_)
    sorting = np.argsort(values, kind="stable")
    # Of several values for a row the last one stays.
    sorting = sorting if order.falling else sorting[::-1]
    first[of_rows[sorting]] = values[sorting]
    has[of_rows] = True
    return first[rows], has[rows]


def _rising(values: Any, order: Order) -> Any:
    """Return numbers that rise in the order."""
    if not order.falling:
        return values
    # No negative is as large as the least integer is small; its complement is.
    return -values if isinstance(values, float) or getattr(values, "dtype", None) == np.float64 else ~values


def _later(
    keys: NDArray[Any], has: NDArray[np.bool_], sequence: NDArray[np.uint64], after: Position, order: Order
) -> NDArray[np.bool_]:
    behind: NDArray[np.bool_] = sequence > np.uint64(after.sequence)
    if after.value is None:
        return ~has & behind
    value = float(after.value) if keys.dtype == np.float64 else int(after.value)
    key = _rising(value, order)
    later: NDArray[np.bool_] = ~has | (keys > key) | ((keys == key) & behind)
    return later
