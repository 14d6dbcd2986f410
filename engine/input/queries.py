"""Turns what a caller passes to a search into arrays that kernels take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...storage.columns.vectors import DenseColumn, MultiColumn, SparseColumn
from ..errors import InvalidArgument
from ..filters.binding import bind
from ..filters.expression import Filter
from ..filters.qdrant_json import filter_from_json
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import Dense, Multi, Sparse, VectorField
from .dense import MAX_MAGNITUDE, SHORTEST, column, to_element, to_matrix
from .ragged import to_multi, to_sparse
from .vectors import validate_vectors

Queries = NDArray[Any] | SparseColumn | MultiColumn

_LEAST_SQUARE = SHORTEST**2


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
    match spec:
        case Dense():
            return dense_queries(name, spec, query)
        case Sparse():
            single = isinstance(query, Mapping) or (isinstance(query, tuple) and len(query) == 2)
            return to_sparse([query] if single else query, f"query for {name!r}"), single
        case Multi():
            if not isinstance(query, np.ndarray | tuple):
                query = column(
                    query, f"query for {name!r}", "pass the vectors of one query, or a list of those"
                )
            single = getattr(query, "ndim", 0) == 2
            rows = [query] if single else query
            return to_multi(rows, f"query for {name!r}", spec.dim, spec.element), single


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


def dense_queries(name: str, spec: Dense, query: Any) -> tuple[NDArray[Any], bool]:
    """Return dense queries as a batch, and whether the caller gave a single one."""
    # The common call, which is to cost little. A sum of squares in range shows that every number is finite.
    if (
        type(query) is np.ndarray
        and query.dtype == np.float32
        and query.shape == (spec.dim,)
        and _LEAST_SQUARE <= query.dot(query) < MAX_MAGNITUDE**2
        and spec.element is not Element.BINARY
    ):
        return np.ascontiguousarray(query).reshape(1, -1), True
    if type(query) is not np.ndarray:
        query = column(query, f"query for {name!r}", "pass the numbers of one query, or a matrix")
    single = query.ndim < 2 if isinstance(query, np.ndarray) else _is_one_row(query)
    rows = query[None] if single and isinstance(query, np.ndarray) else [query] if single else query
    if spec.element is Element.BINARY:
        return _column_matrix(name, spec, rows), single
    if (
        isinstance(rows, np.ndarray)
        and rows.ndim == 2
        and rows.shape[1] == spec.dim
        and rows.dtype.kind == "f"
    ):
        batch = np.ascontiguousarray(rows, dtype=np.float32)
        # Squares of finite numbers in range have a finite sum: one cheap look in the good case.
        squares = np.einsum("ij,ij->i", batch, batch)
        lowest, highest = (
            (squares[0], squares[0]) if single else (squares.min(initial=1), squares.max(initial=1))
        )
        if highest < MAX_MAGNITUDE**2 and (lowest >= _LEAST_SQUARE or spec.metric is not Metric.COSINE):
            return batch, single
    matrix = to_matrix(rows, f"query for {name!r}", spec.dim)
    cosine = spec.metric is Metric.COSINE
    return to_element(matrix, Element.FLOAT32, f"query for {name!r}", cosine=cosine, tiny=True), single


def _is_one_row(query: list[Any] | tuple[Any, ...]) -> bool:
    return not len(query) or np.isscalar(query[0]) or getattr(query[0], "ndim", None) == 0


def _column_matrix(name: str, spec: Dense, rows: Any) -> NDArray[Any]:
    column = validate_vectors(name, spec, rows, len(rows))
    assert isinstance(column, DenseColumn)
    return column.matrix
