"""Counting the values of a payload field over the points that a filter leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..filters.canonical import canonical, extract
from ..filters.conditions.scanned import values_of
from ..filters.conditions.tallies import Counted, Ends, Tally, most_frequent
from ..filters.evaluation.scanning import ScanWork
from ..filters.expression import Filter
from ..input.payload_paths import value_kind
from ..results.facet import Facet, FieldValue
from ..schema.payload_field import FieldType
from ..search.point_reads import in_time
from ..segments.bitmaps import mask_of
from ..segments.sizes import Admit
from ..segments.snapshot import Snapshot
from ..segments.value_rows import ValueRows
from ..segments.view import SegmentView
from ..tenants.tenant import Tenant

_LISTED = (FieldType.KEYWORD, FieldType.BOOL)
# Which of several spellings is shown, a payload says.
_SPELLED = (FieldType.DATETIME, FieldType.UUID)

# What a value and its count take in a table, and as objects and in a message.
_COUNTED_BYTES, _FACET_BYTES = 200, 400
# So many values more are told of at a time.
_VALUES_BETWEEN = 1024

Chosen = NDArray[np.bool_] | None
_Part = tuple[SegmentView, ValueRows, Chosen]


class _Told:
    """How many values are counted, told as bytes to whoever admits them."""

    def __init__(self, admit: Admit | None) -> None:
        self._admit, self._told = admit, 0

    def of(self, values: int) -> None:
        """Tell that there are so many by now."""
        if self._admit is not None and values > self._told:
            self._admit((values - self._told) * _COUNTED_BYTES)
            self._told = values


def count_values(
    snapshot: Snapshot,
    path: str,
    expression: Filter | None,
    owner: Tenant | None,
    limit: int | None,
    admit: Admit | None = None,
) -> list[Facet]:
    """Return the most frequent values of a field in the points of a tenant that satisfy a filter.

    ``admit`` is told what values take, while they are counted and before they are returned.
    """
    kind, told = value_kind(snapshot.schema, path), _Told(admit)
    if kind is None:
        tally = Tally()
        for view, rows in _matching(snapshot, expression, owner):
            for column, chosen, _ in view.values_read(path, rows, ScanWork()):
                tally.add(column, chosen)
                told.of(len(tally))
        counted = tally.ranked(limit)
    else:
        parts = list(_parts(snapshot, path, expression, owner))
        counted = _of_lists(parts, limit, told) if kind in _LISTED else _of_arrays(parts, limit)
        if kind in _SPELLED:
            counted = [(_spelled(parts, path, kind, value), count) for value, count in counted]
        else:
            counted = [(value.item() if isinstance(value, np.generic) else value, n) for value, n in counted]
    if admit is not None:
        admit(len(counted) * _FACET_BYTES)
    return [Facet(value, count) for value, count in counted]


def least_and_most(
    snapshot: Snapshot, path: str, expression: Filter | None, owner: Tenant | None
) -> tuple[FieldValue, FieldValue] | None:
    """Return the least and the most value of a field in such points, None where they have none.

    Of a field without an index these are numbers, or where there is none, texts that are times.
    """
    kind = value_kind(snapshot.schema, path)
    if kind is None:
        ends = Ends()
        for view, rows in _matching(snapshot, expression, owner):
            for column, chosen, _ in view.values_read(path, rows, ScanWork()):
                ends.add(column, chosen)
        return ends.found()
    parts = list(_parts(snapshot, path, expression, owner))
    found: list[Any] = []
    for _, values, chosen in parts:
        there = np.flatnonzero(values.counts(chosen))
        found += [values.values[at] for at in there[[0, -1]].tolist()] if len(there) else []
    if not found:
        return None
    if kind in _SPELLED:
        return _spelled(parts, path, kind, min(found)), _spelled(parts, path, kind, max(found))
    return min(found).item(), max(found).item()


def _matching(snapshot: Snapshot, expression: Filter | None, owner: Tenant | None) -> Iterator[Any]:
    scope = None if owner is None else owner.scope
    for view in in_time(snapshot.views):
        rows = view.matching(expression, scope)
        if rows:
            yield view, rows


def _parts(snapshot: Snapshot, path: str, expression: Filter | None, owner: Tenant | None) -> Iterator[_Part]:
    for view, rows in _matching(snapshot, expression, owner):
        chosen = None if len(rows) == view.n_rows else mask_of(rows, view.n_rows)
        yield view, view.value_rows(path), chosen


def _of_lists(parts: list[_Part], limit: int | None, told: _Told) -> Counted:
    if len(parts) == 1:
        _, found, chosen = parts[0]
        counts = found.counts(chosen)
        return [(found.values[at], int(counts[at])) for at in _most_frequent(counts, limit).tolist()]
    counted: dict[Any, int] = {}
    for _, found, chosen in parts:
        counts = found.counts(chosen)
        for at in np.flatnonzero(counts).tolist():
            value = found.values[at]
            counted[value] = counted.get(value, 0) + int(counts[at])
            if not len(counted) % _VALUES_BETWEEN:
                told.of(len(counted))
        told.of(len(counted))
    return most_frequent(counted, limit)


def _of_arrays(parts: list[_Part], limit: int | None) -> Counted:
    if not parts:
        return []
    values, counts = np.asarray(parts[0][1].values), parts[0][1].counts(parts[0][2])
    if len(parts) > 1:
        each = [(np.asarray(found.values), found.counts(chosen)) for _, found, chosen in parts]
        values, of_parts = np.unique(
            np.concatenate([each_values for each_values, _ in each]), return_inverse=True
        )
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, of_parts, np.concatenate([each_counts for _, each_counts in each]))
    chosen = _most_frequent(counts, limit)
    return list(zip(values[chosen], counts[chosen].tolist(), strict=True))


def _most_frequent(counts: NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """Return the places of the largest counts above zero, the first where they are equal."""
    found = np.flatnonzero(counts)
    if limit is not None and len(found) > limit:
        some = counts[found]
        least = np.partition(some, -limit)[-limit]
        above, ties = found[some > least], found[some == least]
        found = np.concatenate([above, ties[: limit - len(above)]])
    return found[np.argsort(-counts[found], kind="stable")]


def _spelled(parts: list[_Part], path: str, kind: FieldType, value: Any) -> FieldValue:
    """Return a value as the payload of the first row has it."""
    wanted = int.from_bytes(value.ljust(16, b"\0"), "big") if kind is FieldType.UUID else int(value)
    for view, found, chosen in parts:
        row = found.first_row(value, chosen)
        if row is not None:
            for stored in values_of(extract(view.payload(row), path)):
                if isinstance(stored, str) and _is(stored, kind, wanted):
                    return stored
    raise AssertionError(f"no row has {value!r} at {path!r}")


def _is(stored: str, kind: FieldType, wanted: int) -> bool:
    try:
        return canonical(stored, kind) == wanted
    except ValueError:
        return False
