"""What may be found in a segment under a filter and by a tenant, kept for those that ask again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...indexes.protocol import Scope
from ...indexes.rows.row_set import RowSet
from ...storage.columns.partial import Present
from ..filters.expression import Filter
from .bitmaps import bitmap

# What a view remembers of filters: a caller's few favourites, in at most some 16 MB.
_FILTERS_KEPT = 32
_FILTER_ROWS_KEPT = 4_000_000
# Tenants whose rows are kept with the plans for them, about 1 KB each; those that have more rows are few, and
# kept as filters are.
_TENANTS_KEPT, _ROWS_OF_A_SMALL_TENANT = 8192, 4096


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rows of a view that a filter and a tenant leave, and the plans that were made for them.

    Attributes
    ----------
    scope : Scope
        With no set of rows where every row of the segment may be found.
    plans : dict
        Whatever the planner keeps of them, by keys of its own.
    """

    scope: Scope
    plans: dict[Any, Any] = field(default_factory=dict)
    _among: dict[str, Allowed] = field(default_factory=dict)

    def among(self, field: str, present: Present) -> Allowed:
        """Return the same for the vectors of a field, numbered by their places in ``present``."""
        found = self._among.get(field)
        if found is None:
            rows = self.scope.rows
            if rows is not None:
                places = np.flatnonzero(np.isin(present, rows.rows, assume_unique=True))
                rows = RowSet.from_bitmap(bitmap(places), len(present))
            found = self._among[field] = Allowed(Scope(rows, self.scope.tenant))
        return found


class KeptAllowed:
    """What was asked for of one view. Any thread may fill it."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Filter | None, int | None], tuple[int, Allowed]] = {}
        self._tenants: dict[int, Allowed] = {}

    def get(self, expression: Filter | None, tenant: int | None) -> Allowed | None:
        """Return what is kept of a tenant under a filter."""
        found = self._tenants.get(tenant) if expression is None and tenant is not None else None
        if found is not None:
            return found
        kept = self._rows.get((expression, tenant))
        return None if kept is None else kept[1]

    def keep(self, expression: Filter | None, tenant: int | None, count: int, found: Allowed) -> None:
        """Keep so many rows; others make room where that is much."""
        if expression is None and tenant is not None and count <= _ROWS_OF_A_SMALL_TENANT:
            if len(self._tenants) >= _TENANTS_KEPT:
                self._tenants.clear()
            self._tenants[tenant] = found
            return
        kept = sum(rows for rows, _ in list(self._rows.values()))
        if len(self._rows) >= _FILTERS_KEPT or kept + count > _FILTER_ROWS_KEPT:
            self._rows.clear()
        self._rows[expression, tenant] = count, found
