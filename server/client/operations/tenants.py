"""The tenants of a collection, without input and output."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from ....engine.errors import VicinalError
from ....engine.input.ids import Ids, id_list
from ....engine.input.queries import check_integer
from ....engine.results.point import PointId
from ....engine.tenants.grant import GRANTS_LIMIT, Grant
from ....engine.tenants.tenant import (
    LIST_LIMIT,
    check_partitioned,
    checked_grantees,
    checked_prefix,
    checked_tenant,
    checked_tenants,
)
from ....engine.tenants.tenant_quota import TenantStats, checked_quota
from ....proto.v1 import tenants_pb2 as pb
from ....storage.columns.ids import IdColumn
from ...wire.methods import METHODS, Method
from ...wire.point_ids import put_ids
from ...wire.tenants import put_quota, read_grants, read_stats
from ..calls.call import Operation
from ..calls.caller import Caller
from .call_limits import MESSAGE_BYTES, ServerLimits
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .parts import cut, in_parts, nothing
from .responses import parsed

_CREATE_TENANTS = METHODS["/vicinal.v1.TenantService/CreateTenants"]
_LIST_TENANTS = METHODS["/vicinal.v1.TenantService/ListTenants"]
_DROP_TENANTS = METHODS["/vicinal.v1.TenantService/DropTenants"]
_GET_TENANT_STATS = METHODS["/vicinal.v1.TenantService/GetTenantStats"]
_SET_TENANT_QUOTA = METHODS["/vicinal.v1.TenantService/SetTenantQuota"]
_GRANT_POINTS = METHODS["/vicinal.v1.TenantService/GrantPoints"]
_REVOKE_POINTS = METHODS["/vicinal.v1.TenantService/RevokePoints"]
_LIST_GRANTS = METHODS["/vicinal.v1.TenantService/ListGrants"]
# What a name takes in a request at most.
_NAME_BYTES = 260


class TenantOperations:
    """The calls of one collection that are about tenants as such."""

    def __init__(
        self, handle: CollectionHandle, caller: Caller, limits: ServerLimits, schema: LiveSchema
    ) -> None:
        self._handle = handle
        self._caller = caller
        self._limits = limits
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

    def grant(self, ids: Ids, tenant: Any, to: Any) -> Operation[int]:
        """Let further tenants read points of one; return how many grants are new."""

        def granted(answer: bytes) -> int:
            return parsed(pb.GrantPointsResponse, answer).granted

        return (yield from self._granting(_GRANT_POINTS, pb.GrantPointsRequest, granted, ids, tenant, to))

    def revoke(self, ids: Ids, tenant: Any, to: Any) -> Operation[int]:
        """Take back what was granted; return how many of these grants there were."""

        def revoked(answer: bytes) -> int:
            return parsed(pb.RevokePointsResponse, answer).revoked

        return (yield from self._granting(_REVOKE_POINTS, pb.RevokePointsRequest, revoked, ids, tenant, to))

    def grants(self, name: Any, limit: Any, after: Any) -> Operation[builtins.list[Grant]]:
        """Return a page of what a tenant was granted."""
        handle = self._handle
        name = yield from self._schema.checked(lambda schema: checked_tenant(handle.name, schema, name))
        request = pb.ListGrantsRequest(
            collection=handle.name,
            collection_uuid=handle.uuid,
            name=name,
            limit=check_integer("limit", limit, 1, GRANTS_LIMIT),
        )
        if after is not None:
            put_ids(request.after, id_list([after]))
        answer = yield from self._caller.call(_LIST_GRANTS, request.SerializeToString(), harmless=True)
        return read_grants(parsed(pb.ListGrantsResponse, answer))

    def _granting(
        self,
        method: Method,
        kind: type[pb.GrantPointsRequest] | type[pb.RevokePointsRequest],
        number: Callable[[bytes], int],
        ids: Ids,
        tenant: Any,
        to: Any,
    ) -> Operation[int]:
        """Send ids in as many calls as they need; return the sum of what each answers."""
        handle = self._handle
        owner = yield from self._schema.checked(lambda schema: checked_tenant(handle.name, schema, tenant))
        grantees = yield from self._schema.checked(
            lambda schema: checked_grantees(handle.name, schema, owner, to)
        )
        listed: builtins.list[PointId] = [*dict.fromkeys(id_list(ids))]

        def send(start: int, stop: int) -> Operation[int]:
            request = kind(collection=handle.name, collection_uuid=handle.uuid, tenant=owner, to=grantees)
            put_ids(request.ids, listed[start:stop])
            try:
                # Done twice, it would find nothing to do the second time and say so.
                answer = yield from self._caller.call(method, request.SerializeToString(), harmless=False)
            except VicinalError as error:
                if start:
                    error.add_note(f"the first {start:,} of {len(listed):,} ids were done before this")
                raise
            return number(answer)

        limits = yield from self._limits.get()
        room = limits.message_bytes - MESSAGE_BYTES - _NAME_BYTES * len(grantees)
        parts = cut(IdColumn.from_values(listed).row_bytes(), room, max(len(listed), 1), "ids")
        return sum((yield from in_parts(parts, send, nothing)))
