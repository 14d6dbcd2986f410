"""Vectors as messages: contiguous bytes, checked before they become arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import InvalidArgument
from ...indexes.rows.element import Element
from ...proto.v1 import vectors_pb2 as pb
from ...storage.columns.vectors import DenseColumn, MultiColumn, SparseColumn, VectorColumn
from .packed_column import offsets

ELEMENT_TYPES = {
    Element.FLOAT32: pb.ELEMENT_TYPE_FLOAT32,
    Element.FLOAT16: pb.ELEMENT_TYPE_FLOAT16,
    Element.INT8: pb.ELEMENT_TYPE_INT8,
    Element.BINARY: pb.ELEMENT_TYPE_BINARY,
}
_TYPE_OF_DTYPE = {element.dtype: number for element, number in ELEMENT_TYPES.items()}
_DTYPE_OF_TYPE = {int(number): element.dtype.newbyteorder("<") for element, number in ELEMENT_TYPES.items()}


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Sparse vectors as a CSR matrix has them: row i is ``indptr[i]`` to ``indptr[i + 1]`` of the entries."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint32]
    data: NDArray[np.float32]


Rows: TypeAlias = NDArray[Any] | SparseRows | tuple[NDArray[Any], NDArray[np.int64]]
"""What ``upsert`` and ``search`` take for a field: a matrix, sparse rows, or (tokens, offsets)."""


def put_vectors(message: pb.Vectors, column: VectorColumn) -> None:
    """Fill ``message`` with a column; its arrays are copied once."""
    match column:
        case DenseColumn():
            _put_matrix(message.dense, column.matrix)
        case SparseColumn():
            sparse = message.sparse
            sparse.SetInParent()
            sparse.indices = column.indices.tobytes()
            sparse.values = column.values.tobytes()
            sparse.row_sizes.extend(np.diff(column.indptr).tolist())
        case MultiColumn():
            _put_matrix(message.multi.tokens, column.tokens)
            message.multi.row_sizes.extend(np.diff(column.offsets).tolist())
        case _:
            raise AssertionError(type(column))


def count_rows(message: pb.Vectors) -> int:
    """Return how many rows a message says it has, before it is read."""
    match message.WhichOneof("kind"):
        case "dense":
            return message.dense.rows
        case "sparse":
            return len(message.sparse.row_sizes)
        case "multi":
            return len(message.multi.row_sizes)
    return 0


def read_vectors(message: pb.Vectors, what: str) -> Rows:
    """Return the rows of a message as read-only views of its bytes.

    Sizes are checked against the bytes that came before anything is allocated, and nothing larger than the
    message is: only the offsets of ragged rows are, 8 bytes each.

    Raises
    ------
    InvalidArgument
        When sizes and bytes disagree, or no vectors are there; ``what`` names the argument.
    """
    match message.WhichOneof("kind"):
        case "dense":
            return _read_matrix(message.dense, what)
        case "sparse":
            return _read_sparse(message.sparse, what)
        case "multi":
            tokens = _read_matrix(message.multi.tokens, what)
            return tokens, _offsets(message.multi.row_sizes, len(tokens), what, "vectors")
    raise InvalidArgument(f"{what} holds no vectors; set one of dense, sparse and multi", field=what)


def read_query(message: pb.Vectors, what: str = "query") -> Any:
    """Return the one row of a message in the form ``search`` takes a single query.

    Raises
    ------
    InvalidArgument
        As :func:`read_vectors`, and when there is not exactly one row.
    """
    rows = read_vectors(message, what)
    n = count_rows(message)
    if n != 1:
        raise InvalidArgument(f"{what} has {n} rows; expected one, several go to SearchBatch", field=what)
    if isinstance(rows, SparseRows):
        return rows.indices, rows.data
    return rows[0]


def read_column(message: pb.Vectors, what: str) -> VectorColumn:
    """Return the rows of a message as a column; InvalidArgument as :func:`read_vectors`."""
    rows = read_vectors(message, what)
    if isinstance(rows, SparseRows):
        return SparseColumn(rows.indptr, rows.indices, rows.data)
    if isinstance(rows, tuple):
        return MultiColumn(rows[1], rows[0])
    return DenseColumn(rows)


def put_fields(messages: Any, columns: Mapping[str, VectorColumn]) -> None:
    """Add the columns of several fields to a repeated ``FieldVectors``."""
    for name, column in columns.items():
        put_vectors(messages.add(field=name).vectors, column)


def read_fields(messages: Sequence[pb.FieldVectors], n: int) -> dict[str, Rows]:
    """Return the ``n`` rows of each field.

    Raises
    ------
    InvalidArgument
        As :func:`read_vectors`, for a field that is named twice, and for other than ``n`` rows, which are
        counted before they are read.
    """
    return {field.field: read_vectors(field.vectors, what) for field, what in _checked(messages, n)}


def read_field_columns(messages: Sequence[pb.FieldVectors], n: int) -> dict[str, VectorColumn]:
    """Return the column of each field; InvalidArgument as :func:`read_fields`."""
    return {field.field: read_column(field.vectors, what) for field, what in _checked(messages, n)}


def one_vector(column: VectorColumn, row: int) -> Any:
    """Return one row as ``Point.vectors`` and ``Hit.vectors`` have it, not a view."""
    match column:
        case DenseColumn():
            return column.matrix[row].copy()
        case SparseColumn():
            indices, values = column.row(row)
            return indices.copy(), values.copy()
        case MultiColumn():
            return column.row(row).copy()
    raise AssertionError(type(column))


def _checked(messages: Sequence[pb.FieldVectors], n: int) -> Iterator[tuple[pb.FieldVectors, str]]:
    seen = set()
    for message in messages:
        what = f"vectors[{message.field!r:.80}]"
        if message.field in seen:
            raise InvalidArgument(f"{what} is there twice; each field has its vectors once", field="vectors")
        seen.add(message.field)
        rows = count_rows(message.vectors)
        if rows != n and message.vectors.WhichOneof("kind"):
            raise InvalidArgument(f"{what} has {rows} rows for {n} ids; pass one vector per id", field=what)
        yield message, what


def _put_matrix(message: pb.Matrix, matrix: NDArray[Any]) -> None:
    message.element_type = _TYPE_OF_DTYPE[matrix.dtype]
    message.rows, message.columns = matrix.shape
    message.data = matrix.tobytes()


def _read_matrix(message: pb.Matrix, what: str) -> NDArray[Any]:
    dtype = _DTYPE_OF_TYPE.get(message.element_type)
    if dtype is None:
        raise InvalidArgument(
            f"{what} has the element type {message.element_type}; expected one of "
            f"{', '.join(pb.ElementType.Name(number) for number in _DTYPE_OF_TYPE)}",
            field=what,
        )
    rows, columns, data = message.rows, message.columns, message.data
    # A matrix without columns could claim any number of rows.
    if rows * columns * dtype.itemsize != len(data) or (rows and not columns):
        raise InvalidArgument(
            f"{what} has {len(data)} bytes for {rows} rows of {columns} elements of {dtype.itemsize} bytes; "
            f"expected {rows * columns * dtype.itemsize} bytes and at least one column",
            field=what,
        )
    return np.frombuffer(data, dtype).reshape(rows, columns)


def _read_sparse(message: pb.SparseMatrix, what: str) -> SparseRows:
    indices, values = message.indices, message.values
    if len(indices) % 4 or len(indices) != len(values):
        raise InvalidArgument(
            f"{what} has {len(indices)} bytes of indices and {len(values)} of values; expected 4 of each for "
            "every entry",
            field=what,
        )
    indptr = _offsets(message.row_sizes, len(indices) // 4, what, "entries")
    return SparseRows(indptr, np.frombuffer(indices, "<u4"), np.frombuffer(values, "<f4"))


def _offsets(row_sizes: Any, n_items: int, what: str, unit: str) -> NDArray[np.int64]:
    bounds = offsets(row_sizes)
    if bounds[-1] != n_items:
        raise InvalidArgument(
            f"{what} has {n_items} {unit}, but its row_sizes add up to {bounds[-1]}", field=what
        )
    return bounds
