"""Points as messages: columns of ids, payloads and vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.errors import InvalidArgument
from ...engine.filters.canonical import INT64_MAX
from ...engine.filters.notations.reading import FilterLike
from ...engine.input.order import Position
from ...engine.input.upsert_condition import UpsertCondition, UpsertMode
from ...engine.results.carried import Carried, fields_of
from ...engine.results.hit_rows import point_vectors
from ...engine.results.point import Point, PointColumns, PointId
from ...proto.v1 import points_pb2 as pb
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from .bounded_json import has_long_number, read_object
from .filters import put_filter, read_filter
from .payloads import put_payloads, read_checked_payloads, read_payload_column
from .point_ids import put_ids, read_ids
from .vectors import put_fields, read_fields

_MODES = {
    UpsertMode.UPSERT: pb.UPSERT_MODE_UNSPECIFIED,
    UpsertMode.INSERT_ONLY: pb.UPSERT_MODE_INSERT_ONLY,
    UpsertMode.UPDATE_ONLY: pb.UPSERT_MODE_UPDATE_ONLY,
}
_MODE_OF = {int(number): mode for mode, number in _MODES.items()}


def put_points(message: pb.PointColumns, points: PointColumns) -> None:
    """Fill ``message`` with points; payloads go as the text they are stored as."""
    put_ids(message.ids, points.ids)
    put_payloads(message.payloads, points.payloads)
    put_fields(message.vectors, points.vectors)


def read_points(message: pb.PointColumns) -> list[Point]:
    """Return the points of a message; InvalidArgument when its columns differ in length."""
    ids = read_ids(message.ids)
    n = len(ids)
    payloads = read_payload_column(message.payloads, n).to_list()
    columns = read_fields(message.vectors, n)
    return [
        Point(point_id, payload, point_vectors(columns, row))
        for row, (point_id, payload) in enumerate(zip(ids, payloads, strict=True))
    ]


def read_found(message: pb.GetPointsResponse, n: int) -> list[Point | None]:
    """Return what ``get`` of ``n`` ids returned; InvalidArgument when it does not fit."""
    points = read_points(message.points)
    if len(message.found) != n or sum(message.found) != len(points):
        raise InvalidArgument(
            f"found has {len(message.found)} entries, {sum(message.found)} of them true, for {n} ids and "
            f"{len(points)} points",
            field="found",
        )
    rest = iter(points)
    return [next(rest) if there else None for there in message.found]


def read_upsert(message: pb.PointColumns) -> tuple[list[PointId], dict[str, VectorColumn], PayloadColumn]:
    """Return ids, vectors by field and payloads, which are objects that the engine stores as they are.

    Raises
    ------
    InvalidArgument
        When the bytes do not hold what the message says, or columns differ in length. That every field has
        vectors, and of the right width, the engine checks.
    """
    ids = read_ids(message.ids)
    n = len(ids)
    return ids, read_fields(message.vectors, n), read_checked_payloads(message.payloads, n)


def put_condition(message: pb.UpsertPointsRequest, condition: UpsertCondition) -> None:
    """Say in an upsert which of its points are written."""
    message.mode = _MODES[condition.mode]
    if condition.only_if is not None:
        put_filter(message.only_if, condition.only_if)


def read_condition(message: pb.UpsertPointsRequest) -> tuple[UpsertMode, Mapping[str, Any] | None]:
    """Return the mode and the filter of an upsert; InvalidArgument when there is no such mode."""
    if message.mode not in _MODE_OF:
        raise InvalidArgument(
            f"mode is {message.mode}; expected one of {', '.join(map(str, _MODE_OF))}", field="mode"
        )
    return _MODE_OF[message.mode], read_filter(message.only_if) if message.HasField("only_if") else None


def read_update(message: pb.UpdatePayloadsRequest, n: int) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the one object of UpdatePayloads, or those of its ``n`` ids.

    Raises
    ------
    InvalidArgument
        When what it has is no object, or not one for each id, or both ways are taken.
    """
    text = message.payload_json
    if not message.HasField("payloads"):
        return read_object(text, "payload", "payload", has_long_number(text))
    if text:
        raise InvalidArgument("the update has payload_json and payloads; set one of them", field="payload")
    # Where no object is sent, none is meant for each id.
    if n and not message.payloads.row_sizes:
        raise InvalidArgument(f"payloads has no rows for {n} ids; pass one object per id", field="payloads")
    return read_checked_payloads(message.payloads, n).to_list()


def put_selection(message: pb.Selection, ids: Sequence[PointId] | None, filter: FilterLike | None) -> None:
    """Fill ``message`` with the points that a write is about: ids, or a filter."""
    if ids is not None:
        put_ids(message.ids, ids)
    elif filter is not None:
        put_filter(message.filter, filter)


def read_selection(message: pb.Selection) -> tuple[list[PointId] | None, Mapping[str, Any] | None]:
    """Return the points that a write is about, by ids or by filter: one of the two is None.

    Raises
    ------
    InvalidArgument
        When neither is there: a write is never about all points because something was left out.
    """
    match message.WhichOneof("by"):
        case "ids":
            return read_ids(message.ids), None
        case "filter":
            return None, read_filter(message.filter)
    raise InvalidArgument("the selection names no points; set ids or filter", field="ids")


def put_carried(
    message: pb.GetPointsRequest | pb.ScrollPointsRequest | pb.SamplePointsRequest, carried: Carried
) -> None:
    """Say in ``message`` what points come with."""
    message.with_vectors = carried.vectors is True
    message.vector_fields.extend(fields_of(carried.vectors) or ())
    message.payload_keys.extend(fields_of(carried.payload) or ())
    message.without_payload = not carried.payload


def read_carried(message: pb.GetPointsRequest | pb.ScrollPointsRequest | pb.SamplePointsRequest) -> Carried:
    """Return what points are to come with; the engine checks the names."""
    return Carried(
        tuple(message.payload_keys) or not message.without_payload,
        tuple(message.vector_fields) or message.with_vectors,
    )


def put_after(message: pb.ScrollPointsRequest, position: Position | None) -> None:
    """Say in ``message`` where the page before ended."""
    if position is None:
        return
    message.after = position.sequence
    if position.is_time:
        message.after_time = int(position.value or 0)
    elif isinstance(position.value, int) and position.value > INT64_MAX:
        message.after_large = position.value
    elif isinstance(position.value, int):
        message.after_integer = position.value
    elif position.value is not None:
        message.after_number = position.value


def read_after(message: pb.ScrollPointsRequest, sequence: int) -> Position:
    """Return where the page before ended, at a point of this sequence number."""
    match message.WhichOneof("after_value"):
        case "after_integer":
            return Position(sequence, message.after_integer)
        case "after_number":
            if not math.isfinite(message.after_number):
                raise InvalidArgument(
                    f"after_number is {message.after_number}; expected next_number of the page before",
                    field="after",
                )
            return Position(sequence, message.after_number)
        case "after_large":
            return Position(sequence, message.after_large)
        case "after_time":
            return Position(sequence, message.after_time, is_time=True)
    return Position(sequence)


def put_next(message: pb.ScrollPointsResponse, position: Position, sequence: int) -> None:
    """Say in ``message`` where the page ends, and the sequence number as its reader may know it."""
    message.next = sequence
    if position.is_time:
        message.next_time = int(position.value or 0)
    elif isinstance(position.value, int) and position.value > INT64_MAX:
        message.next_large = position.value
    elif isinstance(position.value, int):
        message.next_integer = position.value
    elif position.value is not None:
        message.next_number = position.value


def read_next(message: pb.ScrollPointsResponse) -> Position | None:
    """Return where the next page starts, None when this is the last."""
    if not message.HasField("next"):
        return None
    match message.WhichOneof("next_value"):
        case "next_integer":
            return Position(message.next, message.next_integer)
        case "next_number":
            return Position(message.next, message.next_number)
        case "next_large":
            return Position(message.next, message.next_large)
        case "next_time":
            return Position(message.next, message.next_time, is_time=True)
    return Position(message.next)
