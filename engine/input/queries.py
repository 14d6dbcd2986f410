"""Turns what a caller passes to a search into arrays that kernels take."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...indexes.protocol import Queries
from ..errors import InvalidArgument
from ..filters.binding import bind
from ..filters.expression import Filter
from ..filters.notations.reading import FilterLike, FiltersLike, as_filter
from ..results.carried import Carried, Named, fields_of
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of

MAX_NAMES = 256
"""Names of a list of payload keys or vector fields."""


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


def bound(filter: FilterLike | None, schema: CollectionSchema) -> Filter | None:
    """Return a filter in any of its forms, checked against the indexed payload fields."""
    # A caller's filter is mostly used for many searches of one collection; neither ever changes.
    kept: tuple[object, Filter] | None = getattr(filter, "_bound", None)
    if kept is not None and kept[0] is schema:
        return kept[1]
    if filter is None:
        return None
    expression = as_filter(filter)
    found = bind(expression, schema)
    if found is not expression:
        object.__setattr__(expression, "_bound", (schema, found))
    return found


def bound_filters(
    filters: FiltersLike | None, schema: CollectionSchema, single: bool, queries: int
) -> Filter | list[Filter | None] | None:
    """Return the filter of a search, or that of each of its queries, checked as :func:`bound` does.

    Raises
    ------
    InvalidArgument
        There is a list of filters for one query, or of more or fewer than there are queries.
    """
    if not isinstance(filters, list | tuple):
        return bound(filters, schema)  # type: ignore[arg-type]  # what is no filter is refused as such
    if single or len(filters) != queries:
        searched = "one query" if single else f"a batch of {queries:,} queries"
        raise InvalidArgument(
            f"filter is a list of {len(filters):,} and the search has {searched}; give one filter for all "
            "queries, or a list with one, or None, for each query of a batch",
            field="filter",
        )
    return [bound(filter, schema) for filter in filters]


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


def check_named(name: str, value: Any) -> Named:
    """Return True, False or a tuple of names for ``with_payload`` and ``with_vectors``.

    Raises
    ------
    InvalidArgument
        When it is neither a bool nor a list of texts.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    listed = isinstance(value, list | tuple | set | frozenset)
    if not listed or len(value) > MAX_NAMES or not all(isinstance(one, str) and one for one in value):
        raise InvalidArgument(
            f"{name} is {value!r:.80}; expected True, False or a list of at most {MAX_NAMES} names",
            field=name,
        )
    return tuple(dict.fromkeys(str(one) for one in value))


def named(with_payload: Any, with_vectors: Any) -> Carried:
    """Return what points are to carry, whatever fields there are."""
    return Carried(check_named("with_payload", with_payload), check_named("with_vectors", with_vectors))


def carried(schema: CollectionSchema, with_payload: Any, with_vectors: Any) -> Carried:
    """Return what points are to carry, checked against the vector fields of the collection."""
    asked = named(with_payload, with_vectors)
    for name in fields_of(asked.vectors) or ():
        if name not in schema.vectors:
            raise InvalidArgument(
                f"with_vectors names {name!r}; the collection has the vector fields {sorted(schema.vectors)}",
                field="with_vectors",
            )
    return asked
