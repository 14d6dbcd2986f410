"""Pairs of an index and a value, of any number a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Arrays, FieldShape
from ...indexes.rows.sparse import SparseRows
from ...storage.columns.array_like import list_of
from ...storage.columns.ragged import offsets_of
from ...storage.columns.vectors import SparseColumn
from ..errors import InvalidArgument
from ..schema.sparse_field import Sparse
from .growable_array import GrowableArray
from .matrices import MAX_INDEX, MAX_MAGNITUDE, column, whole_numbers
from .protocol import Array, Chosen

_EXPECTED = "pass a CSR matrix, or a list with one (indices, values) pair or {index: value} a point"
_ARRAYS = ("indptr", "indices", "values")


class SparseKind:
    """Rows in CSR form."""

    def describe(self, field: Sparse) -> str:
        """Return what a person is told of a field."""
        return f"sparse, {field.metric}"

    def column(self, field: Sparse, value: Any, what: str) -> SparseColumn:
        """Return vectors that a caller passed, as they are stored."""
        return _to_sparse(value, what)

    def queries(self, field: Sparse, value: Any, name: str) -> tuple[SparseRows, bool]:
        """Return queries as a batch, and whether the caller gave a single one."""
        single = isinstance(value, Mapping) or (isinstance(value, tuple) and len(value) == 2)
        return _rows(_to_sparse([value] if single else value, f"query for {name!r}"), field.shape), single

    def query_floats(self, field: Sparse) -> None:
        """Return None: a query is indices beside values."""

    def query_column(self, field: Sparse, queries: SparseRows) -> SparseColumn:
        """Return a batch of queries as it is sent."""
        return _column(queries)

    def query_arrays(self, queries: SparseRows) -> dict[str, Array]:
        """Return a batch of queries as it is kept."""
        return _column(queries).arrays()

    def kept_queries(self, arrays: Arrays) -> SparseRows:
        """Return the batch that :meth:`query_arrays` gave."""
        column = SparseColumn.from_arrays(arrays)
        return SparseRows(column.indptr, column.indices, column.values)

    def empty(self, field: Sparse) -> SparseColumn:
        """Return a column without rows."""
        return SparseColumn(np.zeros(1, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32))

    def growing(self, field: Sparse) -> GrowingSparse:
        """Return a growing segment's vectors, none yet."""
        return GrowingSparse(field)

    def sealed_arrays(self, field: Sparse, column: SparseColumn) -> dict[str, Array]:
        """Return ``indptr``, ``indices`` and ``values``."""
        return column.arrays()

    def rows(self, field: Sparse, arrays: Arrays) -> SparseRows:
        """Return the arrays of a segment as an index sees them, without a copy."""
        return _rows(SparseColumn.from_arrays({name: arrays[name] for name in _ARRAYS}), field.shape)

    def stored(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> SparseColumn:
        """Copy out the chosen rows."""
        return _column(rows).take(chosen)

    def sizes(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> NDArray[np.int64]:
        """Return the bytes of each chosen row, which are not read."""
        entry = rows.indices.itemsize + rows.values.itemsize
        return (rows.indptr[chosen + 1] - rows.indptr[chosen]) * entry


class GrowingSparse:
    """Sparse rows in CSR form."""

    def __init__(self, field: Sparse) -> None:
        self._shape = field.shape
        self._indptr = GrowableArray(np.int64)
        self._indptr.extend(np.zeros(1, np.int64))
        self._indices = GrowableArray(np.uint32)
        self._values = GrowableArray(np.float32)

    def append(self, column: SparseColumn) -> None:
        """Append the vectors of a sparse column."""
        base = len(self._indices)
        self._indices.extend(column.indices)
        self._values.extend(column.values)
        self._indptr.extend(column.indptr[1:] + base)

    def rows(self, length: int) -> SparseRows:
        """Return the first ``length`` vectors as an index sees them, without a copy."""
        return _rows(self._column(length), self._shape)

    def _column(self, length: int) -> SparseColumn:
        indptr: NDArray[np.int64] = self._indptr.view(length + 1)
        n = int(indptr[-1])
        return SparseColumn(indptr, self._indices.view(n), self._values.view(n))

    def column(self, chosen: Chosen) -> SparseColumn:
        """Copy out the chosen vectors."""
        return self._column(len(self._indptr) - 1).take(chosen)

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._indptr.nbytes + self._indices.nbytes + self._values.nbytes


def _to_sparse(value: Any, what: str) -> SparseColumn:
    """Return the sparse rows of a CSR matrix, or of a list of ``(indices, values)`` or ``{index: value}``.

    Entries are put in ascending order of index.

    Raises
    ------
    InvalidArgument
        At the first row whose indices are not distinct whole numbers below 2**32, or whose values are not
        finite.
    """
    if isinstance(value, SparseColumn):
        return _sorted(value.indptr, value.indices.astype(np.int64), value.values, what)
    if all(hasattr(value, name) for name in ("indptr", "indices", "data")):
        indptr, indices, values = np.asarray(value.indptr), np.asarray(value.indices), np.asarray(value.data)
        if getattr(value, "format", "csr") != "csr":
            raise InvalidArgument(f"{what} is a {value.format} matrix; convert it with .tocsr()", field=what)
        if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices) or np.any(np.diff(indptr) < 0):
            raise InvalidArgument(
                f"{what} has an indptr that does not cut its {len(indices)} entries", field=what
            )
        return _sorted(indptr.astype(np.int64), whole_numbers(indices, what), values, what)
    rows = column(value, what, _EXPECTED)
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        raise InvalidArgument(f"{what} is a {type(value).__name__}; {_EXPECTED}", field=what)
    value = list_of(rows)
    pairs = [_pair(row, entry, what) for row, entry in enumerate(value)]
    indptr = offsets_of((len(indices) for indices, _ in pairs), len(pairs))
    if not pairs:
        return SparseColumn(indptr, np.empty(0, np.uint32), np.empty(0, np.float32))
    filled = [pair for pair in pairs if len(pair[0])] or pairs[:1]
    if all(indices.dtype.kind in "iu" for indices, _ in filled):
        joined = np.concatenate([indices for indices, _ in filled])
        if not joined.size or (joined.min() >= 0 and joined.max() <= MAX_INDEX):
            return _sorted(indptr, joined.astype(np.int64), np.concatenate([v for _, v in filled]), what)
    checked = [whole_numbers(indices, f"{what} row {row}") for row, (indices, _) in enumerate(pairs)]
    return _sorted(indptr, np.concatenate(checked), np.concatenate([v for _, v in filled]), what)


def _rows(column: SparseColumn, shape: FieldShape) -> SparseRows:
    return SparseRows(column.indptr, column.indices, column.values, shape.metric, shape.saturation)


def _column(rows: SparseRows) -> SparseColumn:
    return SparseColumn(rows.indptr, rows.indices, rows.values)


def _pair(row: int, entry: Any, what: str) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(entry, Mapping):
        entry = (list(entry.keys()), list(entry.values()))
    if not isinstance(entry, Sequence) or len(entry) != 2:
        raise InvalidArgument(
            f"{what} row {row} is a {type(entry).__name__}; pass (indices, values) or {{index: value}}",
            field=what,
        )
    try:
        indices, values = np.asarray(entry[0]), np.asarray(entry[1])
    except ValueError as error:
        message = f"{what} row {row} has indices or values that are not a list of numbers"
        raise InvalidArgument(message, field=what) from error
    if indices.ndim != 1 or indices.shape != values.shape:
        raise InvalidArgument(
            f"{what} row {row} has indices of shape {indices.shape} and values of shape {values.shape}; "
            "expected as many of each, in one dimension",
            field=what,
        )
    return indices, values


def _sorted(
    indptr: NDArray[np.int64], indices: NDArray[np.int64], values: NDArray[Any], what: str
) -> SparseColumn:
    if len(values) and values.dtype.kind not in "fiu":
        raise InvalidArgument(f"{what} has values of {values.dtype}; pass numbers", field=what)
    if len(values) != len(indices):
        raise InvalidArgument(f"{what} has {len(indices)} indices and {len(values)} values", field=what)
    with np.errstate(over="ignore"):
        stored = values.astype(np.float32)
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    bad = np.flatnonzero(~(np.abs(stored) <= MAX_MAGNITUDE))
    if len(bad):
        at = int(bad[0])
        raise InvalidArgument(
            f"{what} row {rows[at]} has {values[at]} at index {indices[at]}; every value must be finite and "
            f"at most {MAX_MAGNITUDE:g} in size",
            field=what,
        )
    same_row = rows[1:] == rows[:-1]
    if np.any(same_row & (indices[1:] <= indices[:-1])):
        order = np.lexsort((indices, rows))
        indices, stored = indices[order], stored[order]
        twice = np.flatnonzero(same_row & (indices[1:] == indices[:-1]))
        if len(twice):
            at = int(twice[0])
            message = f"{what} row {rows[at]} has the index {indices[at]} twice; add its values up first"
            raise InvalidArgument(message, field=what)
    return SparseColumn(indptr, indices.astype(np.uint32), stored)
