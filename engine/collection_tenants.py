"""The tenants of a collection as a caller uses them."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from .error_translation import public
from .hosts.host import Host
from .input.ids import Ids, id_list
from .input.queries import check_integer
from .results.point import PointId
from .segments.sizes import tenant_bytes
from .state.collection_state import CollectionState
from .tenants.grant import GRANTS_LIMIT, Grant
from .tenants.tenant import (
    LIST_LIMIT,
    check_partitioned,
    checked_grantees,
    checked_prefix,
    checked_tenant,
    checked_tenants,
)
from .tenants.tenant_quota import TenantStats, checked_quota
from .writing.grant_operations import GrantPoints, RevokePoints
from .writing.tenant_operations import CreateTenants, DropTenants, SetQuota, no_tenant


@public
class Tenants:
    """The tenants of a partitioned collection, got as ``collection.tenants``. Safe to use from any thread.

    Every method raises :class:`InvalidArgument` where the collection is not partitioned.
    """

    def __init__(self, state: CollectionState, host: Host) -> None:
        self._state = state
        self._host = host

    def create(self, names: str | Sequence[str]) -> int:
        """Create tenants, durably; return how many were new.

        Those that are there stay as they are. A tenant that writes need not be created: its first write does.

        Parameters
        ----------
        names : str or sequence of str
            Each 1 to 255 bytes of UTF-8. Many are created in one commit.
        """
        return int(self._host.submit(CreateTenants(self._state, self._names(names))))

    def drop(self, names: str | Sequence[str]) -> int:
        """Drop tenants with all they have; return how many there were.

        When this returns the drop is durable, and no read that begins finds, counts or pages through anything
        of them. Their rows leave the disk when the segments that have them are merged. A name can be used
        again at once, by a tenant that starts with nothing and without a quota.

        Parameters
        ----------
        names : str or sequence of str
            Those that are not there are passed over. All go in one commit.
        """
        return int(self._host.submit(DropTenants(self._state, self._names(names))))

    def stats(self, name: str) -> TenantStats:
        """Return what a tenant has, and what it may have.

        Raises
        ------
        NotFound
            There is no such tenant.
        """
        name = self._name(name)
        snapshot = self._host.current(self._state)
        number = self._state.tenants.get(name)
        if number is None:
            raise no_tenant(name)
        owned = [view.n_owned(number) for view in snapshot.views]
        return TenantStats(
            name=name,
            points=sum(owned),
            bytes=tenant_bytes(snapshot, number),
            segments=sum(map(bool, owned)),
            quota=self._state.tenants.quota(name),
        )

    def set_quota(
        self,
        name: str,
        *,
        points: int | None = None,
        bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        """Say, durably, what a tenant may have, in the place of what was said before; None is no limit.

        A write that would give it more raises :class:`QuotaExceeded` and changes nothing. What a tenant has
        already stays when its quota is less, and may be deleted and replaced by what is no larger.

        Parameters
        ----------
        points : int, optional
            Points that are alive. One that is replaced is not one more.
        bytes : int, optional
            Of payloads and vectors, as :meth:`stats` counts them.
        requests_per_second : float, optional
            Calls about its points that a server answers, at least 0.000001. Here, without a server, nothing
            counts them.

        Raises
        ------
        NotFound
            There is no such tenant.
        """
        quota = checked_quota(points, bytes, requests_per_second)
        self._host.submit(SetQuota(self._state, self._name(name), quota))

    def list(self, *, prefix: str = "", limit: int = 100, after: str | None = None) -> builtins.list[str]:
        """Return names of tenants in the order of their UTF-8, a page at a time.

        Parameters
        ----------
        prefix : str
            What they begin with.
        limit : int
            Names of a page, 1 to 10,000.
        after : str, optional
            The last name of the page before; there are no more when a page is empty.
        """
        check_partitioned(self._state.name, self._host.schema(self._state))
        limit = check_integer("limit", limit, 1, LIST_LIMIT)
        start = None if after is None else self._name(after)
        prefix = checked_prefix(prefix)
        # Loaded, or caught up with: the names are read from the catalog, as of now.
        self._host.current(self._state)
        return self._state.tenants.names(prefix, start, limit)

    def grant(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Let further tenants read points of one, durably; return how many grants are new.

        They see them beside their own wherever they read, in whatever version the owner writes, and can
        neither change nor delete them. A point of their own under the same id hides the granted one. A grant
        ends when it is revoked, when the owner deletes the point, and when either tenant is dropped. No
        vector and no payload is copied.

        Parameters
        ----------
        ids : sequence of int, str or UUID
            Points of the owner; those that are not there are passed over.
        tenant : str
            The owner.
        to : str or sequence of str
            Who may read them. All is granted in one commit.

        Raises
        ------
        NotFound
            One of the tenants is not there; nothing is granted.
        InvalidArgument
            The owner is among those who are granted, or one of these was granted a point of the same id by
            another owner.
        """
        return int(self._host.submit(GrantPoints(self._state, *self._granting(ids, tenant, to))))

    def revoke(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Take back what :meth:`grant` granted; return how many of these grants there were.

        When this returns no read that begins finds the points for them.

        Parameters
        ----------
        ids : sequence of int, str or UUID
            Those that were not granted are passed over.
        tenant : str
            The owner.
        to : str or sequence of str
            Who may read them no longer.

        Raises
        ------
        NotFound
            One of the tenants is not there; nothing is revoked.
        """
        return int(self._host.submit(RevokePoints(self._state, *self._granting(ids, tenant, to))))

    def grants(self, name: str, *, limit: int = 100, after: PointId | None = None) -> builtins.list[Grant]:
        """Return what a tenant was granted in the order of ids, numbers before texts, a page at a time.

        Parameters
        ----------
        name : str
            Who may read it.
        limit : int
            Grants of a page, 1 to 10,000.
        after : int or str, optional
            The last id of the page before; there are no more when a page is empty.

        Raises
        ------
        NotFound
            There is no such tenant.
        """
        name = self._name(name)
        limit = check_integer("limit", limit, 1, GRANTS_LIMIT)
        start = None if after is None else id_list([after])[0]
        self._host.current(self._state)
        number = self._state.tenants.get(name)
        if number is None:
            raise no_tenant(name)
        found = self._state.grants.page(number, start, limit)
        owners = self._state.tenants.names_of({owner for _, owner in found})
        # An owner that was dropped since has taken its grants along.
        return [Grant(point_id, owners[owner]) for point_id, owner in found if owner in owners]

    def _granting(self, ids: Ids, tenant: Any, to: Any) -> tuple[str, Sequence[PointId], Sequence[str]]:
        owner = self._name(tenant)
        grantees = checked_grantees(self._state.name, self._host.schema(self._state), owner, to)
        return owner, builtins.list(dict.fromkeys(id_list(ids))), grantees

    def _name(self, name: Any) -> str:
        return checked_tenant(self._state.name, self._host.schema(self._state), name)

    def _names(self, names: Any) -> Sequence[str]:
        return checked_tenants(self._state.name, self._host.schema(self._state), names)
