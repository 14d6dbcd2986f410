"""The RPCs of TenantService."""

from __future__ import annotations

from dataclasses import replace

from ....engine.tenants.grant import GRANTS_LIMIT
from ....engine.tenants.tenant import LIST_LIMIT
from ....proto.v1 import tenants_pb2 as pb
from ...wire.point_ids import count_ids, read_ids
from ...wire.tenants import put_grants, put_stats, read_grants_after, read_quota
from ..calls.call import Call

# What a name takes: as a text, in the message that brings it, and as its number.
_NAME_BYTES = 600
# What a grant takes: its ids, here and in the index of the engine, and its record.
_GRANT_BYTES = 600


def create_tenants(call: Call, request: pb.CreateTenantsRequest) -> pb.CreateTenantsResponse:
    """Create tenants."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_NAME_BYTES * len(request.names))
    return pb.CreateTenantsResponse(created=collection.tenants.create(list(request.names)))


def list_tenants(call: Call, request: pb.ListTenantsRequest) -> pb.ListTenantsResponse:
    """Return a page of names; fewer than were asked for when they are long."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_NAME_BYTES * min(request.limit, LIST_LIMIT))
    after = request.after if request.HasField("after") else None
    names = collection.tenants.list(prefix=request.prefix, limit=request.limit, after=after)
    response = pb.ListTenantsResponse(names=names)
    while response.ByteSize() > call.page_bytes and len(response.names) > 1:
        del response.names[len(response.names) // 2 :]
    return response


def drop_tenants(call: Call, request: pb.DropTenantsRequest) -> pb.DropTenantsResponse:
    """Drop tenants."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_NAME_BYTES * len(request.names))
    return pb.DropTenantsResponse(dropped=collection.tenants.drop(list(request.names)))


def get_tenant_stats(call: Call, request: pb.GetTenantStatsRequest) -> pb.GetTenantStatsResponse:
    """Return what a tenant has."""
    collection, tenant = call.scope(request.scope)
    # The engine refuses a call that names no tenant, in the words it has for that.
    stats = collection.tenants.stats(tenant)  # type: ignore[arg-type]
    if call.principal.tenants is not None:
        # How rows are spread over segments depends on what others write.
        stats = replace(stats, segments=0)
    response = pb.GetTenantStatsResponse()
    put_stats(response, stats)
    return response


def set_tenant_quota(call: Call, request: pb.SetTenantQuotaRequest) -> pb.SetTenantQuotaResponse:
    """Say what a tenant may have."""
    collection = call.collection(request.collection, request.collection_uuid)
    quota = read_quota(request.quota)
    collection.tenants.set_quota(
        request.name,
        points=quota.points,
        bytes=quota.bytes,
        requests_per_second=quota.requests_per_second,
    )
    return pb.SetTenantQuotaResponse()


def grant_points(call: Call, request: pb.GrantPointsRequest) -> pb.GrantPointsResponse:
    """Let further tenants read points of one."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_NAME_BYTES * len(request.to) + _GRANT_BYTES * count_ids(request.ids) * len(request.to))
    ids, to = read_ids(request.ids), list(request.to)
    return pb.GrantPointsResponse(granted=collection.tenants.grant(ids, tenant=request.tenant, to=to))


def revoke_points(call: Call, request: pb.RevokePointsRequest) -> pb.RevokePointsResponse:
    """Take back what was granted."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_NAME_BYTES * len(request.to) + _GRANT_BYTES * count_ids(request.ids))
    ids, to = read_ids(request.ids), list(request.to)
    return pb.RevokePointsResponse(revoked=collection.tenants.revoke(ids, tenant=request.tenant, to=to))


def list_grants(call: Call, request: pb.ListGrantsRequest) -> pb.ListGrantsResponse:
    """Return a page of what a tenant was granted; fewer than were asked for when names are long."""
    collection = call.collection(request.collection, request.collection_uuid)
    call.take_memory(_GRANT_BYTES * min(request.limit, GRANTS_LIMIT))
    after = read_grants_after(request)
    grants = collection.tenants.grants(request.name, limit=request.limit, after=after)
    while True:
        response = pb.ListGrantsResponse()
        put_grants(response, grants)
        if response.ByteSize() <= call.page_bytes or len(grants) < 2:
            return response
        grants = grants[: len(grants) // 2]
