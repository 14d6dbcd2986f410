"""Points of others that tenants may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.grants import StoredGrants
from ...storage.catalog.key_value_store import ReadTransaction, WriteTransaction
from ..handoff import undisturbed
from ..results.point import PointId


class Grants:
    """What one tenant was granted. Immutable; what is changed is another one.

    Attributes
    ----------
    owners : mapping of point id to int
        Whose point each is, by number.
    """

    def __init__(self, owners: Mapping[PointId, int]) -> None:
        self.owners = owners

    @cached_property
    def by_owner(self) -> Sequence[tuple[int, Sequence[PointId]]]:
        """The ids that each owner granted."""
        found: dict[int, list[PointId]] = {}
        for point_id, owner in self.owners.items():
            found.setdefault(owner, []).append(point_id)
        return list(found.items())

    @cached_property
    def ids(self) -> Sequence[PointId]:
        """All ids, in the order of :attr:`by_owner`."""
        return [point_id for _, ids in self.by_owner for point_id in ids]


class GrantTable:
    """The grants of a collection, as its writer has them; a snapshot has those of its commit.

    An id is granted to a tenant by one owner at most. A grant lasts for as long as the point is there, in
    whatever version, and both tenants are.

    Attributes
    ----------
    of : mapping of int to Grants
        What each tenant was granted, by its number; those that were granted nothing are not in it. Another
        one after each change.
    changes : int
        How often they were changed.
    """

    def __init__(self, catalog: Catalog, collection: int, changes: int = 0) -> None:
        self._catalog = catalog
        self._stored = StoredGrants(collection, catalog.store.path)
        self.of: Mapping[int, Grants] = {}
        self.changes = changes
        # By owner and point id, who may read it: made when the writer first asks.
        self._grantees: dict[int, dict[PointId, set[int]]] | None = None

    def read(self, txn: ReadTransaction) -> None:
        """Take over what the catalog has."""
        found: dict[int, dict[PointId, int]] = {}
        for grantee, point_id, owner in self._stored.every(txn):
            found.setdefault(grantee, {})[point_id] = owner
        self.of = {grantee: Grants(owners) for grantee, owners in found.items()}

    def page(self, grantee: int, after: PointId | None, limit: int) -> list[tuple[PointId, int]]:
        """Return id and owner of so many grants of a tenant, behind an id. Any thread may call this."""

        def read() -> list[tuple[PointId, int]]:
            with self._catalog.read() as txn:
                return self._stored.page(txn, grantee, after, limit)

        return undisturbed(read)

    def gives(self, owner: int) -> bool:
        """Return whether any point of a tenant is granted to another."""
        return bool(self.of) and owner in self._by_owner()

    def taken(self, grantee: int, owner: int, ids: Iterable[PointId]) -> PointId | None:
        """Return one of the ids that another owner granted to a tenant, None where there is none."""
        owners = self._owners(grantee)
        return next((point_id for point_id in ids if owners.get(point_id, owner) != owner), None)

    def add(self, txn: WriteTransaction, grantee: int, owner: int, ids: Iterable[PointId]) -> int:
        """Grant points to a tenant, none of which another owner granted to it; return how many are new."""
        owners = self._owners(grantee)
        new = [point_id for point_id in ids if point_id not in owners]
        if not new:
            return 0
        self._stored.put(txn, grantee, new, owner)
        by_id = self._by_owner().setdefault(owner, {})
        for point_id in new:
            by_id.setdefault(point_id, set()).add(grantee)
        self.changes += 1
        self.of = {**self.of, grantee: Grants({**owners, **dict.fromkeys(new, owner)})}
        return len(new)

    def remove(self, txn: WriteTransaction, grantee: int, owner: int, ids: Iterable[PointId]) -> int:
        """Take back what a tenant was granted by an owner; return how many of these grants there were."""
        owners = self._owners(grantee)
        gone = [point_id for point_id in ids if owners.get(point_id) == owner]
        self._forget(txn, {grantee: gone} if gone else {})
        return len(gone)

    def end_of_points(self, txn: WriteTransaction, owner: int, ids: Iterable[PointId]) -> None:
        """Take back all grants of points that are deleted."""
        by_id = self._by_owner().get(owner, {}) if self.of else {}
        gone: dict[int, list[PointId]] = {}
        for point_id in ids:
            for grantee in by_id.get(point_id, ()):
                gone.setdefault(grantee, []).append(point_id)
        self._forget(txn, gone)

    def end_of_tenants(self, txn: WriteTransaction, tenants: Iterable[int]) -> None:
        """Take back all that tenants were granted, and all that they granted to others."""
        for tenant in tenants:
            known = self.of.get(tenant)
            if known is not None:
                self._forget(txn, {tenant: known.ids})
            if self.gives(tenant):
                self.end_of_points(txn, tenant, list(self._by_owner()[tenant]))

    def _forget(self, txn: WriteTransaction, gone: Mapping[int, Sequence[PointId]]) -> None:
        if not gone:
            return
        changed, by_owner = dict(self.of), self._by_owner()
        for grantee, ids in gone.items():
            self._stored.delete(txn, grantee, ids)
            owners = dict(changed.pop(grantee).owners)
            for point_id in ids:
                by_id = by_owner[owner := owners.pop(point_id)]
                by_id[point_id].discard(grantee)
                if not by_id[point_id]:
                    del by_id[point_id]
                if not by_id:
                    del by_owner[owner]
            if owners:
                changed[grantee] = Grants(owners)
        self.changes += 1
        self.of = changed

    def _owners(self, grantee: int) -> Mapping[PointId, int]:
        known = self.of.get(grantee)
        return {} if known is None else known.owners

    def _by_owner(self) -> dict[int, dict[PointId, set[int]]]:
        if self._grantees is None:
            self._grantees = {}
            for grantee, grants in self.of.items():
                for point_id, owner in grants.owners.items():
                    self._grantees.setdefault(owner, {}).setdefault(point_id, set()).add(grantee)
        return self._grantees
