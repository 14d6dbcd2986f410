"""Columns as messages and back, written apart from server/wire/ so that the two check each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.proto.v1 import points_pb2 as points
from vicinal.proto.v1 import vectors_pb2 as vectors

Id = int | str

_ELEMENTS = {
    "<f4": vectors.ELEMENT_TYPE_FLOAT32,
    "<f2": vectors.ELEMENT_TYPE_FLOAT16,
    "|i1": vectors.ELEMENT_TYPE_INT8,
    "|u1": vectors.ELEMENT_TYPE_BINARY,
}
_DTYPES = {element: dtype for dtype, element in _ELEMENTS.items()}


def point_ids(ids: Sequence[Id]) -> vectors.PointIds:
    """Return ids as a message."""
    texts = [value for value in ids if isinstance(value, str)]
    numbers = [value for value in ids if isinstance(value, int)]
    kinds = [isinstance(value, str) for value in ids] if texts and numbers else []
    return vectors.PointIds(numbers=numbers, texts=texts, is_text=kinds)


def ids_of(message: vectors.PointIds) -> list[Id]:
    """Return the ids of a message, in order."""
    if not message.is_text:
        assert not (message.numbers and message.texts)
        return [*message.numbers, *message.texts]
    numbers, texts = iter(message.numbers), iter(message.texts)
    ids: list[Id] = [next(texts) if is_text else next(numbers) for is_text in message.is_text]
    assert [*numbers, *texts] == []
    return ids


def payloads(rows: Sequence[Mapping[str, Any]]) -> vectors.Payloads:
    """Return JSON objects as a message."""
    texts = [json.dumps(row).encode() for row in rows]
    return vectors.Payloads(json=b"".join(texts), row_sizes=map(len, texts))


def payloads_of(message: vectors.Payloads) -> list[dict[str, Any]]:
    """Return the JSON objects of a message."""
    rows, start = [], 0
    for size in message.row_sizes:
        rows.append(json.loads(message.json[start : start + size]) if size else {})
        start += size
    assert start == len(message.json)
    return rows


def matrix(rows: NDArray[Any]) -> vectors.Matrix:
    """Return a matrix as a message; uint8 stands for packed bits."""
    return vectors.Matrix(
        data=rows.tobytes(), element_type=_ELEMENTS[rows.dtype.str], rows=rows.shape[0], columns=rows.shape[1]
    )


def dense(rows: NDArray[Any]) -> vectors.Vectors:
    """Return dense vectors as a message."""
    return vectors.Vectors(dense=matrix(rows))


def sparse(rows: Sequence[Mapping[int, float]]) -> vectors.Vectors:
    """Return sparse vectors as a message."""
    indices = [index for row in rows for index in sorted(row)]
    values = [row[index] for row in rows for index in sorted(row)]
    return vectors.Vectors(
        sparse=vectors.SparseMatrix(
            indices=np.array(indices, "<u4").tobytes(),
            values=np.array(values, "<f4").tobytes(),
            row_sizes=map(len, rows),
        )
    )


def multi(rows: Sequence[NDArray[Any]]) -> vectors.Vectors:
    """Return several vectors a row as a message."""
    return vectors.Vectors(
        multi=vectors.RaggedMatrix(tokens=matrix(np.concatenate(rows)), row_sizes=map(len, rows))
    )


def rows_of(message: vectors.Vectors) -> list[NDArray[Any]]:
    """Return the vectors of a message a row; a sparse row is (entries, 2) of index and value."""
    match message.WhichOneof("kind"):
        case "dense":
            return list(_array(message.dense))
        case "multi":
            return _cut(_array(message.multi.tokens), message.multi.row_sizes)
        case "sparse":
            entries = np.stack(
                [
                    np.frombuffer(message.sparse.indices, "<u4").astype(np.float64),
                    np.frombuffer(message.sparse.values, "<f4").astype(np.float64),
                ],
                axis=1,
            )
            return _cut(entries, message.sparse.row_sizes)
    raise AssertionError("vectors of no kind")


def filter_of(record: Mapping[str, Any] | None) -> points.Filter | None:
    """Return a filter as a message."""
    return None if record is None else points.Filter(json=json.dumps(record).encode())


def _array(message: vectors.Matrix) -> NDArray[Any]:
    flat = np.frombuffer(message.data, _DTYPES[message.element_type])
    return flat.reshape(message.rows, message.columns)


def _cut(values: NDArray[Any], sizes: Sequence[int]) -> list[NDArray[Any]]:
    stops = np.cumsum(np.fromiter(sizes, np.int64, len(sizes)), dtype=np.int64)
    assert (stops[-1] if len(stops) else 0) == len(values)
    return np.split(values, stops[:-1]) if len(stops) else []
