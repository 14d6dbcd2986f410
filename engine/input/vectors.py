"""Vectors that a caller passes for one field, turned into the column that is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...storage.columns.vectors import DenseColumn, VectorColumn
from ..errors import InvalidArgument
from ..schema.vector_field import Dense, Multi, VectorField
from .dense import MAX_MAGNITUDE, column, to_element, to_matrix
from .ragged import to_multi, to_sparse

__all__ = ["MAX_MAGNITUDE", "validate_vectors"]


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
    column = _column(field, value, what)
    if len(column) != n:
        raise InvalidArgument(
            f"{what} has {len(column)} rows for {n} ids; pass one vector per id", field=what
        )
    return column


def _column(field: VectorField, value: Any, what: str) -> VectorColumn:
    if isinstance(field, Dense):
        if field.element is Element.BINARY:
            return DenseColumn(_packed(value, what, field.dim))
        cosine = field.metric is Metric.COSINE
        matrix = to_matrix(value, what, field.dim)
        return DenseColumn(to_element(matrix, field.element, what, cosine=cosine))
    if isinstance(field, Multi):
        return to_multi(value, what, field.dim, field.element)
    return to_sparse(value, what)


def _packed(value: Any, what: str, dim: int) -> NDArray[np.uint8]:
    value = column(value, what, "pass a matrix of packed bits, or of bool")
    if isinstance(value, np.ndarray) and value.dtype == np.bool_:
        return np.packbits(to_matrix(value, what, dim), axis=1)
    matrix = to_matrix(value, what, dim // 8, f"bytes of eight bits (dim {dim})")
    return to_element(matrix, Element.BINARY, what)
