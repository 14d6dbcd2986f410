"""The tenants of a collection that a server has, for programs that run an event loop."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from ...engine.input.ids import Ids
from ...engine.results.point import PointId
from ...engine.tenants.grant import Grant
from ...engine.tenants.tenant_quota import TenantStats
from .drivers.asynchronous import AsyncDriver
from .operations.tenants import TenantOperations


class AsyncRemoteTenants:
    """The tenants of a partitioned collection, on a server. Usable by any number of tasks of one event loop.

    It has the methods of :class:`~vicinal.server.client.remote_tenants.RemoteTenants`, with the same
    parameters, answers and errors, to be awaited.
    """

    def __init__(self, operations: TenantOperations, driver: AsyncDriver) -> None:
        self._operations = operations
        self._driver = driver

    async def create(self, names: str | Sequence[str]) -> int:
        """Create tenants; return how many were new."""
        return await self._driver.run(self._operations.create(names))

    async def drop(self, names: str | Sequence[str]) -> int:
        """Drop tenants with all they have; return how many there were."""
        return await self._driver.run(self._operations.drop(names))

    async def stats(self, name: str) -> TenantStats:
        """Return what a tenant has, and what it may have."""
        return await self._driver.run(self._operations.stats(name))

    async def set_quota(
        self,
        name: str,
        *,
        points: int | None = None,
        bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        """Say what a tenant may have; None is no limit."""
        await self._driver.run(self._operations.set_quota(name, points, bytes, requests_per_second))

    async def grant(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Let further tenants read points of one, beside their own; return how many grants are new."""
        return await self._driver.run(self._operations.grant(ids, tenant, to))

    async def revoke(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Take back what was granted; return how many of these grants there were."""
        return await self._driver.run(self._operations.revoke(ids, tenant, to))

    async def grants(
        self, name: str, *, limit: int = 100, after: PointId | None = None
    ) -> builtins.list[Grant]:
        """Return what a tenant was granted, a page at a time; there are no more when one is empty."""
        return await self._driver.run(self._operations.grants(name, limit, after))

    async def list(
        self, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> builtins.list[str]:
        """Return names of tenants, a page at a time; there are no more when one is empty."""
        return await self._driver.run(self._operations.list(prefix, limit, after))
