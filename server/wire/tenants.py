"""What tenants have and may have as messages."""

from __future__ import annotations

from ...engine.tenants.tenant_quota import TenantQuota, TenantStats
from ...proto.v1 import tenants_pb2 as pb


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
