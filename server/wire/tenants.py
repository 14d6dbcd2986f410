"""What tenants have and may have as messages."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.errors import InvalidArgument
from ...engine.results.point import PointId
from ...engine.tenants.grant import Grant
from ...engine.tenants.tenant_quota import TenantQuota, TenantStats
from ...proto.v1 import tenants_pb2 as pb
from .point_ids import put_ids, read_ids


def put_quota(message: pb.TenantQuota, quota: TenantQuota) -> None:
    """Fill ``message`` with what a tenant may have."""
    if quota.points is not None:
        message.points = quota.points
    if quota.bytes is not None:
        message.bytes = quota.bytes
    if quota.requests_per_second is not None:
        message.requests_per_second = quota.requests_per_second


def read_quota(message: pb.TenantQuota) -> TenantQuota:
    """Return what a tenant may have."""
    return TenantQuota(
        message.points if message.HasField("points") else None,
        message.bytes if message.HasField("bytes") else None,
        message.requests_per_second if message.HasField("requests_per_second") else None,
    )


def put_stats(message: pb.GetTenantStatsResponse, stats: TenantStats) -> None:
    """Fill ``message`` with what a tenant has."""
    message.name = stats.name
    message.points = stats.points
    message.bytes = stats.bytes
    message.segments = stats.segments
    put_quota(message.quota, stats.quota)


def read_stats(message: pb.GetTenantStatsResponse) -> TenantStats:
    """Return what a tenant has."""
    return TenantStats(
        message.name, message.points, message.bytes, message.segments, read_quota(message.quota)
    )


def put_grants(message: pb.ListGrantsResponse, grants: Sequence[Grant]) -> None:
    """Fill ``message`` with what a tenant was granted."""
    put_ids(message.ids, [grant.id for grant in grants])
    message.owners.extend(grant.owner for grant in grants)


def read_grants(message: pb.ListGrantsResponse) -> list[Grant]:
    """Return what a tenant was granted."""
    return [Grant(*one) for one in zip(read_ids(message.ids), message.owners, strict=True)]


def read_grants_after(message: pb.ListGrantsRequest) -> PointId | None:
    """Return the id behind which a page begins, None for the first page."""
    after = read_ids(message.after, "after")
    if len(after) > 1:
        raise InvalidArgument(f"after has {len(after)} ids; expected the last one of a page", field="after")
    return after[0] if after else None
