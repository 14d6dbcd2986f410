"""Which points get which payload: what ``update_payload`` is called with, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...storage.columns.payloads import PayloadColumn
from ..error_translation import translated
from ..errors import InvalidArgument
from ..filters.expression import Filter
from ..filters.notations.reading import FilterLike
from ..filters.parsing import parse_fields
from ..results.point import PointId
from ..schema.collection_schema import CollectionSchema
from .ids import Ids, selection, unique_ids
from .payload_paths import PayloadPath, payload_path
from .payloads import Payloads, payload_column

PayloadChange = Mapping[str, Any] | Payloads
"""One object for all points, or one for each."""


@dataclass(frozen=True, slots=True)
class PayloadUpdate:
    """Payloads and the points that they are for.

    Attributes
    ----------
    ids : list of int or str, or None
    filter : Filter or None
        Which points, by one of the two; the filter is not bound to a schema.
    payloads : PayloadColumn
        One an id where they are ``listed``, otherwise one for all points.
    listed : bool
    path : tuple of str
        Where in the payload of a point they go.
    """

    ids: list[PointId] | None
    filter: Filter | None
    payloads: PayloadColumn
    listed: bool
    path: PayloadPath


def payload_update(
    schema: CollectionSchema,
    payload: PayloadChange,
    ids: Ids | None,
    filter: FilterLike | None,
    key: str | None,
) -> PayloadUpdate:
    """Return the update of these arguments.

    Raises
    ------
    InvalidArgument
        When points are not chosen in one way, an id occurs twice or has no payload of its own in a list, a
        payload cannot be stored, or at its path would not fit the indexed fields.
    """
    path = payload_path(key)
    chosen, unbound = selection(schema, ids, filter)
    listed = not isinstance(payload, Mapping | str | bytes) and (
        isinstance(payload, Iterable) or hasattr(payload, "__arrow_c_stream__")
    )
    if listed and chosen is None:
        raise InvalidArgument(
            "payload is a list, one object for each id, and the points are chosen by filter; pass one "
            "object, or ids",
            field="payload",
        )
    rows: Any = payload if listed else [payload]
    if listed and ids is not None:
        chosen = unique_ids(ids).to_list()
    # Below a path the keys are those of no field.
    declared = CollectionSchema(schema.vectors) if path else schema
    column = nested = payload_column(declared, rows, len(chosen) if listed and chosen is not None else 1)
    if path:
        with translated():
            nested = PayloadColumn.from_rows([_placed(row, path) for row in column.to_list()], len(column))
    parse_fields(schema.fixed, nested)
    return PayloadUpdate(chosen, unbound, column, listed, path)


def _placed(payload: Mapping[str, Any], path: PayloadPath) -> Mapping[str, Any]:
    for key in reversed(path):
        payload = {key: payload}
    return payload
