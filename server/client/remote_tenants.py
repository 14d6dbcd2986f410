"""The tenants of a collection that a server has."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from ...engine.input.ids import Ids
from ...engine.results.point import PointId
from ...engine.tenants.grant import Grant
from ...engine.tenants.tenant_quota import TenantStats
from .drivers.blocking import BlockingDriver
from .operations.tenants import TenantOperations


class RemoteTenants:
    """The tenants of a partitioned collection, on a server. Safe to use from any number of threads.

    It has the methods of :class:`~vicinal.engine.collection_tenants.Tenants`, with the same parameters,
    answers and errors. They take a key with the right ``admin`` that is bound to no tenant, but for
    :meth:`stats`.
    """

    def __init__(self, operations: TenantOperations, driver: BlockingDriver) -> None:
        self._operations = operations
        self._driver = driver

    def create(self, names: str | Sequence[str]) -> int:
        """Create tenants; return how many were new."""
        return self._driver.run(self._operations.create(names))

    def drop(self, names: str | Sequence[str]) -> int:
        """Drop tenants with all they have; return how many there were."""
        return self._driver.run(self._operations.drop(names))

    def stats(self, name: str) -> TenantStats:
        """Return what a tenant has, and what it may have.

        A key with the right ``read`` may ask about the tenants that it may read, and is told no number of
        segments where it is bound to some.
        """
        return self._driver.run(self._operations.stats(name))

    def set_quota(
        self,
        name: str,
        *,
        points: int | None = None,
        bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        """Say what a tenant may have; None is no limit."""
        self._driver.run(self._operations.set_quota(name, points, bytes, requests_per_second))

    def grant(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Let further tenants read points of one, beside their own; return how many grants are new.

        Ids that do not fit one message go in several calls, each a commit of its own.
        """
        return self._driver.run(self._operations.grant(ids, tenant, to))

    def revoke(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Take back what was granted; return how many of these grants there were."""
        return self._driver.run(self._operations.revoke(ids, tenant, to))

    def grants(self, name: str, *, limit: int = 100, after: PointId | None = None) -> builtins.list[Grant]:
        """Return what a tenant was granted, a page at a time; there are no more when one is empty."""
        return self._driver.run(self._operations.grants(name, limit, after))

    def list(self, *, prefix: str = "", limit: int = 100, after: str | None = None) -> builtins.list[str]:
        """Return names of tenants, a page at a time; there are no more when one is empty.

        A page of long names may be shorter than it may be.
        """
        return self._driver.run(self._operations.list(prefix, limit, after))
