"""Vectors that a caller passes for one field, turned into the column that is stored."""

from __future__ import annotations

from typing import Any

from ...storage.columns.partial import partial_column
from ...storage.columns.vectors import VectorColumn
from ..errors import InvalidArgument
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of
from .present import present_vectors


def validate_vectors(name: str, field: VectorField, value: Any, n: int) -> VectorColumn:
    """Return the vectors of ``n`` points in one field as they will be stored.

    Dense fields take a matrix (n, dim), or rows of numbers; binary ones packed bits, (n, dim / 8) uint8, or
    (n, dim) bool. Sparse fields take what :mod:`~vicinal.engine.vector_kinds.sparse_input` says.
    Multi-vector fields take a list of (tokens, dim) matrices, a (n, tokens, dim) array, or the pair
    ``(tokens, offsets)``. A point has no vector where a list has None, or as :class:`PartialVectors` says;
    None alone says so of all points. A matrix that is C-contiguous and in the element type already is not
    copied.

    Raises
    ------
    InvalidArgument
        With the row and column to blame, when a vector has another width, holds a NaN, an infinity or what
        the element cannot hold, or is zero under cosine; or when there are not ``n`` of them.
    """
    what = f"vectors[{name!r}]"
    kind = kind_of(field)
    given, present = present_vectors(value, n, what)
    if present is None:
        column = kind.column(field, given, what)
        _check_count(column, n, f"{n} ids", what)
        return column
    if not len(present):
        return partial_column(n, present, kind.empty(field))
    try:
        column = kind.column(field, given, what)
    except InvalidArgument as error:
        message = f"{error}; rows are counted without those that have no vector"
        raise InvalidArgument(message, field=error.field) from error
    _check_count(column, len(present), f"the {len(present)} points that are said to have one", what)
    return partial_column(n, present, column)


def _check_count(column: VectorColumn, expected: int, points: str, what: str) -> None:
    if len(column) != expected:
        raise InvalidArgument(
            f"{what} has {len(column)} rows for {points}; pass one vector per id", field=what
        )
