"""The RPCs of PointService."""

from __future__ import annotations

from ....engine.collection import Collection
from ....engine.errors import LimitExceeded
from ....proto.v1 import points_pb2 as pb
from ...wire.filters import read_filter
from ...wire.point_ids import count_ids, read_ids
from ...wire.points import put_found, put_points, read_payload, read_selection, read_upsert
from ..calls.call import Call

# What a Python object of a payload takes, as a multiple of its JSON; and an id that is chosen by.
_PARSED = 6
# What a point that is read takes, as a multiple of its bytes: as an object, in the message, and as its bytes;
# or, where it is read to be written anew, as an object, in the batch, in the log and in the growing segment.
_READ = 4
_ID_BYTES = 100
# The engine refuses a longer page, in the words it has for that.
_LONGEST_PAGE = 10_000


def upsert_points(call: Call, request: pb.UpsertPointsRequest) -> pb.UpsertPointsResponse:
    """Insert or replace points."""
    collection, tenant = call.scope(request.scope)
    points = request.points
    n = count_ids(points.ids)
    _check_points(call, n)
    payload_bytes = sum(points.payloads.row_sizes)
    call.take_memory(_PARSED * payload_bytes)
    ids, vectors, payloads = read_upsert(points)
    sequence = collection.upsert(ids, vectors, payloads, tenant=tenant)
    call.sizes.learn(collection.uuid, n, payload_bytes)
    if not n and call.principal.tenants is not None:
        # Where nothing was written, the number is that of the last write of anybody.
        sequence = 0
    return pb.UpsertPointsResponse(sequence_number=call.sealed(sequence, collection, tenant))


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
    payload = read_payload(request.payload_json)
    call.take_memory(_ID_BYTES * count_ids(request.selection.ids))
    ids, filter = read_selection(request.selection)
    updated = collection.update_payload(
        payload,
        ids,
        filter=filter,
        replace=request.replace,
        tenant=tenant,
        admit=lambda n: call.take_memory(_READ * n),
    )
    return pb.UpdatePayloadsResponse(updated=updated)


def get_points(call: Call, request: pb.GetPointsRequest) -> pb.GetPointsResponse:
    """Return points by id."""
    collection, tenant = call.scope(request.scope)
    n, with_vectors = count_ids(request.ids), request.with_vectors
    _check_points(call, n)
    call.take_memory(_ID_BYTES * n)
    call.take_point_memory(collection, n, False, False)
    ids = read_ids(request.ids)
    call.wait_in_line()
    points = collection.get(
        ids, with_vectors=with_vectors, tenant=tenant, admit=lambda n: call.take_memory(_READ * n)
    )
    response = pb.GetPointsResponse()
    put_found(response, points, collection.schema)
    _learn(call, collection, response.points)
    return response


def scroll_points(call: Call, request: pb.ScrollPointsRequest) -> pb.ScrollPointsResponse:
    """Return a page of points; fewer than were asked for when they are large."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    after = call.unsealed(request.after, collection, tenant) if request.HasField("after") else None
    most, n = call.page_bytes, request.limit
    size = call.point_bytes(collection, True, request.with_vectors)
    if n * size > most and n <= _LONGEST_PAGE:
        n = max(1, int(most / size))
    call.take_memory(int(min(n, _LONGEST_PAGE) * size))
    call.wait_in_line()
    while True:
        page = collection.scroll(
            filter=filter,
            limit=n,
            after=after,
            with_vectors=request.with_vectors,
            tenant=tenant,
            most_bytes=most,
            admit=lambda n: call.cover_memory(_READ * n),
        )
        response = pb.ScrollPointsResponse()
        put_points(response.points, page.points, collection.schema)
        _learn(call, collection, response.points)
        size = response.ByteSize()
        if size <= most or n == 1:
            break
        # They are larger than those seen before. The page is read again, shorter, for its end to be known.
        n = max(1, min(n // 2, int(len(page.points) * most / size)))
    if page.next is not None:
        response.next = call.sealed(page.next, collection, tenant)
    return response


def count_points(call: Call, request: pb.CountPointsRequest) -> pb.CountPointsResponse:
    """Count points."""
    collection, tenant = call.scope(request.scope)
    filter = read_filter(request.filter) if request.HasField("filter") else None
    call.wait_in_line()
    return pb.CountPointsResponse(count=collection.count(filter=filter, tenant=tenant))


def _check_points(call: Call, n: int) -> None:
    most = call.limits.max_points
    if n > most:
        raise LimitExceeded(f"the call has {n:,} ids and may have {most:,}; send them in parts", field="ids")


def _learn(call: Call, collection: Collection, points: pb.PointColumns) -> None:
    sizes = points.payloads.row_sizes
    call.sizes.learn(collection.uuid, len(sizes), sum(sizes))
