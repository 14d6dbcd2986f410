"""The vectors of points in one field: dense, sparse or several a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from .element_matrix import element_matrix, named_arrays
from .multi import MultiColumn
from .ragged import Rows, checked_offsets, concat_offsets, row_numbers, slice_offsets, take_items

VectorKind = Literal["dense", "sparse", "multi"]
StoredKind = Literal["dense", "sparse", "binary", "multi"]
"""Of a column that is stored: sparse vectors have values, or are sets of indices."""
ColumnKind = StoredKind | Literal["tokens", "texts"]
"""Of a column: sparse vectors come by ids or, on their way in and out, by tokens; queries also as texts."""


class VectorColumn(Protocol):
    """Vectors in row order, immutable. A column may be a view of the array that the caller passed."""

    @property
    def kind(self) -> ColumnKind:
        """What its vectors are."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""

    def __len__(self) -> int: ...

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""

    def row(self, row: int) -> Any:
        """Return the vector of one row as a point has it, a view; None where the row has none."""

    def take(self, rows: Rows) -> VectorColumn:
        """Return the column of ``rows``, in that order."""

    def slice(self, start: int, stop: int) -> VectorColumn:
        """Return the column of rows ``start`` to ``stop``; vectors are not copied."""

    def concat(self, columns: Sequence[Any]) -> VectorColumn:
        """Return one or more columns laid end to end."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its arrays by name."""


class DenseColumn:
    """One vector a row: ``matrix`` (n, width) in its element type; packed bits are (n, dim / 8) uint8."""

    __slots__ = ("matrix",)

    def __init__(self, matrix: NDArray[Any]) -> None:
        self.matrix = matrix

    @property
    def kind(self) -> VectorKind:
        """Always "dense"."""
        return "dense"

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix."""
        return self.matrix.nbytes

    def __len__(self) -> int:
        return len(self.matrix)

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        return np.full(len(self), self.matrix.shape[1] * self.matrix.itemsize, np.int64)

    def row(self, row: int) -> NDArray[Any]:
        """Return the vector of one row, (width,)."""
        vector: NDArray[Any] = self.matrix[row]
        return vector

    def take(self, rows: Rows) -> Self:
        """Return the column of ``rows``, in that order."""
        return type(self)(self.matrix[row_numbers(rows)])

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``, a view."""
        return type(self)(self.matrix[start:stop])

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        return cls(np.concatenate([column.matrix for column in columns]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``matrix``."""
        return {"matrix": self.matrix}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "vectors") -> Self:
        """Return the column over this matrix; CorruptionError when it is none of an element type."""
        (matrix,) = named_arrays(arrays, ("matrix",), source)
        return cls(element_matrix(matrix, source))


class SparseColumn:
    """Row i is ``indptr[i]`` to ``indptr[i + 1]`` of ascending uint32 ``indices``, float32 ``values``."""

    __slots__ = ("indices", "indptr", "values")

    def __init__(
        self, indptr: NDArray[np.int64], indices: NDArray[np.uint32], values: NDArray[np.float32]
    ) -> None:
        self.indptr = indptr
        self.indices = indices
        self.values = values

    @property
    def kind(self) -> VectorKind:
        """Always "sparse"."""
        return "sparse"

    @property
    def nbytes(self) -> int:
        """Bytes of the three arrays."""
        return self.indptr.nbytes + self.indices.nbytes + self.values.nbytes

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        return np.diff(self.indptr) * (self.indices.itemsize + self.values.itemsize) + self.indptr.itemsize

    def row(self, row: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """Return the indices and values of one row."""
        start, stop = self.indptr[row], self.indptr[row + 1]
        return self.indices[start:stop], self.values[start:stop]

    def take(self, rows: Rows) -> Self:
        """Return the column of ``rows``, in that order."""
        positions, indptr = take_items(self.indptr, row_numbers(rows))
        return type(self)(indptr, self.indices[positions], self.values[positions])

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``, over views of the entries."""
        first, last = self.indptr[start], self.indptr[stop]
        indptr = slice_offsets(self.indptr, start, stop)
        return type(self)(indptr, self.indices[first:last], self.values[first:last])

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        return cls(
            concat_offsets([column.indptr for column in columns]),
            np.concatenate([column.indices for column in columns]),
            np.concatenate([column.values for column in columns]),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``indptr``, ``indices`` and ``values``."""
        return {"indptr": self.indptr, "indices": self.indices, "values": self.values}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "vectors") -> Self:
        """Return the column over these arrays; CorruptionError when they do not fit each other."""
        indptr, indices, values = named_arrays(arrays, ("indptr", "indices", "values"), source)
        if indices.dtype != np.uint32 or values.dtype != np.float32 or indices.ndim != 1:
            raise CorruptionError(source, f"sparse entries are {indices.dtype} and {values.dtype}")
        if indices.shape != values.shape:
            raise CorruptionError(source, f"{len(indices)} sparse indices for {len(values)} values")
        return cls(checked_offsets(indptr, len(indices), source), indices, values)


class BinaryColumn:
    """Row i is ``indptr[i]`` to ``indptr[i + 1]`` of ascending uint32 ``indices``: a set, without values."""

    __slots__ = ("indices", "indptr")

    def __init__(self, indptr: NDArray[np.int64], indices: NDArray[np.uint32]) -> None:
        self.indptr = indptr
        self.indices = indices

    @property
    def kind(self) -> Literal["binary"]:
        """Always "binary"."""
        return "binary"

    @property
    def nbytes(self) -> int:
        """Bytes of the two arrays."""
        return self.indptr.nbytes + self.indices.nbytes

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        return np.diff(self.indptr) * self.indices.itemsize + self.indptr.itemsize

    def row(self, row: int) -> NDArray[np.uint32]:
        """Return the indices of one row."""
        return self.indices[self.indptr[row] : self.indptr[row + 1]]

    def take(self, rows: Rows) -> Self:
        """Return the column of ``rows``, in that order."""
        positions, indptr = take_items(self.indptr, row_numbers(rows))
        return type(self)(indptr, self.indices[positions])

    def slice(self, start: int, stop: int) -> Self:
        """Return the column of rows ``start`` to ``stop``, over a view of the indices."""
        indices = self.indices[self.indptr[start] : self.indptr[stop]]
        return type(self)(slice_offsets(self.indptr, start, stop), indices)

    @classmethod
    def concat(cls, columns: Sequence[Self]) -> Self:
        """Return one or more columns laid end to end."""
        indptr = concat_offsets([column.indptr for column in columns])
        return cls(indptr, np.concatenate([column.indices for column in columns]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``indptr`` and ``indices``."""
        return {"indptr": self.indptr, "indices": self.indices}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "vectors") -> Self:
        """Return the column over these arrays; CorruptionError when they do not fit each other."""
        indptr, indices = named_arrays(arrays, ("indptr", "indices"), source)
        if indices.dtype != np.uint32 or indices.ndim != 1:
            raise CorruptionError(source, f"sparse indices are {indices.dtype} {indices.shape}")
        return cls(checked_offsets(indptr, len(indices), source), indices)


COLUMN_OF_KIND: dict[
    StoredKind, type[DenseColumn] | type[SparseColumn] | type[BinaryColumn] | type[MultiColumn]
] = {
    "dense": DenseColumn,
    "sparse": SparseColumn,
    "binary": BinaryColumn,
    "multi": MultiColumn,
}
