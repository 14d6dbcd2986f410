"""What a snapshot sees of a segment: the rows that are alive, of a tenant, under a filter."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...indexes.exact.scan import open_scan
from ...indexes.protocol import Index, Scan, Scope, TakesBudgets, TakesTokens
from ...indexes.rows.row_set import RowSet
from ..filters.evaluation.bitsets import row_set
from ..filters.evaluation.scanning import ScanWork, passing
from ..filters.expression import Filter
from ..results.point import PointId
from .allowed import Allowed, KeptAllowed
from .bitmaps import bitmap, rows_of
from .content import ABSENT, SegmentContent
from .filtering.filter_source import FilterSource

# Of a caller that comes with ever new numbers of tokens.
_SCANS_KEPT = 64


class SegmentView(SegmentContent):
    """The rows of one segment that a snapshot sees, minus those that are dead.

    Immutable but for its caches, which any thread may fill: every entry is a pure function of the view.

    Attributes
    ----------
    dead : BitMap
        Rows that were replaced or deleted.
    granted : BitMap or None
        Live rows of others that the one tenant sees who is shown this view; None for everybody else.
    found_grants : dict
        Where rows are that were granted, by tenant, kept for as long as rows stay where they are.
    seeing : dict
        Views with what tenants were granted, by tenant.
    """

    def __init__(self, uuid: str, n_rows: int, dead: BitMap) -> None:
        super().__init__(uuid, n_rows)
        self.dead = dead
        self.granted: BitMap | None = None
        self.found_grants: dict[int, Any] = {}
        self.seeing: dict[int, Any] = {}
        self._kept, self._kept_granted = KeptAllowed(), KeptAllowed()
        self._unfiltered: Allowed | None = None
        self.live_counts: dict[Any, Any] = {}
        self.live_bytes: dict[int, int] = {}
        self._scans: dict[tuple[str, int | None], Scan[Any]] = {}

    @property
    def n_live(self) -> int:
        """How many rows are alive."""
        return self.n_rows - len(self.dead)

    def follow(self, earlier: SegmentView) -> None:
        """Take over what was made for an earlier view of the same rows under the same schema.

        Only before anybody else has this view. What searches without a filter need is made here and now, by
        whoever writes, so that the search after a write costs what others cost.
        """
        self._scans, self._kept, self.found_grants = earlier._scans, earlier._kept, earlier.found_grants
        known, died = earlier._unfiltered, rows_of(self.dead - earlier.dead)
        if known is not None and earlier.dead.issubset(self.dead):
            self._unfiltered = known.without(died, self.n_rows, self.present) if len(died) else known

    @property
    def live(self) -> RowSet | None:
        """The rows that are alive, None when all are."""
        return self.unfiltered.scope.rows

    @property
    def unfiltered(self) -> Allowed:
        """What may be found without a filter and a tenant."""
        found = self._unfiltered
        if found is None:
            rows = RowSet.from_bitmap(self._everybodys - self.dead, self.n_rows) if self.dead else None
            found = self._unfiltered = Allowed(Scope(rows), chosen=False)
        return found

    def granting(self, rows: BitMap) -> Self:
        """Return this view as a tenant sees it who was granted some live rows of others."""
        view = copy(self)
        view.granted = rows
        # What it may find of its own rows is the same.
        view._kept_granted = KeptAllowed()
        view.live_counts, view.live_bytes, view.found_grants, view.seeing = {}, {}, {}, {}
        return view

    def allowed(self, expression: Filter | None, tenant: int | None, work: ScanWork) -> tuple[Allowed, ...]:
        """Return what may be found of a tenant under a filter, as :meth:`matching` does, and keep it.

        What it was granted is apart from its own rows, which follow one another: it costs what so many cost.
        """
        if expression is None and tenant is None:
            return (self.unfiltered,)
        if self.granted is None and tenant in self._kept.strangers:
            return ()
        own = self._kept.get(expression, tenant, self.dead, self.n_rows, self.present)
        if own is None:
            rows = self._everybodys if tenant is None else self.owned(tenant)
            own = self._keep(self._kept, expression, tenant, rows, work)
        if self.granted is None:
            return (own,)
        granted = self._kept_granted.get(expression, tenant, self.dead, self.n_rows, self.present)
        if granted is None:
            granted = self._keep(self._kept_granted, expression, tenant, self.granted.copy(), work)
        return own, granted

    def _keep(
        self, kept: KeptAllowed, expression: Filter | None, tenant: int | None, rows: BitMap, work: ScanWork
    ) -> Allowed:
        if tenant is not None and not rows:
            kept.keep_stranger(tenant)
        found = None
        if expression is not None and tenant is None:
            found = row_set(expression, self._source(None, work), self.n_rows, self.live)
        if found is None:
            found = RowSet.from_bitmap(self._matching(expression, tenant, rows, work), self.n_rows)
        allowed = Allowed(Scope(found, tenant))
        kept.keep(expression, tenant, self.dead, found.count, allowed)
        return allowed

    def scan(self, field: str, tokens: int | None = None) -> Scan[Any]:
        """Return the exact scan of the rows of a field, or of the first ``tokens`` of each row."""
        scan = self._scans.get((field, tokens))
        if scan is None:
            if len(self._scans) >= _SCANS_KEPT:
                self._scans.clear()
            scan = open_scan(self.rows(field))
            if tokens is not None:
                assert isinstance(scan, TakesTokens)
                scan = scan.with_tokens(tokens)
            self._scans[field, tokens] = scan
        return scan

    def index_by(self, field: str, budgets: tuple[int | None, int | None] | None) -> Index[Any, Any] | None:
        """Return the index of a field as it goes by so many first tokens of queries and of rows.

        None where there is none, or none that does.
        """
        index = self.index(field)
        if budgets is None or index is None:
            return index
        return index.with_budgets(*budgets) if isinstance(index, TakesBudgets) else None

    def having(self, field: str) -> BitMap:
        """Return the rows that have a vector in a field, dead or alive."""
        present = self.present(field)
        return BitMap(range(self.n_rows)) if present is None else bitmap(present)

    def n_vectors(self, field: str) -> int:
        """Return how many live rows have a vector in a field."""
        return self.n_live if self.present(field) is None else len(self.having(field) - self.dead)

    def matching(
        self,
        expression: Filter | None,
        tenant: int | None,
        *,
        among: BitMap | None = None,
        work: ScanWork | None = None,
    ) -> BitMap:
        """Return the live rows that ``tenant`` sees and that satisfy ``expression``, all or some.

        Parameters
        ----------
        among
            Only rows among these.
        work
            Where payloads that are read for it are counted.
        """
        rows = self._everybodys if tenant is None else self.seen(tenant)
        if among is not None:
            rows &= among
        return self._matching(expression, tenant, rows, ScanWork() if work is None else work)

    def _matching(
        self, expression: Filter | None, tenant: int | None, rows: BitMap, work: ScanWork
    ) -> BitMap:
        rows -= self.dead
        if expression is None:
            return rows
        return passing(expression, self._source(tenant, work), self.n_rows, rows)

    def _source(self, tenant: int | None, work: ScanWork) -> FilterSource:
        find = partial(self.find, tenant=tenant or 0)
        return FilterSource(self.postings(), self.asked_payloads(work), self.having, find)

    @property
    def _everybodys(self) -> BitMap:
        return BitMap(range(self.n_rows))

    def seen(self, tenant: int) -> BitMap:
        """Return the rows of a tenant, dead or alive, and those that it was granted."""
        owned = self.owned(tenant)
        return owned if self.granted is None else owned | self.granted

    def n_owned(self, tenant: int) -> int:
        """Return how many live rows a tenant has."""
        owned = self.owned(tenant)
        return len(owned) - owned.intersection_cardinality(self.dead)

    def find(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the live row of each id that a tenant sees, -1 where there is none."""
        rows = self.newest(ids, tenant)
        if self.dead:
            for i, row in enumerate(rows.tolist()):
                if row >= 0 and row in self.dead:
                    rows[i] = ABSENT
        if self.granted is not None:
            granted = self._granted_ids
            for i in np.flatnonzero(rows == ABSENT).tolist():
                rows[i] = granted.get(ids[i], ABSENT)
        return rows

    @cached_property
    def _granted_ids(self) -> dict[PointId, int]:
        rows = rows_of(self.granted or BitMap())
        return dict(zip(self.ids(rows), rows.tolist(), strict=True))
