"""Vectors that a caller passes for one field, turned into the column that is stored."""

from __future__ import annotations

from typing import Any

from ...storage.columns.vectors import VectorColumn
from ..errors import InvalidArgument
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of


def validate_vectors(name: str, field: VectorField, value: Any, n: int) -> VectorColumn:
    """Return the vectors of ``n`` points in one field as they will be stored.

    Dense fields take a matrix (n, dim), or rows of numbers; binary ones packed bits, (n, dim / 8) uint8, or
    (n, dim) bool. Sparse fields take a CSR matrix or a list of ``(indices, values)`` or ``{index: value}``.
    Multi-vector fields take a list of (tokens, dim) matrices, a (n, tokens, dim) array, or the pair
    ``(tokens, offsets)``. A matrix that is C-contiguous and in the element type already is not copied.

    Raises
    ------
    InvalidArgument
        With the row and column to blame, when a vector has another width, holds a NaN, an infinity or what
        the element cannot hold, or is zero under cosine; or when there are not ``n`` of them.
    """
    what = f"vectors[{name!r}]"
    column = kind_of(field).column(field, value, what)
    if len(column) != n:
        raise InvalidArgument(
            f"{what} has {len(column)} rows for {n} ids; pass one vector per id", field=what
        )
    return column
