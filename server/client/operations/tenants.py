"""The tenants of a collection, without input and output."""

from __future__ import annotations

from typing import Any

from ....engine.input.queries import check_integer
from ....engine.tenants.tenant import (
    LIST_LIMIT,
    check_partitioned,
    checked_prefix,
    checked_tenant,
    checked_tenants,
)
from ....engine.tenants.tenant_quota import TenantStats, checked_quota
from ....proto.v1 import tenants_pb2 as pb
from ...wire.methods import METHODS
from ...wire.tenants import put_quota, read_stats
from ..calls.call import Operation
from ..calls.caller import Caller
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .responses import parsed

_CREATE_TENANTS = METHODS["/vicinal.v1.TenantService/CreateTenants"]
_LIST_TENANTS = METHODS["/vicinal.v1.TenantService/ListTenants"]
_DROP_TENANTS = METHODS["/vicinal.v1.TenantService/DropTenants"]
_GET_TENANT_STATS = METHODS["/vicinal.v1.TenantService/GetTenantStats"]
_SET_TENANT_QUOTA = METHODS["/vicinal.v1.TenantService/SetTenantQuota"]


class TenantOperations:
    """The calls of one collection that are about tenants as such."""

    def __init__(self, handle: CollectionHandle, caller: Caller, schema: LiveSchema) -> None:
        self._handle = handle
        self._caller = caller
        self._schema = schema

    def create(self, names: Any) -> Operation[int]:
        """Create tenants; return how many were new."""
        handle = self._handle
        listed = yield from self._schema.checked(lambda schema: checked_tenants(handle.name, schema, names))
        request = pb.CreateTenantsRequest(
            collection=handle.name, collection_uuid=handle.uuid, names=listed
        ).SerializeToString()
        # Done twice, it would find those that it had created.
        answer = yield from self._caller.call(_CREATE_TENANTS, request, harmless=False)
        return parsed(pb.CreateTenantsResponse, answer).created

    def drop(self, names: Any) -> Operation[int]:
        """Drop tenants; return how many there were."""
        handle = self._handle
        listed = yield from self._schema.checked(lambda schema: checked_tenants(handle.name, schema, names))
        request = pb.DropTenantsRequest(
            collection=handle.name, collection_uuid=handle.uuid, names=listed
        ).SerializeToString()
        # Done twice, it could drop what somebody else began under the name.
        answer = yield from self._caller.call(_DROP_TENANTS, request, harmless=False)
        return parsed(pb.DropTenantsResponse, answer).dropped

    def list(self, prefix: Any, limit: Any, after: Any) -> Operation[list[str]]:
        """Return a page of names."""
        handle = self._handle
        yield from self._schema.checked(lambda schema: check_partitioned(handle.name, schema))
        request = pb.ListTenantsRequest(
            collection=handle.name,
            collection_uuid=handle.uuid,
            prefix=checked_prefix(prefix),
            limit=check_integer("limit", limit, 1, LIST_LIMIT),
            after=None if after is None else checked_tenant(handle.name, handle.schema, after),
        ).SerializeToString()
        answer = yield from self._caller.call(_LIST_TENANTS, request, harmless=True)
        return [*parsed(pb.ListTenantsResponse, answer).names]

    def stats(self, name: Any) -> Operation[TenantStats]:
        """Return what a tenant has."""
        handle = self._handle
        name = yield from self._schema.checked(lambda schema: checked_tenant(handle.name, schema, name))
        answer = yield from self._caller.call(_GET_TENANT_STATS, handle.scope(name), harmless=True)
        return read_stats(parsed(pb.GetTenantStatsResponse, answer))

    def set_quota(self, name: Any, points: Any, bytes: Any, requests_per_second: Any) -> Operation[None]:
        """Say what a tenant may have."""
        handle = self._handle
        quota = checked_quota(points, bytes, requests_per_second)
        name = yield from self._schema.checked(lambda schema: checked_tenant(handle.name, schema, name))
        request = pb.SetTenantQuotaRequest(collection=handle.name, collection_uuid=handle.uuid, name=name)
        put_quota(request.quota, quota)
        request.quota.SetInParent()
        yield from self._caller.call(_SET_TENANT_QUOTA, request.SerializeToString(), harmless=True)
