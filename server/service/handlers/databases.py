"""The RPCs of DatabaseService."""

from __future__ import annotations

from dataclasses import replace

from ....engine.release import release
from ....proto.v1 import database_pb2 as pb
from ...wire.infos import put_database_info
from ..calls.call import Call
from .collections import visible_info


def get_database_info(call: Call, request: pb.GetDatabaseInfoRequest) -> pb.GetDatabaseInfoResponse:
    """Return sizes and states of the collections that the caller sees."""
    info, visible = call.database.info(), call.visible()
    seen = [one for one in info.collections if one.name in visible]
    if call.principal.tenants is not None:
        seen = [visible_info(call, visible[one.name]) for one in seen]
    if call.principal.tenants is not None or call.principal.collections is not None:
        # It grows with what others write.
        info = replace(info, bytes_catalog=0, catalog_use=None)
    response = pb.GetDatabaseInfoResponse()
    put_database_info(response, replace(info, collections=tuple(seen)))
    return response


def get_limits(call: Call, request: pb.GetLimitsRequest) -> pb.GetLimitsResponse:
    """Return what one call may ask for."""
    limits = call.limits
    return pb.GetLimitsResponse(
        max_message_bytes=limits.max_message_bytes,
        max_points=limits.max_points,
        max_queries=limits.max_queries,
        max_results=limits.max_results,
        server_version=release(),
    )
