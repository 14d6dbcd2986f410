"""In which order pages of points come, and where one ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidArgument
from ..filters.canonical import INT64_MAX, INT64_MIN
from ..schema.collection_schema import CollectionSchema
from ..schema.payload_field import FieldType
from .payload_paths import read_path
from .queries import check_integer

# What a time in a token begins with: it stands behind all numbers, and one of them may be as large.
_TIME = "t"


@dataclass(frozen=True, slots=True)
class Order:
    """The values of a payload field, rising or falling; without a type payloads are read for them."""

    field: str
    kind: FieldType | None
    falling: bool


@dataclass(frozen=True, slots=True)
class Position:
    """The last point of a page: its sequence number, and in an order its value, None where it has none.

    A time is in microseconds from 1970.
    """

    sequence: int
    value: float | None = None
    is_time: bool = False


def checked_order(schema: CollectionSchema, order_by: Any) -> Order | None:
    """Return the order that ``"year"`` or ``"-year"`` means, None for that of writing.

    Raises
    ------
    UnindexedField
        The field is not indexed, and the schema is strict.
    InvalidArgument
        It is no path, or of a type whose values have no order.
    """
    if order_by is None:
        return None
    if not isinstance(order_by, str):
        raise InvalidArgument(f"order_by is {order_by!r:.80}; expected 'year' or '-year'", field="order_by")
    path = order_by.removeprefix("-")
    kind = schema.fields.get(path)
    if kind is None:
        path = read_path(schema, path, "order_by")
    elif not kind.ordered:
        ordered = sorted(name for name, one in schema.fields.items() if one.ordered)
        raise InvalidArgument(
            f"order_by names {path!r}, of type {kind.value}; fields to order by are {ordered}",
            field="order_by",
        )
    return Order(path, kind, order_by.startswith("-"))


def position_after(after: Any, ordered: bool) -> Position | None:
    """Return the end of the page before, from what its ``next`` is.

    Raises
    ------
    InvalidArgument
        It is of another kind of pages, or of none.
    """
    if after is None:
        return None
    if not ordered:
        return Position(check_integer("after", after, 0, 2**63))
    value, at, sequence = after.partition("@") if isinstance(after, str) else ("", "", "")
    try:
        if not at:
            raise ValueError
        is_time, value = value.startswith(_TIME), value.removeprefix(_TIME)
        number = int(value) if value.lstrip("-").isdigit() else float(value) if value else None
        if isinstance(number, int) and not INT64_MIN <= number <= (INT64_MAX if is_time else 2**64 - 1):
            raise ValueError
        if (is_time and not isinstance(number, int)) or not math.isfinite(number or 0):
            raise ValueError
        return Position(check_integer("after", int(sequence), 0, 2**63), number, is_time)
    except ValueError:
        raise InvalidArgument(
            f"after is {after!r:.80}; expected next of a page in the same order", field="after"
        ) from None


def token_of(position: Position | None, ordered: bool) -> int | str | None:
    """Return what a page calls its end: what :func:`position_after` reads."""
    if position is None:
        return None
    if not ordered:
        return position.sequence
    value = "" if position.value is None else repr(position.value)
    return f"{_TIME if position.is_time else ''}{value}@{position.sequence}"
