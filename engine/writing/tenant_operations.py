"""The changes of tenants that a writer commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ..errors import NotFound
from ..segments.bitmaps import bitmap64, rows_of
from ..state.collection_state import CollectionState
from ..tenants.tenant_quota import TenantQuota


@dataclass(frozen=True, slots=True)
class CreateTenants:
    """Give tenants their numbers before they write."""

    state: CollectionState
    names: Sequence[str]

    @property
    def touched(self) -> CollectionState:
        """The collection whose tenants change."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Create those that are not there; return how many those are."""
        tenants = self.state.tenants
        new = [name for name in self.names if tenants.written(name) is None]
        for name in new:
            tenants.add(txn, name)
        if new:
            tell_followers(self.state, catalog, txn)
        return len(new)


@dataclass(frozen=True, slots=True)
class DropTenants:
    """Bury all points of tenants, and forget their names, quotas and grants, of either side."""

    state: CollectionState
    names: Sequence[str]

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Drop those that are there; return how many those were."""
        state = self.state
        numbers = {name: state.tenants.written(name) for name in self.names}
        there = {name: number for name, number in numbers.items() if number is not None}
        if not there:
            return 0
        views = state.pending().views
        dead = [
            view.sequence()[rows_of(view.matching(None, number))]
            for number in there.values()
            for view in views
        ]
        state.grants.end_of_tenants(txn, there.values())
        for name in there:
            state.tenants.remove(txn, name)
        buried = np.concatenate([np.empty(0, np.uint64), *dead])
        if len(buried):
            catalog.put_tombstones(txn, state.number, state.next_sequence, bitmap64(buried))
            state.bury(buried)
        tell_followers(state, catalog, txn)
        return len(there)


@dataclass(frozen=True, slots=True)
class SetQuota:
    """Say what a tenant may have."""

    state: CollectionState
    name: str
    quota: TenantQuota

    @property
    def touched(self) -> CollectionState:
        """The collection whose tenants change."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> None:
        """Put down the quota; NotFound when there is no such tenant."""
        tenants = self.state.tenants
        if tenants.written(self.name) is None:
            raise no_tenant(self.name)
        tenants.set_quota(txn, self.name, self.quota)
        tell_followers(self.state, catalog, txn)


def no_tenant(name: str) -> NotFound:
    """Return the error for a tenant that does not exist, or that a caller does not speak for."""
    return NotFound(f"no tenant is named {name!r}", field="tenant")


def tell_followers(state: CollectionState, catalog: Catalog, txn: WriteTransaction) -> None:
    """Write the counters after a change of tenants, which a process that follows then reads anew."""
    state.next_sequence += 1
    state.tenants.changes += 1
    catalog.put_state(txn, state.number, state.counters())
