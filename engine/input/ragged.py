"""Sparse vectors and lists of vectors that a caller passes, checked and turned into columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.element import Element
from ...storage.columns.array_like import list_of
from ...storage.columns.ragged import offsets_of
from ...storage.columns.vectors import MultiColumn, SparseColumn
from ..errors import InvalidArgument
from .dense import MAX_MAGNITUDE, column, to_element, to_matrix

_SPARSE = "pass a CSR matrix, or a list with one (indices, values) pair or {index: value} a point"
MAX_INDEX = 2**32 - 1


def to_sparse(value: Any, what: str) -> SparseColumn:
    """Return the sparse rows of a CSR matrix, or of a list of ``(indices, values)`` or ``{index: value}``.

    Entries are put in ascending order of index.

    Raises
    ------
    InvalidArgument
        At the first row whose indices are not distinct whole numbers below 2**32, or whose values are not
        finite.
    """
    if all(hasattr(value, name) for name in ("indptr", "indices", "data")):
        indptr, indices, values = np.asarray(value.indptr), np.asarray(value.indices), np.asarray(value.data)
        if getattr(value, "format", "csr") != "csr":
            raise InvalidArgument(f"{what} is a {value.format} matrix; convert it with .tocsr()", field=what)
        if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices) or np.any(np.diff(indptr) < 0):
            raise InvalidArgument(
                f"{what} has an indptr that does not cut its {len(indices)} entries", field=what
            )
        return _sorted(indptr.astype(np.int64), _whole(indices, what), values, what)
    rows = column(value, what, _SPARSE)
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        raise InvalidArgument(f"{what} is a {type(value).__name__}; {_SPARSE}", field=what)
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
    checked = [_whole(indices, f"{what} row {row}") for row, (indices, _) in enumerate(pairs)]
    return _sorted(indptr, np.concatenate(checked), np.concatenate([v for _, v in filled]), what)


def to_multi(value: Any, what: str, dim: int, element: Element) -> MultiColumn:
    """Return the vectors of each point from a list of matrices, a (n, t, dim) array or (tokens, offsets).

    Raises
    ------
    InvalidArgument
        At the first point without a vector, of another width, or with a value that is not finite.
    """
    expected = f"pass a list with one (tokens, {dim}) matrix a point, or the pair (tokens, offsets)"
    if not isinstance(value, tuple):
        value = column(value, what, expected)
        if isinstance(value, np.ndarray) and value.dtype == object:
            value = list_of(value)
    if isinstance(value, np.ndarray) and value.ndim == 3:
        n, per_point, width = value.shape
        offsets = np.arange(n + 1, dtype=np.int64) * per_point
        tokens = to_matrix(value.reshape(n * per_point, width), what, dim)
    elif isinstance(value, tuple) and len(value) == 2 and getattr(value[1], "ndim", 0) == 1:
        tokens = to_matrix(value[0], f"{what} tokens", dim)
        offsets = _whole(np.asarray(value[1]), f"{what} offsets")
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(tokens):
            message = f"{what} offsets do not run from 0 to the {len(tokens)} tokens"
            raise InvalidArgument(message, field=what)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        parts = [to_matrix(matrix, f"{what} row {row}", dim) for row, matrix in enumerate(value)]
        offsets = offsets_of(map(len, parts), len(parts))
        tokens = np.concatenate(parts) if parts else np.empty((0, dim), element.dtype)
    else:
        raise InvalidArgument(f"{what} is a {type(value).__name__}; {expected}", field=what)
    sizes = np.diff(offsets)
    if len(sizes) and sizes.min() < 1:
        row = int(np.argmax(sizes < 1))
        raise InvalidArgument(f"{what} row {row} has no vector; a point has at least one", field=what)

    def locate(token: int) -> str:
        row = int(np.searchsorted(offsets, token, side="right")) - 1
        return f"{what} row {row} vector {token - offsets[row]}"

    return MultiColumn(offsets.astype(np.int64), to_element(tokens, element, what, locate=locate))


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


def _whole(numbers: NDArray[Any], what: str) -> NDArray[np.int64]:
    if not numbers.size:
        return np.empty(0, np.int64)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise InvalidArgument(f"{what} has indices of {numbers.dtype}; pass whole numbers", field=what)
    outside = (numbers < 0) | (numbers > MAX_INDEX)
    if outside.any():
        number = numbers[np.argmax(outside)]
        raise InvalidArgument(f"{what} has the index {number}; expected 0 to 2**32 - 1", field=what)
    return numbers.astype(np.int64)


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
