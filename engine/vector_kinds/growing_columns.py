"""The vectors of a growing segment: one append-only column a field, of each kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.dense import DenseRows, inverse_norms
from ...indexes.rows.metric import Metric
from ...storage.columns.vectors import DenseColumn, MultiColumn, SparseColumn, VectorColumn
from ..schema.vector_field import Dense, Multi, Sparse, VectorField
from .growable_array import GrowableArray


class GrowingDense:
    """Dense rows padded to 64 bytes, with inverse norms where the metric is cosine."""

    def __init__(self, field: Dense) -> None:
        self._field = field
        self._width = field.element.width(field.dim)
        self._rows = GrowableArray(field.element.dtype, field.element.stride(field.dim))
        self._inv_norms = GrowableArray(np.float32)

    def append(self, column: VectorColumn) -> None:
        """Append the rows of a dense column."""
        assert isinstance(column, DenseColumn)
        if self._field.metric is Metric.COSINE:
            self._inv_norms.extend(inverse_norms(column.matrix))
        self._rows.extend(column.matrix)

    def vectors(self, length: int) -> DenseRows:
        """Return the first ``length`` rows as an index sees them, without a copy."""
        field = self._field
        norms = self._inv_norms.view(length if field.metric is Metric.COSINE else 0)
        return DenseRows(self._rows.view(length), field.dim, field.element, norms, field.metric)

    def column(self, rows: NDArray[np.int64]) -> DenseColumn:
        """Copy out the given rows without their padding."""
        return DenseColumn(np.ascontiguousarray(self._rows.view(len(self._rows))[rows, : self._width]))

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._rows.nbytes + self._inv_norms.nbytes


class GrowingSparse:
    """Sparse rows in CSR form."""

    def __init__(self) -> None:
        self._indptr = GrowableArray(np.int64)
        self._indptr.extend(np.zeros(1, np.int64))
        self._indices = GrowableArray(np.uint32)
        self._values = GrowableArray(np.float32)

    def append(self, column: VectorColumn) -> None:
        """Append the rows of a sparse column."""
        assert isinstance(column, SparseColumn)
        base = len(self._indices)
        self._indices.extend(column.indices)
        self._values.extend(column.values)
        self._indptr.extend(column.indptr[1:] + base)

    def arrays(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
        """Return (indptr, indices, values) of the first ``length`` rows, without a copy."""
        indptr: NDArray[np.int64] = self._indptr.view(length + 1)
        n = int(indptr[-1])
        return indptr, self._indices.view(n), self._values.view(n)

    def column(self, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the given rows."""
        return SparseColumn(*self.arrays(len(self._indptr) - 1)).take(rows)

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._indptr.nbytes + self._indices.nbytes + self._values.nbytes


class GrowingMulti:
    """Ragged token matrices."""

    def __init__(self, field: Multi) -> None:
        self._offsets = GrowableArray(np.int64)
        self._offsets.extend(np.zeros(1, np.int64))
        self._tokens = GrowableArray(field.element.dtype, field.dim)

    def append(self, column: VectorColumn) -> None:
        """Append the rows of a multi-vector column."""
        assert isinstance(column, MultiColumn)
        base = len(self._tokens)
        self._tokens.extend(column.tokens)
        self._offsets.extend(column.offsets[1:] + base)

    def arrays(self, length: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return (offsets, tokens) of the first ``length`` rows, without a copy."""
        offsets: NDArray[np.int64] = self._offsets.view(length + 1)
        return offsets, self._tokens.view(int(offsets[-1]))

    def column(self, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the given rows."""
        return MultiColumn(*self.arrays(len(self._offsets) - 1)).take(rows)

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._offsets.nbytes + self._tokens.nbytes


def growing_vectors(field: VectorField) -> GrowingDense | GrowingSparse | GrowingMulti:
    """Return an empty column for ``field``."""
    match field:
        case Dense():
            return GrowingDense(field)
        case Sparse():
            return GrowingSparse()
        case Multi():
            return GrowingMulti(field)
