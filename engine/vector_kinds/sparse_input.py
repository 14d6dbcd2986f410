"""Sparse vectors in the forms that callers have them in.

One vector is

- a mapping of index to value;
- a mapping of ``indices`` and ``values``, each to a list or array, as Qdrant has it, or of ``tokens`` and
  ``values``;
- a tuple ``(indices, values)`` of two lists or arrays;
- a list of pairs ``(index, value)``, tuples or lists, as Milvus takes it.

So a tuple is always two columns and a list always pairs, whatever they hold. Several vectors are a list of
those, or a CSR matrix. What could be either is one vector when it is a mapping, a tuple of two, or a list
that begins with a pair of numbers. Values of an index that is there several times are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.array_like import list_of
from ...storage.columns.ragged import Offsets, offsets_of
from ...storage.columns.tokens import TokenColumn
from ...storage.columns.vectors import SparseColumn
from ..errors import InvalidArgument
from .matrices import MAX_INDEX, MAX_MAGNITUDE, column, whole_numbers

_EXPECTED = (
    "pass a CSR matrix, or a list with one {index: value}, (indices, values) tuple or list of "
    "(index, value) pairs a point"
)
_COLUMNS = ({"indices", "values"}, {"tokens", "values"})
_BY_INDEX = "the field takes indices, whole numbers; for tokens make it with Sparse(tokens=True)"
_WHOLE = {int, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64}
_NUMBERS = _WHOLE | {float, np.float16, np.float32, np.float64}

Parts = tuple[Offsets, NDArray[Any], NDArray[Any]]
Vector = tuple[NDArray[np.uint32], NDArray[np.float32]]


def sparse_column(value: Any, what: str, listed: bool = False) -> SparseColumn:
    """Return several vectors as they are stored: indices ascend within a row, and each is there once.

    Where queries may be ``listed``, a column that is one already may have NaN for values to be looked up.

    Raises
    ------
    InvalidArgument
        At the first row whose indices are not whole numbers below 2**32, or whose values are not finite.
    """
    return checked_column(read_parts(value, what), what, listed and isinstance(value, SparseColumn))


def read_parts(value: Any, what: str) -> Parts:
    """Return several vectors as they are given: where each begins, its indices, its values.

    Raises
    ------
    InvalidArgument
        At the first row that is none of the forms.
    """
    if isinstance(value, TokenColumn):
        raise InvalidArgument(f"{what} has tokens; {_BY_INDEX}", field=what)
    if isinstance(value, SparseColumn):
        return value.indptr, value.indices, value.values
    if all(hasattr(value, name) for name in ("indptr", "indices", "data")):
        return _matrix_parts(value, what)
    rows = column(value, what, _EXPECTED)
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        raise InvalidArgument(f"{what} is a {type(value).__name__}; {_EXPECTED}", field=what)
    listed = list_of(rows)
    return _numbers_of(listed) or _arrays_of(listed, what)


def usual_vector(value: Any) -> Vector | None:
    """Return one vector as it is stored, in the forms that most queries have; None for any other.

    Usual are indices beside values, both arrays or both lists of plain numbers, and a dict of such numbers.
    A query alone is answered in some tens of microseconds, and reading it as a batch would take as long, so
    it is checked by a few operations on whole arrays. What is wrong is found here too, but told elsewhere.
    """
    if type(value) is tuple and len(value) == 2:
        indices, values = value
    elif type(value) is not dict:
        return None
    elif len(value) == 2 and "indices" in value and "values" in value:
        indices, values = value["indices"], value["values"]
    else:
        indices, values = list(value), list(value.values())
    if type(indices) is list and type(values) is list:
        # What NumPy would make numbers of is none: texts, bools, halves of whole numbers.
        if {*map(type, indices)} != {int} or not {*map(type, values)} <= {float, int}:
            return None
        try:
            indices, values = np.array(indices, np.int64), np.array(values, np.float64)
        except OverflowError:
            return None
    if type(indices) is not np.ndarray or type(values) is not np.ndarray:
        return None
    return _ordered_vector(indices, values)


def is_one_vector(value: Any) -> bool:
    """Return whether a query is one vector, not a list of several."""
    if isinstance(value, list):
        return bool(value) and _is_pair(value[0]) and not any(map(_is_column, value[0]))
    return isinstance(value, Mapping) or (isinstance(value, tuple) and len(value) == 2)


def split_vector(
    row: int, entry: Any, what: str, one: str = "index", many: str = "indices"
) -> tuple[Any, Any]:
    """Return what stands for the indices and for the values of one vector; neither is looked at.

    In errors, ``one`` and ``many`` say what names entries where that is no index.

    Raises
    ------
    InvalidArgument
        It is in none of the forms.
    """
    if isinstance(entry, Mapping):
        if entry.keys() in _COLUMNS and all(map(_is_column, entry.values())):
            return entry["tokens" if "tokens" in entry else "indices"], entry["values"]
        return list(entry.keys()), list(entry.values())
    if isinstance(entry, tuple) and len(entry) == 2:
        return entry
    if not isinstance(entry, list):
        raise InvalidArgument(
            f"{what} row {row} is a {type(entry).__name__}; pass {{{one}: value}}, an ({many}, values) "
            f"tuple or a list of ({one}, value) pairs",
            field=what,
        )
    for place, pair in enumerate(entry):
        if not _is_pair(pair):
            raise InvalidArgument(
                f"{what} row {row} is a list, whose entries are ({one}, value) pairs, and has {pair!r:.80} "
                f"at {place}; {many} beside values are a tuple ({many}, values)",
                field=what,
            )
    return [pair[0] for pair in entry], [pair[1] for pair in entry]


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple | list) and len(entry) == 2


def _is_column(part: Any) -> bool:
    return hasattr(part, "__len__") and not isinstance(part, str)


def _matrix_parts(value: Any, what: str) -> Parts:
    indptr, indices, values = np.asarray(value.indptr), np.asarray(value.indices), np.asarray(value.data)
    if getattr(value, "format", "csr") != "csr":
        raise InvalidArgument(f"{what} is a {value.format} matrix; convert it with .tocsr()", field=what)
    if indptr.dtype.kind not in "iu" or not indptr.ndim == indices.ndim == values.ndim == 1:
        raise InvalidArgument(
            f"{what} has an indptr of {indptr.dtype} {indptr.shape}, indices of shape {indices.shape} and "
            f"data of shape {values.shape}; expected whole numbers, and one dimension each",
            field=what,
        )
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices) or np.any(np.diff(indptr) < 0):
        raise InvalidArgument(
            f"{what} has an indptr that does not cut its {len(indices)} entries", field=what
        )
    return indptr.astype(np.int64), indices, values


def _numbers_of(rows: list[Any]) -> Parts | None:
    """Return mappings of plain numbers, or lists of pairs of them, at once; None for anything else."""
    kinds = set(map(type, rows))
    if kinds == {dict}:
        indices: list[Any] = list(chain.from_iterable(rows))
        values: list[Any] = list(chain.from_iterable(map(dict.values, rows)))
    elif kinds == {list}:
        pairs = list(chain.from_iterable(rows))
        if not set(map(type, pairs)) <= {tuple, list} or not set(map(len, pairs)) <= {2}:
            return None
        indices, values = list(map(itemgetter(0), pairs)), list(map(itemgetter(1), pairs))
    else:
        return None
    # What NumPy would make numbers of is none: texts, bools, halves of whole numbers.
    if not set(map(type, indices)) <= _WHOLE or not set(map(type, values)) <= _NUMBERS:
        return None
    try:
        numbers = np.fromiter(indices, np.int64, len(indices))
        floats = np.fromiter(values, np.float64, len(values))
    except OverflowError:
        return None
    return offsets_of(map(len, rows), len(rows)), numbers, floats


def _arrays_of(rows: Sequence[Any], what: str) -> Parts:
    """Return vectors of any form, each of which is looked at."""
    pairs = [_arrays(row, entry, what) for row, entry in enumerate(rows)]
    indptr = offsets_of((len(indices) for indices, _ in pairs), len(pairs))
    return indptr, _joined(indices for indices, _ in pairs), _joined(values for _, values in pairs)


def _arrays(row: int, entry: Any, what: str) -> tuple[NDArray[Any], NDArray[Any]]:
    given, weights = split_vector(row, entry, what)
    try:
        indices, values = np.asarray(given), np.asarray(weights)
    # One may be of another library, and its code runs here.
    except Exception as error:
        message = f"{what} row {row} has indices or values that are not a list of numbers"
        raise InvalidArgument(message, field=what) from error
    if indices.ndim == 1 and (token := next((i for i in given if isinstance(i, str)), None)) is not None:
        raise InvalidArgument(f"{what} row {row} has the token {token!r:.80}; {_BY_INDEX}", field=what)
    if indices.ndim != 1 or indices.shape != values.shape:
        raise InvalidArgument(
            f"{what} row {row} has indices of shape {indices.shape} and values of shape {values.shape}; "
            "expected as many of each, in one dimension",
            field=what,
        )
    if len(indices) and values.dtype.kind not in "fiu":
        raise InvalidArgument(f"{what} row {row} has values of {values.dtype}; pass numbers", field=what)
    # Beside signed ones, NumPy makes floats of them.
    if len(indices) and (indices.dtype.kind not in "iu" or indices.dtype == np.uint64):
        indices = whole_numbers(indices, f"{what} row {row}")
    return indices, values


def _joined(arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
    # NumPy makes an array of floats of an empty list.
    filled = [array for array in arrays if len(array)]
    return np.concatenate(filled) if filled else np.empty(0, np.uint32)


def checked_column(parts: Parts, what: str, listed: bool = False) -> SparseColumn:
    """Return what was read as it is stored: indices in order, values of equal ones added up."""
    indptr, given, values = parts
    if len(indptr) == 2 and (usual := _ordered_vector(given, values)) is not None:
        return SparseColumn(indptr, *usual)
    if len(values) and values.dtype.kind not in "fiu":
        raise InvalidArgument(f"{what} has values of {values.dtype}; pass numbers", field=what)
    if len(values) != len(given):
        raise InvalidArgument(f"{what} has {len(given)} indices and {len(values)} values", field=what)
    indices = _checked_indices(indptr, given, what)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, np.float32)
    _check_values(indptr, indices, np.where(np.isnan(stored), 0, stored) if listed else stored, values, what)
    falls = indices[1:] <= indices[:-1]
    # A row may begin with any index.
    inner = indptr[(indptr > 0) & (indptr < len(indices))]
    falls[inner - 1] = False
    if falls.any():
        return _merged(indptr, indices, stored, what, listed)
    return SparseColumn(indptr, indices, stored)


def _ordered_vector(indices: NDArray[Any], values: NDArray[Any]) -> Vector | None:
    """Return one vector as it is stored; None where it is not plainly right, or has an index twice."""
    if indices.ndim != 1 or indices.shape != values.shape or not len(indices):
        return None
    if indices.dtype.kind not in "iu" or values.dtype.type not in (np.float32, np.float64):
        return None
    # Squares of finite numbers far below the limit have a sum below it, and nothing else has; unlike dot,
    # vdot warns of none.
    if not np.vdot(values, values) < MAX_MAGNITUDE:
        return None
    if _falls(indices):
        order = indices.argsort()
        indices, values = indices[order], values[order]
        if _falls(indices):
            return None
    if indices.item(0) < 0 or indices.item(-1) > MAX_INDEX:
        return None
    return np.ascontiguousarray(indices, np.uint32), np.ascontiguousarray(values, np.float32)


def _falls(indices: NDArray[Any]) -> bool:
    # As .any() does, in a quarter of its time.
    return len((indices[1:] <= indices[:-1]).nonzero()[0]) > 0


def _checked_indices(indptr: Offsets, indices: NDArray[Any], what: str) -> NDArray[np.uint32]:
    if indices.dtype == np.uint32 or not len(indices):
        return np.ascontiguousarray(indices, np.uint32)
    if indices.dtype.kind not in "iu":
        raise InvalidArgument(f"{what} has indices of {indices.dtype}; pass whole numbers", field=what)
    outside = (indices < 0) | (indices > MAX_INDEX)
    if outside.any():
        at = int(np.argmax(outside))
        raise InvalidArgument(
            f"{what} row {row_of(indptr, at)} has the index {indices[at]}; expected 0 to 2**32 - 1",
            field=what,
        )
    return indices.astype(np.uint32)


def _check_values(
    indptr: Offsets,
    indices: NDArray[np.uint32],
    stored: NDArray[Any],
    given: NDArray[Any],
    what: str,
) -> None:
    bad = ~(np.abs(stored) <= MAX_MAGNITUDE)
    if bad.any():
        at = int(np.argmax(bad))
        raise InvalidArgument(
            f"{what} row {row_of(indptr, at)} has {given[at]} at index {indices[at]}; every value must be "
            f"finite and at most {MAX_MAGNITUDE:g} in size",
            field=what,
        )


def _merged(
    indptr: Offsets, indices: NDArray[np.uint32], values: NDArray[np.float32], what: str, listed: bool
) -> SparseColumn:
    """Return rows with their indices in order, and values of equal ones added up."""
    n = len(indptr) - 1
    rows = np.repeat(np.arange(n), np.diff(indptr))
    order = np.lexsort((indices, rows))
    indices, values = indices[order], values[order]
    first = np.ones(len(indices), np.bool_)
    first[1:] = (rows[1:] != rows[:-1]) | (indices[1:] != indices[:-1])
    if first.all():
        return SparseColumn(indptr, indices, values)
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(values.astype(np.float64), starts)
    indptr = offsets_of(np.bincount(rows[starts], minlength=n), n)
    _check_values(indptr, indices[starts], np.where(np.isnan(sums), 0, sums) if listed else sums, sums, what)
    return SparseColumn(indptr, indices[starts], sums.astype(np.float32))


def row_of(indptr: Offsets, entry: int) -> int:
    """Return the row that an entry is in."""
    return int(np.searchsorted(indptr, entry, side="right")) - 1
