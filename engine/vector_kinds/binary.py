"""Sparse vectors without values: sets of indices."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Arrays
from ...indexes.rows.sparse import SparseRows
from ...storage.arrays.row_reader import RowReader
from ...storage.columns.array_like import list_of
from ...storage.columns.ragged import Offsets, offsets_of
from ...storage.columns.tokens import TokenColumn
from ...storage.columns.vectors import BinaryColumn
from ..errors import InvalidArgument
from ..results.weighting import Weighting
from ..schema.sparse_field import Sparse
from .matrices import column
from .protocol import Array, Chosen, FieldStatistics
from .sparse import SparseKind
from .sparse_input import Parts, checked_column, is_one_vector, read_parts, row_of

_EXPECTED = (
    "pass a list with one list, set or array of indices a point, a matrix of such rows, or a CSR matrix"
)


class BinaryKind(SparseKind):
    """Rows of indices in CSR form.

    A vector is given as a list, set or array of indices, of which those that are there twice count once; or
    in a form of :mod:`.sparse_input`, with values that are 1 each. Several are a list of those, a matrix with
    a row of indices for each, or a CSR matrix. In queries, values other than 1 are weights.
    """

    def describe(self, field: Sparse) -> str:
        """Return what a person is told of a field."""
        if field.bucket_weights is None:
            return "sparse, binary"
        return f"sparse, binary, {len(field.bucket_weights)} buckets"

    def column(self, field: Sparse, value: Any, what: str) -> BinaryColumn:  # type: ignore[override]
        """Return vectors that a caller passed, as they are stored."""
        indptr, indices, values = _parts(value, what)
        _check_ones(indptr, values, what)
        found = checked_column((indptr, indices, np.ones(len(indices), np.float32)), what)
        _check_buckets(field, found.indptr, found.indices, what)
        return BinaryColumn(found.indptr, found.indices)

    def queries(self, field: Sparse, value: Any, name: str) -> tuple[SparseRows, bool]:
        """Return queries as a batch, and whether the caller gave a single one."""
        single, what = _is_one_set(value), f"query for {name!r}"
        indptr, indices, values = _parts(_distinct([value] if single else value), what)
        if field.bucket_weights is not None:
            _check_ones(indptr, values, what)
        if values.dtype == np.bool_:
            values = values.astype(np.float32)
        found = checked_column((indptr, indices, values), what)
        _check_buckets(field, found.indptr, found.indices, what)
        return SparseRows(found.indptr, found.indices, found.values), single

    def prepares(self, field: Sparse) -> bool:
        """Return whether indices are in buckets, which have weights."""
        return field.bucket_weights is not None

    def prepare(
        self, field: Sparse, queries: SparseRows, statistics: FieldStatistics
    ) -> tuple[SparseRows, Weighting | None]:
        """Return queries with the weights of the buckets of their indices."""
        assert field.bucket_weights is not None
        assert field.bucket_size is not None
        weights = np.array(field.bucket_weights, np.float32)
        return replace(queries, values=weights[queries.indices // np.uint64(field.bucket_size)]), None

    def empty(self, field: Sparse) -> BinaryColumn:  # type: ignore[override]
        """Return a column without rows."""
        return BinaryColumn(np.zeros(1, np.int64), np.empty(0, np.uint32))

    def sealed_arrays(self, field: Sparse, column: BinaryColumn) -> dict[str, Array]:  # type: ignore[override]
        """Return ``indptr`` and ``indices``."""
        return column.arrays()

    def read_from_disk(self, field: Sparse) -> None:
        """Return None: all of them are mapped."""

    def rows(self, field: Sparse, arrays: Arrays, reader: RowReader | None = None) -> SparseRows:
        """Return the arrays of a segment as an index sees them, without a copy."""
        return _rows(BinaryColumn.from_arrays({name: arrays[name] for name in ("indptr", "indices")}))

    def stored(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> BinaryColumn:  # type: ignore[override]
        """Copy out the chosen rows."""
        return BinaryColumn(rows.indptr, rows.indices).take(chosen)

    def sizes(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> NDArray[np.int64]:
        """Return the bytes of each chosen row, which are not read."""
        return (rows.indptr[chosen + 1] - rows.indptr[chosen]) * rows.indices.itemsize


def _rows(column: BinaryColumn) -> SparseRows:
    return SparseRows.of_terms(column.indptr, column.indices)


def _parts(value: Any, what: str) -> Parts:
    """Return several vectors as they are given, with values of 1 where they are sets."""
    if isinstance(value, BinaryColumn):
        return value.indptr, value.indices, np.ones(len(value.indices), np.float32)
    if hasattr(value, "indptr") or isinstance(value, TokenColumn):
        return read_parts(value, what)
    rows = column(value, what, _EXPECTED)
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        if rows.ndim != 2:
            raise InvalidArgument(f"{what} is a {type(value).__name__}; {_EXPECTED}", field=what)
        n, width = rows.shape
        return np.arange(n + 1, dtype=np.int64) * width, rows.ravel(), np.ones(rows.size, np.float32)
    listed = list_of(rows)
    if set(map(type, listed)) == {list}:
        flat = list(chain.from_iterable(listed))
        if set(map(type, flat)) <= {int}:
            indptr = offsets_of(map(len, listed), len(listed))
            return indptr, _whole(flat), np.ones(len(flat), np.float32)
    return read_parts([_with_values(entry) for entry in listed], what)


def _whole(numbers: list[int]) -> NDArray[Any]:
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        # Told by its row, as what is too large.
        clipped: NDArray[Any] = np.clip(np.array(numbers, object), -1, 2**32).astype(np.int64)
        return clipped


def _with_values(entry: Any) -> Any:
    """Return a set of indices as indices beside values; what has values, and what is neither, as it is."""
    indices = _indices_of(entry)
    return entry if indices is None else (indices, np.ones(len(indices), np.float32))


def _indices_of(entry: Any) -> Any:
    if isinstance(entry, AbstractSet):
        return list(entry)
    if isinstance(entry, np.ndarray):
        return entry if entry.ndim == 1 else None
    if isinstance(entry, list | range) and not any(isinstance(first, tuple | list) for first in entry[:1]):
        return list(entry)
    return None


def _is_one_set(value: Any) -> bool:
    """Return whether a query is one vector, not a list of several."""
    if isinstance(value, AbstractSet | range):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype != object
    if isinstance(value, list) and value and isinstance(value[0], list | int | np.integer):
        # A list of two numbers is a set, and no pair.
        return not isinstance(value[0], list)
    return is_one_vector(value)


def _distinct(value: Any) -> Any:
    """Return queries of which those that are sets have each index once; values of others are added up."""
    if isinstance(value, np.ndarray) and value.ndim == 2:
        value = list(value)
    if not isinstance(value, list | tuple):
        return value
    sets = [_indices_of(entry) for entry in value]
    return [entry if indices is None else _once(indices) for entry, indices in zip(value, sets, strict=True)]


def _once(indices: Any) -> Any:
    try:
        return np.unique(np.asarray(indices))
    # What is no list of numbers is refused where all is.
    except (TypeError, ValueError):
        return indices


def _check_ones(indptr: Offsets, values: NDArray[Any], what: str) -> None:
    if values.dtype == object:
        return
    other = values != 1
    if other.any():
        at = int(np.argmax(other))
        raise InvalidArgument(
            f"{what} row {row_of(indptr, at)} has the value {values[at]}; a binary vector is a set of "
            "indices, whose values are 1",
            field=what,
        )


def _check_buckets(field: Sparse, indptr: Offsets, indices: NDArray[np.uint32], what: str) -> None:
    if field.bucket_weights is None or field.bucket_size is None:
        return
    end = field.bucket_size * len(field.bucket_weights)
    beyond = indices >= end
    if beyond.any():
        at = int(np.argmax(beyond))
        raise InvalidArgument(
            f"{what} row {row_of(indptr, at)} has the index {indices[at]}, and the last of "
            f"{len(field.bucket_weights)} buckets of {field.bucket_size} ends before {end}",
            field=what,
        )
