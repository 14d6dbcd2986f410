"""Writing, deleting, reading and counting points, without input and output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.api import Ids
from ....engine.errors import VicinalError
from ....engine.filters.notations.reading import FilterLike
from ....engine.filters.parsing import parse_fields
from ....engine.input.ids import id_list, named_columns, selection, unique_ids, vector_columns, vector_fields
from ....engine.input.order import checked_order, position_after, token_of
from ....engine.input.payload_paths import payload_paths
from ....engine.input.payload_update import PayloadChange, payload_update
from ....engine.input.payloads import Payloads, payload_column
from ....engine.input.queries import bound, check_flag, check_integer
from ....engine.input.upsert_condition import UpsertMode, upsert_condition
from ....engine.results.carried import Carried
from ....engine.results.point import Page, Point, PointId
from ....engine.results.written import Written
from ....proto.v1 import points_pb2 as pb
from ....storage.columns.ids import IdColumn
from ....storage.columns.payloads import PayloadColumn
from ...wire.filters import put_filter
from ...wire.methods import METHODS
from ...wire.payloads import put_payloads
from ...wire.point_ids import put_ids
from ...wire.points import (
    put_after,
    put_carried,
    put_condition,
    put_selection,
    read_found,
    read_next,
    read_points,
)
from ...wire.vectors import put_fields
from ..calls.call import Operation
from ..calls.caller import Caller
from .call_limits import MESSAGE_BYTES, ServerLimits
from .handle import CollectionHandle
from .live_schema import LiveSchema
from .parts import Parts, cut, in_parts, nothing
from .responses import parsed, understood

_UPSERT_POINTS = METHODS["/vicinal.v1.PointService/UpsertPoints"]
_DELETE_POINTS = METHODS["/vicinal.v1.PointService/DeletePoints"]
_UPDATE_PAYLOADS = METHODS["/vicinal.v1.PointService/UpdatePayloads"]
_DELETE_PAYLOAD_KEYS = METHODS["/vicinal.v1.PointService/DeletePayloadKeys"]
_UPDATE_VECTORS = METHODS["/vicinal.v1.PointService/UpdateVectors"]
_DELETE_VECTORS = METHODS["/vicinal.v1.PointService/DeleteVectors"]
_GET_POINTS = METHODS["/vicinal.v1.PointService/GetPoints"]
_SCROLL_POINTS = METHODS["/vicinal.v1.PointService/ScrollPoints"]
_SAMPLE_POINTS = METHODS["/vicinal.v1.PointService/SamplePoints"]
_COUNT_POINTS = METHODS["/vicinal.v1.PointService/CountPoints"]
_PAGE_ROWS = 10_000
_FIELD_BYTES = 256
"""What each vector field of a request has beside its rows, at most."""


class PointOperations:
    """The calls of one collection that are about points."""

    def __init__(
        self, handle: CollectionHandle, caller: Caller, limits: ServerLimits, schema: LiveSchema
    ) -> None:
        self._handle = handle
        self._caller = caller
        self._limits = limits
        self._schema = schema

    def upsert(
        self,
        ids: Ids,
        vectors: Any,
        payloads: Payloads | None,
        tenant: str | None,
        mode: UpsertMode | str = UpsertMode.UPSERT,
        only_if: FilterLike | None = None,
    ) -> Operation[Written]:
        """Insert or replace points, in as many calls as the server's limits make necessary."""
        column = unique_ids(ids)
        scope = self._handle.scope(tenant)
        condition = yield from self._schema.checked(lambda schema: upsert_condition(schema, mode, only_if))
        harmless = condition is None or condition.is_repeatable
        columns = yield from self._schema.checked(lambda schema: vector_columns(schema, vectors, len(column)))
        rows = yield from self._schema.checked(lambda schema: payload_column(schema, payloads, len(column)))
        sizes = column.row_bytes() + rows.row_bytes() + sum(c.row_bytes() for c in columns.values())
        parts = yield from self._parts(sizes, "points")

        def send(start: int, stop: int) -> Operation[Written]:
            request = pb.UpsertPointsRequest()
            if condition is not None:
                put_condition(request, condition)
            put_ids(request.points.ids, column.slice(start, stop).column())
            put_fields(request.points.vectors, {name: c.slice(start, stop) for name, c in columns.items()})
            if payloads is not None:
                put_payloads(request.points.payloads, rows.slice(start, stop))
            try:
                answer = yield from self._caller.call(
                    _UPSERT_POINTS, scope + request.SerializeToString(), harmless=harmless
                )
            except VicinalError as error:
                if start:
                    error.add_note(f"the first {start:,} of {len(column):,} points were written before this")
                raise
            response = parsed(pb.UpsertPointsResponse, answer)
            return Written(response.sequence_number, response.written)

        # The server checks the payloads too, but of a part alone it would after others were written.
        numbers = yield from in_parts(parts, send, lambda: self._check_payloads(rows))
        yield from self._schema.follow_declared()
        return Written(numbers[-1], sum(part.points for part in numbers))

    def delete(self, ids: Ids | None, filter: FilterLike | None, tenant: str | None) -> Operation[int]:
        """Delete points by id or by filter."""
        listed, _ = yield from self._schema.checked(lambda schema: selection(schema, ids, filter))
        scope = self._handle.scope(tenant)

        def send(chosen: pb.Selection, start: int, stop: int) -> Operation[int]:
            request = pb.DeletePointsRequest(selection=chosen)
            # Done twice, it would find nothing the second time and say so.
            answer = yield from self._caller.call(
                _DELETE_POINTS, scope + request.SerializeToString(), harmless=False
            )
            return parsed(pb.DeletePointsResponse, answer).deleted

        return (yield from self._each_selection(listed, filter, send))

    def update_payload(
        self,
        payload: PayloadChange,
        ids: Ids | None,
        filter: FilterLike | None,
        key: str | None,
        replace: bool,
        tenant: str | None,
    ) -> Operation[int]:
        """Merge into, or replace, the payloads of points by id or by filter."""
        asked = yield from self._schema.checked(
            lambda schema: payload_update(schema, payload, ids, filter, key)
        )
        check_flag("replace", replace)
        scope, column = self._handle.scope(tenant), asked.payloads

        def send(chosen: pb.Selection, start: int, stop: int) -> Operation[int]:
            request = pb.UpdatePayloadsRequest(selection=chosen, replace=replace, key=key or "")
            if asked.listed:
                put_payloads(request.payloads, column.slice(start, stop))
            else:
                request.payload_json = column.raw(0)
            # A filter may not find the points again once they are changed.
            answer = yield from self._caller.call(
                _UPDATE_PAYLOADS, scope + request.SerializeToString(), harmless=asked.ids is not None
            )
            return parsed(pb.UpdatePayloadsResponse, answer).updated

        beside = column.row_bytes() if asked.listed else column.largest()
        updated = yield from self._each_selection(asked.ids, filter, send, beside)
        yield from self._schema.follow_declared()
        return updated

    def delete_payload(
        self, keys: Iterable[str], ids: Ids | None, filter: FilterLike | None, tenant: str | None
    ) -> Operation[int]:
        """Delete keys of the payloads of points by id or by filter."""
        paths = [".".join(path) for path in payload_paths(keys)]
        listed, _ = yield from self._schema.checked(lambda schema: selection(schema, ids, filter))
        scope = self._handle.scope(tenant)

        def send(chosen: pb.Selection, start: int, stop: int) -> Operation[int]:
            request = pb.DeletePayloadKeysRequest(selection=chosen, keys=paths)
            answer = yield from self._caller.call(
                _DELETE_PAYLOAD_KEYS, scope + request.SerializeToString(), harmless=listed is not None
            )
            return parsed(pb.DeletePayloadKeysResponse, answer).updated

        return (yield from self._each_selection(listed, filter, send))

    def update_vectors(self, ids: Ids, vectors: Any, tenant: str | None) -> Operation[int]:
        """Change vectors of points by id, in as many calls as the server's limits make necessary."""
        column = unique_ids(ids)
        columns = named_columns(self._handle.schema, vectors, len(column))
        scope = self._handle.scope(tenant)
        sizes = column.row_bytes() + sum(c.row_bytes() for c in columns.values())
        parts = yield from self._parts(sizes, "points")

        def send(start: int, stop: int) -> Operation[int]:
            request = pb.UpdateVectorsRequest()
            put_ids(request.ids, column.slice(start, stop).column())
            put_fields(request.vectors, {name: c.slice(start, stop) for name, c in columns.items()})
            try:
                answer = yield from self._caller.call(
                    _UPDATE_VECTORS, scope + request.SerializeToString(), harmless=True
                )
            except VicinalError as error:
                if start:
                    error.add_note(f"the first {start:,} of {len(column):,} ids were done before this")
                raise
            return parsed(pb.UpdateVectorsResponse, answer).updated

        return sum((yield from in_parts(parts, send, nothing)))

    def delete_vectors(
        self, fields: Iterable[str], ids: Ids | None, filter: FilterLike | None, tenant: str | None
    ) -> Operation[int]:
        """Delete vectors of points by id or by filter."""
        schema = self._handle.schema
        named = vector_fields(schema, fields)
        listed, _ = selection(schema, ids, filter)
        scope = self._handle.scope(tenant)

        def send(chosen: pb.Selection, start: int, stop: int) -> Operation[int]:
            request = pb.DeleteVectorsRequest(selection=chosen, fields=named)
            # A filter may not find the points again once they are changed.
            answer = yield from self._caller.call(
                _DELETE_VECTORS, scope + request.SerializeToString(), harmless=listed is not None
            )
            return parsed(pb.DeleteVectorsResponse, answer).updated

        return (yield from self._each_selection(listed, filter, send))

    def get(self, ids: Ids, carried: Carried, tenant: str | None) -> Operation[list[Point | None]]:
        """Return points by id."""
        wanted = id_list(ids)
        scope = self._handle.scope(tenant)
        parts = yield from self._parts(IdColumn.from_values(wanted).row_bytes(), "ids")

        def send(start: int, stop: int) -> Operation[list[Point | None]]:
            request = pb.GetPointsRequest()
            put_carried(request, carried)
            put_ids(request.ids, wanted[start:stop])
            answer = yield from self._caller.call(
                _GET_POINTS, scope + request.SerializeToString(), harmless=True
            )
            with understood():
                return read_found(parsed(pb.GetPointsResponse, answer), stop - start)

        found = yield from in_parts(parts, send, nothing)
        return [point for part in found for point in part]

    def scroll(
        self,
        filter: FilterLike | None,
        limit: int,
        after: int | str | None,
        order_by: str | None,
        carried: Carried,
        tenant: str | None,
    ) -> Operation[Page]:
        """Return one page, put together from several where the server sends less at a time."""
        limit = check_integer("limit", limit, 1, _PAGE_ROWS)
        ordered = order_by is not None
        position = position_after(after, ordered)
        if ordered:
            yield from self._schema.checked(lambda schema: checked_order(schema, order_by))
        scope = self._handle.scope(tenant)
        scope += yield from self._filter(filter, pb.ScrollPointsRequest())
        points: list[Point] = []
        while True:
            request = pb.ScrollPointsRequest(limit=limit - len(points), order_by=order_by)
            put_after(request, position)
            put_carried(request, carried)
            answer = yield from self._caller.call(
                _SCROLL_POINTS, scope + request.SerializeToString(), harmless=True
            )
            response = parsed(pb.ScrollPointsResponse, answer)
            with understood():
                points += read_points(response.points)
            position = read_next(response)
            if position is None or len(points) >= limit:
                return Page(points, token_of(position, ordered))

    def sample(
        self, n: int, filter: FilterLike | None, seed: int | None, carried: Carried, tenant: str | None
    ) -> Operation[list[Point]]:
        """Return points drawn at random."""
        request = pb.SamplePointsRequest(n=check_integer("n", n, 1, _PAGE_ROWS))
        if seed is not None:
            request.seed = check_integer("seed", seed, 0, 2**63 - 1)
        put_carried(request, carried)
        scope = self._handle.scope(tenant)
        encoded = yield from self._filter(filter, request)
        answer = yield from self._caller.call(_SAMPLE_POINTS, scope + encoded, harmless=True)
        with understood():
            return read_points(parsed(pb.SamplePointsResponse, answer).points)

    def count(self, filter: FilterLike | None, tenant: str | None) -> Operation[int]:
        """Return exactly how many points there are, or satisfy a filter."""
        scope = self._handle.scope(tenant)
        request = yield from self._filter(filter, pb.CountPointsRequest())
        answer = yield from self._caller.call(_COUNT_POINTS, scope + request, harmless=True)
        return parsed(pb.CountPointsResponse, answer).count

    def _filter(
        self,
        filter: FilterLike | None,
        request: pb.ScrollPointsRequest | pb.SamplePointsRequest | pb.CountPointsRequest,
    ) -> Operation[bytes]:
        """Return a filter, checked, as a part of ``request``."""
        if filter is not None:
            yield from self._schema.checked(lambda schema: bound(filter, schema))
            put_filter(request.filter, filter)
        return request.SerializeToString()

    def _check_payloads(self, payloads: PayloadColumn) -> Operation[object]:
        """Raise what the server would say of payloads."""
        return self._schema.checked(lambda schema: parse_fields(schema.fixed, payloads))

    def _each_selection(
        self,
        ids: list[PointId] | None,
        filter: FilterLike | None,
        send: Callable[[pb.Selection, int, int], Operation[int]],
        beside: NDArray[np.int64] | int = 0,
    ) -> Operation[int]:
        """Send what a write is about, ids in as many calls as they need; return how many there were.

        ``send`` is told the first and the last of them too; ``beside`` is how many bytes it puts to each.
        """
        if ids is None:
            chosen = pb.Selection()
            put_selection(chosen, None, filter)
            return (yield from send(chosen, 0, 0))

        def send_part(start: int, stop: int) -> Operation[int]:
            chosen = pb.Selection()
            put_selection(chosen, ids[start:stop], None)
            try:
                return (yield from send(chosen, start, stop))
            except VicinalError as error:
                if start:
                    error.add_note(f"the first {start:,} of {len(ids):,} ids were done before this")
                raise

        limits = yield from self._limits.get()
        sizes = IdColumn.from_values(ids).row_bytes() + beside
        parts = cut(sizes, limits.message_bytes - MESSAGE_BYTES, max(len(ids), 1), "ids")
        return sum((yield from in_parts(parts, send_part, nothing)))

    def _parts(self, sizes: NDArray[np.int64], what: str) -> Operation[Parts]:
        limits = yield from self._limits.get()
        beside = MESSAGE_BYTES + _FIELD_BYTES * len(self._handle.schema.vectors)
        return cut(sizes, limits.message_bytes - beside, limits.points, what)
