"""What may be found in a segment under a filter and by a tenant, kept for those that ask again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...indexes.protocol import Scope
from ...indexes.rows.row_set import RowSet
from ...storage.columns.partial import Present
from ..filters.expression import Filter
from .bitmaps import bitmap, rows_of

# What a view remembers of filters: a caller's few favourites, in at most some 16 MB.
_FILTERS_KEPT = 32
_FILTER_ROWS_KEPT = 4_000_000
# Tenants whose rows are kept with the plans for them, about 2.5 KB each; those with more rows are few, and
# kept as filters are.
_TENANTS_KEPT, _ROWS_OF_A_SMALL_TENANT = 8192, 4096
_STRANGERS_KEPT = 1 << 16
# Plans serve a set of rows of which one in so many is gone since they were made.
_PLANS_SERVE = 64


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rows of a view that a filter and a tenant leave, and the plans that were made for them.

    Attributes
    ----------
    scope : Scope
        With no set of rows where every row of the segment may be found.
    plans : dict
        Whatever the planner keeps of them, by keys of its own.
    planned_for : int or None
        How many rows there were when the plans were made, where there are fewer now.
    searches : dict
        Whatever is prepared for searches of exactly these rows, by keys of its own.
    chosen : bool
        Whether a filter or a tenant chose the rows; else those alone are missing that are gone.
    """

    scope: Scope
    plans: dict[Any, Any] = field(default_factory=dict)
    planned_for: int | None = None
    searches: dict[Any, Any] = field(default_factory=dict)
    chosen: bool = True
    _among: dict[str, Allowed] = field(default_factory=dict)

    def without(
        self, dead: NDArray[np.int64], n_rows: int, present_of: Callable[[str], Present | None]
    ) -> Allowed:
        """Return the same without rows that died since, of a segment of ``n_rows``."""
        rows = RowSet.everything(n_rows) if self.scope.rows is None else self.scope.rows
        left = rows.without(dead)
        planned_for = rows.count if self.planned_for is None else self.planned_for
        if (planned_for - left.count) * _PLANS_SERVE <= planned_for:
            found = Allowed(Scope(left, self.scope.tenant), self.plans, planned_for, chosen=self.chosen)
        else:
            found = Allowed(Scope(left, self.scope.tenant), chosen=self.chosen)
        for name, among in list(self._among.items()):
            present = present_of(name)
            if present is not None:
                places = np.searchsorted(present, dead)
                places = places[places < len(present)]
                places = places[np.isin(present[places], dead)]
                found._among[name] = among.without(np.unique(places), len(present), present_of)
        return found

    def among(self, field: str, present: Present) -> Allowed:
        """Return the same for the vectors of a field, numbered by their places in ``present``."""
        found = self._among.get(field)
        if found is None:
            rows = self.scope.rows
            if rows is not None:
                places = np.flatnonzero(np.isin(present, rows.rows, assume_unique=True))
                rows = RowSet.from_bitmap(bitmap(places), len(present))
            found = Allowed(Scope(rows, self.scope.tenant), chosen=self.chosen)
            self._among[field] = found
        return found


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found when so many rows were dead."""

    allowed: Allowed
    dead: BitMap
    count: int


class KeptAllowed:
    """What was asked for of the views of one segment under one schema. Any thread may fill it.

    Attributes
    ----------
    strangers : set of int
        Tenants without a row, dead or alive: most are in most segments.
    """

    def __init__(self) -> None:
        self.strangers: set[int] = set()
        self._rows: dict[tuple[Filter | None, int | None], _Kept] = {}
        self._tenants: dict[int, _Kept] = {}

    def get(
        self,
        expression: Filter | None,
        tenant: int | None,
        dead: BitMap,
        n_rows: int,
        present_of: Callable[[str], Present | None],
    ) -> Allowed | None:
        """Return what is kept of a tenant under a filter, without the rows that died since."""
        kept = self._tenants.get(tenant) if expression is None and tenant is not None else None
        if kept is None:
            kept = self._rows.get((expression, tenant))
        if kept is None or kept.dead is dead:
            return None if kept is None else kept.allowed
        # An older view has fewer dead rows, and so has a view of a commit that came to nothing.
        if not kept.dead.issubset(dead):
            return None
        found = kept.allowed.without(rows_of(dead - kept.dead), n_rows, present_of)
        self.keep(expression, tenant, dead, kept.count, found)
        return found

    def keep_stranger(self, tenant: int) -> None:
        """Keep that a tenant has no row."""
        if len(self.strangers) >= _STRANGERS_KEPT:
            self.strangers.clear()
        self.strangers.add(tenant)

    def keep(
        self, expression: Filter | None, tenant: int | None, dead: BitMap, count: int, found: Allowed
    ) -> None:
        """Keep so many rows; others make room where that is much."""
        entry = _Kept(found, dead, count)
        if expression is None and tenant is not None and count <= _ROWS_OF_A_SMALL_TENANT:
            if len(self._tenants) >= _TENANTS_KEPT and tenant not in self._tenants:
                self._tenants.clear()
            self._tenants[tenant] = entry
            return
        key = expression, tenant
        others = [kept.count for known, kept in list(self._rows.items()) if known != key]
        if len(others) >= _FILTERS_KEPT or sum(others) + count > _FILTER_ROWS_KEPT:
            self._rows.clear()
        self._rows[key] = entry
