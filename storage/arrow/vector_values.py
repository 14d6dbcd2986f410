"""Columns of Arrow as vectors: no object an element, and no copy of a matrix that lies in one piece."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..columns.partial import PartialVectors
from ..columns.ragged import offsets_of
from ..columns.tokens import TokenColumn
from ..columns.vectors import ColumnKind
from ..invalid_value import InvalidValueError
from .library import is_pandas, optional_library, speaks_arrow

SPARSE_KEYS = {"indices", "values"}
TOKEN_KEYS = {"tokens", "values"}


class SparseRows(NamedTuple):
    """Row i is ``indptr[i]`` to ``indptr[i + 1]`` of ``indices`` and ``data``, as in a CSR matrix."""

    indptr: NDArray[np.int64]
    indices: NDArray[Any]
    data: NDArray[Any]


def vectors_of(what: str, value: Any) -> Any:
    """Return what gives itself as an Arrow column of vectors in a form of NumPy; anything else as it is.

    Lists of numbers become a matrix (n, width), lists of those the pair (tokens, offsets), objects of
    ``indices`` and ``values`` :class:`SparseRows`, objects of ``tokens`` and ``values`` a ``TokenColumn``;
    with nulls, :class:`PartialVectors` of these. A Series of pandas is such a column when its values are
    Arrow's, and none is one where pyarrow is not installed: then it is read row by row. In a Series of
    objects what pandas calls missing becomes None.

    Raises
    ------
    InvalidValueError
        When lists differ in length where they may not, or hold nulls; ``what`` names the column.
    """
    if is_pandas(value, "Series") and value.dtype == object and value.hasnans:
        return [None if null else row for row, null in zip(value, value.isna(), strict=True)]
    of_numpy = is_pandas(value, "Series") and type(value.dtype).__name__ != "ArrowDtype"
    if of_numpy or is_pandas(value, "DataFrame") or not speaks_arrow(value):
        return value
    try:
        arrow = optional_library("pyarrow", what)
    except InvalidValueError:
        return value
    array = arrow.chunked_array(value)
    return value if vector_kind(array.type) is None else vectors_of_array(what, array)


def vector_kind(kind: Any) -> ColumnKind | None:
    """Return which vectors an Arrow type holds, None when it holds none."""
    types = optional_library("pyarrow", "a column of Arrow").types
    if types.is_struct(kind):
        keys = {kind.field(at).name for at in range(kind.num_fields)}
        return "sparse" if keys == SPARSE_KEYS else "tokens" if keys == TOKEN_KEYS else None
    if not _is_list(types, kind):
        return None
    inner = kind.value_type
    if _is_list(types, inner):
        return "multi" if _is_number(types, inner.value_type) else None
    return "dense" if _is_number(types, inner) else None


def vectors_of_array(what: str, array: Any) -> Any:
    """Return an Arrow array, of a type that :func:`vector_kind` knows, as :func:`vectors_of` does."""
    compute = optional_library("pyarrow.compute", what)
    if array.null_count:
        flags = np.asarray(array.is_valid())
        try:
            return PartialVectors(vectors_of_array(what, array.drop_null()), flags)
        except InvalidValueError as error:
            message = f"{error}; rows are counted without those that have no vector"
            raise InvalidValueError(message, field=what) from error
    kind = vector_kind(array.type)
    if kind == "dense":
        return _matrix(compute, what, array, "row {}")
    if kind == "multi":
        tokens = _matrix(compute, what, compute.list_flatten(array), "vector {}")
        return tokens, _offsets(compute, array)
    return _sparse(compute, what, array, "tokens" if kind == "tokens" else "indices")


def _sparse(compute: Any, what: str, array: Any, naming: str) -> SparseRows | TokenColumn:
    """Return objects of ``indices`` or ``tokens``, as ``naming`` says, and ``values``."""
    names, values = (compute.struct_field(array, key) for key in (naming, "values"))
    for part in (names, values):
        _check_no_null(what, part, "row {}", f"a sparse vector has {naming} and values")
    indptr = _offsets(compute, names)
    differing = np.flatnonzero(indptr != _offsets(compute, values))
    if len(differing):
        row = int(differing[0]) - 1
        message = f"{what} row {row} has other numbers of {naming} and of values; expected as many of each"
        raise InvalidValueError(message, field=what, row=row)
    flat, numbers = compute.list_flatten(names), np.asarray(compute.list_flatten(values))
    if naming == "indices":
        return SparseRows(indptr, np.asarray(flat), numbers)
    _check_no_null(what, flat, "token {}", "a token is a text")
    encoded = compute.dictionary_encode(flat, null_encoding="encode")
    chunks = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
    return TokenColumn(chunks.dictionary.to_pylist(), indptr, np.asarray(chunks.indices, np.uint32), numbers)


def _matrix(compute: Any, what: str, array: Any, where: str) -> NDArray[Any]:
    _check_no_null(what, array, where, "a vector is a list of numbers")
    lengths = np.diff(_offsets(compute, array))
    differing = np.flatnonzero(lengths != lengths[:1])
    if len(differing):
        row = int(differing[0])
        message = (
            f"{what} {where.format(row)} has {lengths[row]} numbers, the first {lengths[0]}; "
            "a field has one dimension"
        )
        raise InvalidValueError(message, field=what)
    width = int(lengths[0]) if len(lengths) else 0
    return np.asarray(compute.list_flatten(array)).reshape(len(lengths), width)


def _offsets(compute: Any, array: Any) -> NDArray[np.int64]:
    return offsets_of(np.asarray(compute.list_value_length(array), np.int64), len(array))


def _check_no_null(what: str, array: Any, where: str, why: str) -> None:
    if array.null_count:
        row = array.is_valid().to_pylist().index(False)
        message = f"{what} {where.format(row)} is null, as {array.null_count} in all; {why}"
        raise InvalidValueError(message, field=what)


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(types: Any, kind: Any) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind))
