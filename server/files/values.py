"""Vectors as values of files: which kind a value is, and how each kind is written.

A dense vector is a list of numbers, a sparse one an object ``{"indices": [...], "values": [...]}``, or by
token ``{"tokens": [...], "values": [...]}``, a multi-vector a list of lists of numbers: the same in JSON
lines and in Parquet, read and written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import InvalidArgument
from ...storage.arrow.vector_values import SPARSE_KEYS, TOKEN_KEYS
from ...storage.columns.partial import PartialVectors
from ...storage.columns.vectors import ColumnKind


def kind_of(value: Any) -> ColumnKind | None:
    """Return the kind of vector that a value read from a file is, None when it is none."""
    if isinstance(value, dict):
        if set(value) == TOKEN_KEYS:
            return "tokens" if _are_texts(value["tokens"]) and _are_numbers(value["values"]) else None
        return "sparse" if set(value) == SPARSE_KEYS and _is_pair(**value) else None
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(entry, list) for entry in value):
        return "multi" if all(_are_numbers(entry) for entry in value) else None
    return "dense" if _are_numbers(value) else None


def column_of(kind: ColumnKind, values: Sequence[Any], where: str, first_row: int) -> Any:
    """Turn values read from a file into what `upsert` takes for a field of that kind.

    Raises
    ------
    InvalidArgument
        A value is of another kind, or of another length than the first; None stands for no vector.
        ``where`` names the file and the field, ``first_row`` the row of the first value.
    """
    for row, value in enumerate(values, start=first_row):
        if value is not None and kind_of(value) != kind:
            raise InvalidArgument(f"{where}, row {row}: expected a {kind} vector, got {_shortened(value)}")
    there = [value for value in values if value is not None]
    vectors = _vectors_of(kind, there, where)
    if len(there) == len(values):
        return vectors
    return PartialVectors(vectors, np.array([value is not None for value in values], np.bool_))


def as_stored(matrix: NDArray[Any]) -> NDArray[Any]:
    """Keep the element types the engine stores; return the others as float32."""
    if matrix.dtype in (np.float32, np.float16, np.int8, np.uint8):
        return np.ascontiguousarray(matrix)
    return np.ascontiguousarray(matrix, dtype=np.float32)


def plain(vector: Any) -> Any:
    """Turn a vector that the engine returned, or None, into what `orjson` writes as a vector of a file.

    Floats become float32 arrays, which are written with as few digits as tell them apart.
    """
    if vector is None:
        return None
    if isinstance(vector, dict):
        return {"tokens": list(vector), "values": np.array(list(vector.values()), np.float32)}
    if isinstance(vector, tuple):
        indices, values = vector
        return {"indices": np.ascontiguousarray(indices), "values": plain(values)}
    array = np.asarray(vector)
    if array.dtype == np.uint32:
        # A binary sparse vector: its indices.
        return {"indices": array, "values": np.ones(len(array), np.float32)}
    return np.ascontiguousarray(array, np.float32 if array.dtype == np.float16 else array.dtype)


def _vectors_of(kind: ColumnKind, values: Sequence[Any], where: str) -> Any:
    if kind == "sparse":
        return [
            (_array(v["indices"], np.int64, where), _array(v["values"], np.float32, where)) for v in values
        ]
    if kind == "tokens":
        return [(value["tokens"], _array(value["values"], np.float32, where)) for value in values]
    if kind == "multi":
        return [_matrix(value, where) for value in values]
    return _matrix(values, where)


def _matrix(rows: Sequence[Sequence[Any]], where: str) -> NDArray[Any]:
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise InvalidArgument(f"{where}: vectors of {sorted(widths)} numbers; a field has one dimension")
    return _array(rows, np.float32, where)


def _array(numbers: Any, dtype: type[Any], where: str) -> NDArray[Any]:
    try:
        return np.asarray(numbers, dtype)
    except OverflowError as error:
        raise InvalidArgument(f"{where}: a number is beyond those of {dtype.__name__} ({error})") from error


def _is_pair(indices: Any, values: Any) -> bool:
    # NumPy would make whole numbers of 1.5 and of "1".
    whole = isinstance(indices, list) and set(map(type, indices)) <= {int}
    return whole and _are_numbers(values)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and set(map(type, values)) <= {str}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and set(map(type, values)) <= {int, float}


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
