"""The RPCs of PointService."""

from __future__ import annotations

from ....engine.collection import columnar
from ....engine.columnar_collection import SCROLL_LIMIT
from ....engine.counting.counted_collection import facets
from ....engine.errors import LimitExceeded
from ....engine.input.ids import unique_ids
from ....proto.v1 import points_pb2 as pb
from ...wire.filters import read_filter
from ...wire.payload_values import put_value
from ...wire.point_ids import count_ids, read_ids
from ...wire.points import (
    put_next,
    put_points,
    read_after,
    read_carried,
    read_condition,
    read_selection,
    read_update,
    read_upsert,
)
from ...wire.vectors import TOKEN_BYTES, count_tokens, read_fields
from ..calls.call import Call

# What a Python object of a payload takes, as a multiple of its JSON; and an id that is chosen by.
_PARSED = 6
# What a point that is read takes, as a multiple of its bytes: as columns, in the message, and as its bytes.
_READ = 3
# What one that is written anew takes: as an object, in the batch, in the log and in the growing segment.
_REWRITTEN = 4
_ID_BYTES = 100
# What a vector field of an answer has beside its rows, at most.
_FIELD_BYTES = 300


def upsert_points(call: Call, request: pb.UpsertPointsRequest) -> pb.UpsertPointsResponse:
    """Insert or replace points."""
    collection, tenant = call.scope(request.scope)
    points = request.points
    n = count_ids(points.ids)
    _check_points(call, n)
    tokens = count_tokens(field.vectors for field in points.vectors)
    call.take_memory(_PARSED * sum(points.payloads.row_sizes) + TOKEN_BYTES * tokens)
    ids, vectors, payloads = read_upsert(points)
    mode, only_if = read_condition(request)
    written = columnar(collection).upsert(unique_ids(ids), vectors, payloads, tenant, mode, only_if)
    sequence = int(written)
    if not written.points and call.principal.tenants is not None:
        # Where nothing was written, the number is that of the last write of anybody.
        sequence = 0
    return pb.UpsertPointsResponse(
        sequence_number=call.sealed(sequence, collection, tenant), written=written.points
    )


def delete_points(call: Call, request: pb.DeletePointsRequest) -> pb.DeletePointsResponse:
    """Delete points by id or by filter."""
    collection, tenant = call.scope(request.scope)
    call.take_memory(_ID_BYTES * count_ids(request.selection.ids))
    ids, filter = read_selection(request.selection)
    deleted = collection.delete(ids, filter=filter, tenant=tenant)
    return pb.DeletePointsResponse(deleted=deleted)


def update_payloads(call: Call, request: pb.UpdatePayloadsRequest) -> pb.UpdatePayloadsResponse:
    """Change payloads of points chosen by id or by filter."""
    collection, tenant = call.scope(request.scope)
    n = count_ids(request.selection.ids)
    call.take_memory(_ID_BYTES * n + _PARSED * sum(request.payloads.row_sizes))
    payload = read_update(request, n)
    ids, filter = read_selection(request.selection)
    updated = columnar(collection).update_payload(
        payload,
        ids,
        filter,
        request.key or None,
        request.replace,
        tenant,
        lambda n: call.take_memory(_REWRITTEN * n),
    )
    return pb.UpdatePayloadsResponse(updated=updated)


def delete_payload_keys(call: Call, request: pb.DeletePayloadKeysRequest) -> pb.DeletePayloadKeysResponse:
    """Delete keys of payloads of points chosen by id or by filter."""
    collection, tenant = call.scope(request.scope)
    call.take_memory(_ID_BYTES * count_ids(request.selection.ids))
    ids, filter = read_selection(request.selection)
    updated = columnar(collection).delete_payload(
        request.keys, ids, filter, tenant, lambda n: call.take_memory(_REWRITTEN * n)
    )
    return pb.DeletePayloadKeysResponse(updated=updated)


def update_vectors(call: Call, request: pb.UpdateVectorsRequest) -> pb.UpdateVectorsResponse:
    """Change vectors of points."""
    collection, tenant = call.scope(request.scope)
    n = count_ids(request.ids)
    _check_points(call, n)
    call.take_memory(_ID_BYTES * n + TOKEN_BYTES * count_tokens(field.vectors for field in request.vectors))
    ids, vectors = unique_ids(read_ids(request.ids)), read_fields(request.vectors, n)
    updated = columnar(collection).update_vectors(
        ids, vectors, tenant, lambda n: call.take_memory(_REWRITTEN * n)
    )
    return pb.UpdateVectorsResponse(updated=updated)


def delete_vectors(call: Call, request: pb.DeleteVectorsRequest) -> pb.DeleteVectorsResponse:
    """Delete vectors of points chosen by id or by filter."""
    collection, tenant = call.scope(request.scope)
    call.take_memory(_ID_BYTES * count_ids(request.selection.ids))
    ids, filter = read_selection(request.selection)
    updated = columnar(collection).delete_vectors(
        request.fields, ids, filter, tenant, lambda n: call.take_memory(_REWRITTEN * n)
    )
    return pb.DeleteVectorsResponse(updated=updated)


def get_points(call: Call, request: pb.GetPointsRequest) -> pb.GetPointsResponse:
    """Return points by id."""
    collection, tenant = call.scope(request.scope)
    n = count_ids(request.ids)
    _check_points(call, n)
    call.take_memory(_ID_BYTES * n)
    call.take_row_memory(n)
    ids = read_ids(request.ids)
    call.wait_in_line()
    found, points = columnar(collection).get(
        ids, read_carried(request), tenant, lambda n: call.take_memory(_READ * n)
    )
    response = pb.GetPointsResponse(found=found.tolist())
    put_points(response.points, points)
    return response


def scroll_points(call: Call, request: pb.ScrollPointsRequest) -> pb.ScrollPointsResponse:
    """Return a page of points; fewer than were asked for when they are large."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    after = None
    if request.HasField("after"):
        after = read_after(request, call.unsealed(request.after, collection, tenant))
    # The engine refuses a longer page, in the words it has for that.
    call.take_row_memory(min(request.limit, SCROLL_LIMIT))
    call.wait_in_line()
    points, following = columnar(collection).scroll(
        filter,
        request.limit,
        after,
        request.order_by or None,
        read_carried(request),
        tenant,
        most_bytes=call.page_bytes - _FIELD_BYTES * len(collection.schema.vectors),
        admit=lambda n: call.take_memory(_READ * n),
    )
    response = pb.ScrollPointsResponse()
    put_points(response.points, points)
    if following is not None:
        put_next(response, following, call.sealed(following.sequence, collection, tenant))
    return response


def sample_points(call: Call, request: pb.SamplePointsRequest) -> pb.SamplePointsResponse:
    """Return points drawn at random."""
    collection, tenant = call.scope(request.scope)
    most = call.limits.max_points
    if request.n > most:
        raise LimitExceeded(f"the call asks for {request.n:,} points and may for {most:,}", field="n")
    filter = read_filter(request.filter) if request.HasField("filter") else None
    call.take_row_memory(request.n)
    call.wait_in_line()
    points = columnar(collection).sample(
        request.n,
        filter,
        request.seed if request.HasField("seed") else None,
        read_carried(request),
        tenant,
        lambda n: call.take_memory(_READ * n),
    )
    response = pb.SamplePointsResponse()
    put_points(response.points, points)
    return response


def count_points(call: Call, request: pb.CountPointsRequest) -> pb.CountPointsResponse:
    """Count points."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    call.wait_in_line()
    return pb.CountPointsResponse(count=collection.count(filter=filter, tenant=tenant))


def get_facets(call: Call, request: pb.GetFacetsRequest) -> pb.GetFacetsResponse:
    """Count the points of each value of a payload field."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    limit = request.limit if request.HasField("limit") else None
    call.wait_in_line()
    found = facets(columnar(collection), request.field, filter, limit, tenant, call.take_memory)
    call.take_memory(_READ * sum(len(facet.value) for facet in found if isinstance(facet.value, str)))
    response = pb.GetFacetsResponse()
    for facet in found:
        put_value(response.facets.add(count=facet.count).value, facet.value)
    return response


def get_min_max(call: Call, request: pb.GetMinMaxRequest) -> pb.GetMinMaxResponse:
    """Return the least and the most value of a payload field."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    call.wait_in_line()
    found = collection.min_max(request.field, filter=filter, tenant=tenant)
    response = pb.GetMinMaxResponse()
    if found is not None:
        put_value(response.least, found[0])
        put_value(response.most, found[1])
    return response


def _check_points(call: Call, n: int) -> None:
    most = call.limits.max_points
    if n > most:
        raise LimitExceeded(f"the call has {n:,} ids and may have {most:,}; send them in parts", field="ids")
