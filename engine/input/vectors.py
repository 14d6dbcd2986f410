"""Vectors that a caller passes for one field, turned into the column that is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.array_like import column_input
from ...storage.columns.partial import PartialColumn, PartialVectors, Present, partial_column
from ...storage.columns.vectors import VectorColumn
from ..error_translation import translated
from ..errors import InvalidArgument
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of


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
    given, present = _present_vectors(value, n, what)
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


def _present_vectors(value: Any, n: int, what: str) -> tuple[Any, Present | None]:
    """Return the vectors that are there, and which of ``n`` points have them; None when all have.

    Raises
    ------
    InvalidArgument
        What says which points have one does not fit ``n``.
    """
    if value is None:
        return [], np.empty(0, np.uint32)
    if isinstance(value, PartialColumn):
        _check_points(value.n, n, what)
        return value.vectors, value.present
    if isinstance(value, PartialVectors):
        return value.vectors, _from_flags(value.present, n, what)
    listed = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object)
    if not listed or not any(row is None for row in value):
        return value, None
    _check_points(len(value), n, what)
    present = [row for row, vector in enumerate(value) if vector is not None]
    return [value[row] for row in present], np.array(present, np.uint32)


def _from_flags(present: Any, n: int, what: str) -> Present:
    with translated():
        column = column_input(present, what, "pass one bool a point")
    try:
        flags: NDArray[Any] = np.asarray(column)
    # An entry may be of another library, and its code runs here.
    except Exception as error:
        message = f"present of {what} is no column of bool: {error}; pass one bool a point"
        raise InvalidArgument(message, field=what) from error
    if flags.dtype != np.bool_ or flags.ndim != 1:
        raise InvalidArgument(
            f"present of {what} is {flags.dtype} of shape {flags.shape}; pass one bool a point", field=what
        )
    _check_points(len(flags), n, what)
    return np.flatnonzero(flags).astype(np.uint32)


def _check_points(count: int, n: int, what: str) -> None:
    if count != n:
        raise InvalidArgument(
            f"{what} has {count} rows for {n} ids; pass one vector per id, or None where a point has none",
            field=what,
        )
