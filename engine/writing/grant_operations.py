"""Granting points to further tenants, and taking that back, as a writer commits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ..errors import InvalidArgument
from ..results.point import PointId
from ..state.collection_state import CollectionState
from .tenant_operations import no_tenant


@dataclass(frozen=True, slots=True)
class _Grants:
    """Grants of points of one tenant to others.

    Attributes
    ----------
    state : CollectionState
    owner : str
    ids : sequence of int or str
        Each once; those that are not there are passed over.
    grantees : sequence of str
        Each once, and none of them the owner.
    """

    state: CollectionState
    owner: str
    ids: Sequence[PointId]
    grantees: Sequence[str]

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def _numbers(self) -> list[int]:
        """Return the numbers of the owner and the grantees; NotFound where one is not there."""
        numbers = []
        for name in (self.owner, *self.grantees):
            number = self.state.tenants.written(name)
            if number is None:
                raise no_tenant(name)
            numbers.append(number)
        return numbers


@dataclass(frozen=True, slots=True)
class GrantPoints(_Grants):
    """Let further tenants read points of one."""

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Return how many grants are new; NotFound where a tenant is not there, and nothing is granted."""
        state, grants = self.state, self.state.grants
        owner, *numbers = self._numbers()
        places = state.pending().find(self.ids, owner)
        ids = [point_id for point_id, place in zip(self.ids, places.tolist(), strict=True) if place >= 0]
        for name, number in zip(self.grantees, numbers, strict=True):
            taken = grants.taken(number, owner, ids)
            if taken is not None:
                raise InvalidArgument(
                    f"tenant {name!r} was granted a point {taken!r} of another tenant, and an id names "
                    "one point in what a tenant sees; revoke that first, which tenants.grants shows",
                    field="ids",
                )
        granted = sum(grants.add(txn, number, owner, ids) for number in numbers)
        if granted:
            catalog.put_state(txn, state.number, state.counters())
        return granted


@dataclass(frozen=True, slots=True)
class RevokePoints(_Grants):
    """Take back what tenants were granted of another."""

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Return how many of these grants there were; NotFound where a tenant is not there."""
        state = self.state
        owner, *numbers = self._numbers()
        revoked = sum(state.grants.remove(txn, number, owner, self.ids) for number in numbers)
        if revoked:
            catalog.put_state(txn, state.number, state.counters())
        return revoked
