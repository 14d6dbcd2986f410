"""Turns what a caller passes to a search into arrays that kernels take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...indexes.protocol import Queries
from ..errors import InvalidArgument
from ..filters.binding import bind
from ..filters.expression import Filter
from ..filters.qdrant_json import filter_from_json
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of


def chosen_field(schema: CollectionSchema, field: str | None) -> tuple[str, VectorField]:
    """Return name and spec of the field a call searches."""
    if field is None:
        if len(schema.vectors) == 1:
            return next(iter(schema.vectors.items()))
        raise InvalidArgument(
            f"the collection has the vector fields {sorted(schema.vectors)}; say which with field=",
            field="field",
        )
    spec = schema.vectors.get(field) if isinstance(field, str) else None
    if spec is None:
        raise InvalidArgument(
            f"no vector field is named {field!r}; the collection has {sorted(schema.vectors)}", field="field"
        )
    return field, spec


def bound(filter: Filter | Mapping[str, Any] | None, schema: CollectionSchema) -> Filter | None:
    """Return a filter given as an expression or as JSON, checked against the indexed payload fields."""
    if filter is None:
        return None
    if isinstance(filter, Mapping):
        filter = filter_from_json(filter)
    if not isinstance(filter, Filter):
        raise InvalidArgument(
            f"filter is a {type(filter).__name__}; expected an expression, F('year') >= 1990, or its JSON",
            field="filter",
        )
    return bind(filter, schema)


def validate_queries(name: str, spec: VectorField, query: Any) -> tuple[Queries, bool]:
    """Return queries as a batch, and whether the caller gave a single one.

    Raises
    ------
    InvalidArgument
        Wrong shape or dimension, NaN or infinity, a zero vector under the cosine.
    """
    return kind_of(spec).queries(spec, query, name)


def check_integer(name: str, value: Any, low: int, high: int) -> int:
    """Return ``value`` as an int; InvalidArgument unless it is an integer in ``[low, high]``."""
    integral = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integral or not low <= int(value) <= high:
        raise InvalidArgument(
            f"{name} is {value!r}; expected an integer from {low:,} to {high:,}", field=name
        )
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """Return ``value`` as a bool, or raise InvalidArgument."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgument(f"{name} is {value!r:.80}; expected True or False", field=name)
    return bool(value)
