"""In which order pages of points come, and where one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidArgument, UnindexedField
from ..filters.canonical import INT64_MAX, INT64_MIN
from ..schema.payload_field import FieldType
from .queries import check_integer


@dataclass(frozen=True, slots=True)
class Order:
    """The values of a payload field, rising or falling."""

    field: str
    kind: FieldType
    falling: bool


@dataclass(frozen=True, slots=True)
class Position:
    """The last point of a page: its sequence number, and in an order its value, None where it has none."""

    sequence: int
    value: float | None = None


def checked_order(fields: Mapping[str, FieldType], order_by: Any) -> Order | None:
    """Return the order that ``"year"`` or ``"-year"`` means, None for that of writing.

    Raises
    ------
    UnindexedField
        The field is not indexed.
    InvalidArgument
        Its values have no order, or it is no text.
    """
    if order_by is None:
        return None
    if not isinstance(order_by, str):
        raise InvalidArgument(f"order_by is {order_by!r:.80}; expected 'year' or '-year'", field="order_by")
    path = order_by.removeprefix("-")
    kind = fields.get(path)
    ordered = sorted(name for name, one in fields.items() if one.ordered)
    if kind is None:
        raise UnindexedField(
            f"order_by names {path!r}, which is not indexed; fields to order by are {ordered}",
            field="order_by",
        )
    if not kind.ordered:
        raise InvalidArgument(
            f"order_by names {path!r}, of type {kind.value}; fields to order by are {ordered}",
            field="order_by",
        )
    return Order(path, kind, order_by != path)


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
        number = int(value) if value.lstrip("-").isdigit() else float(value) if value else None
        if isinstance(number, int) and not INT64_MIN <= number <= INT64_MAX:
            raise ValueError
        return Position(check_integer("after", int(sequence), 0, 2**63), number)
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
    return f"{'' if position.value is None else repr(position.value)}@{position.sequence}"
