"""Vectors as messages: contiguous bytes, checked before they become arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import InvalidArgument, LimitExceeded
from ...indexes.rows.element import Element
from ...proto.v1 import vectors_pb2 as pb
from ...storage.columns.multi import MultiColumn
from ...storage.columns.partial import PartialColumn, partial_column
from ...storage.columns.texts import TextColumn
from ...storage.columns.tokens import TokenColumn
from ...storage.columns.vectors import (
    BinaryColumn,
    DenseColumn,
    SparseColumn,
    VectorColumn,
)
from .packed_column import offsets

ELEMENT_TYPES = {
    Element.FLOAT32: pb.ELEMENT_TYPE_FLOAT32,
    Element.FLOAT16: pb.ELEMENT_TYPE_FLOAT16,
    Element.INT8: pb.ELEMENT_TYPE_INT8,
    Element.BINARY: pb.ELEMENT_TYPE_BINARY,
}
_TYPE_OF_DTYPE = {element.dtype: number for element, number in ELEMENT_TYPES.items()}
_DTYPE_OF_TYPE = {int(number): element.dtype.newbyteorder("<") for element, number in ELEMENT_TYPES.items()}


TOKEN_BYTES = 400
"""What a token that is read takes: as an object, in sets and lists of them, beside its id."""
MAX_TOKENS = 1 << 18
"""Different ones of one message: all new, the writer is busy with them for a second or two."""


def put_vectors(message: pb.Vectors, column: VectorColumn) -> None:
    """Fill ``message`` with a column; its arrays are copied once."""
    _PUT[column.kind](message, column)


def count_rows(message: pb.Vectors) -> int:
    """Return how many rows a message says it has, before it is read."""
    # Of a message without vectors each is empty.
    ragged = (message.sparse, message.multi, message.tokens)
    rows = message.dense.rows + sum(len(part.row_sizes) for part in ragged)
    return rows + len(message.texts.texts)


def count_tokens(messages: Iterable[pb.Vectors]) -> int:
    """Return how many tokens messages say they have, before they are read."""
    return sum(len(message.tokens.tokens) for message in messages)


def read_vectors(message: pb.Vectors, what: str) -> VectorColumn:
    """Return the rows of a message as a column of read-only views of its bytes.

    Sizes are checked against the bytes that came before anything is allocated, and nothing larger than the
    message is: only the offsets of ragged rows are, 8 bytes each. What the field asks of its vectors, the
    engine checks.

    Raises
    ------
    InvalidArgument
        When sizes and bytes disagree, or no vectors are there; ``what`` names the argument.
    """
    kind = message.WhichOneof("kind")
    if kind is None:
        raise InvalidArgument(f"{what} holds no vectors; set one of {', '.join(_READ)}", field=what)
    return _READ[kind](message, what)


def read_query(message: pb.Vectors, what: str = "query") -> Any:
    """Return the one row of a message in the form ``search`` takes a single query.

    Raises
    ------
    InvalidArgument
        As :func:`read_vectors`, and when there is not exactly one row.
    """
    dense = message.HasField("dense")
    rows: Any = _read_matrix(message.dense, what) if dense else read_vectors(message, what)
    if len(rows) != 1:
        raise InvalidArgument(
            f"{what} has {len(rows)} rows; expected one, several go to SearchBatch", field=what
        )
    return rows[0] if dense else _unweighted(rows.row(0))


def _unweighted(row: Any) -> Any:
    """Return a sparse row whose weights are all to be looked up as a list of its terms."""
    if isinstance(row, dict):
        return list(row) if row and all(map(math.isnan, row.values())) else row
    return row[0] if isinstance(row, tuple) and len(row[0]) and np.isnan(row[1]).all() else row


def put_fields(messages: Any, columns: Mapping[str, VectorColumn]) -> None:
    """Add the columns of several fields to a repeated ``FieldVectors``."""
    for name, column in columns.items():
        message = messages.add(field=name)
        if isinstance(column, PartialColumn):
            message.present.rows.extend(column.present.tolist())
            message.present.SetInParent()
            column = column.vectors
        put_vectors(message.vectors, column)


def read_fields(messages: Sequence[pb.FieldVectors], n: int) -> dict[str, VectorColumn]:
    """Return the column of ``n`` rows of each field.

    Raises
    ------
    InvalidArgument
        As :func:`read_vectors`, for a field that is named twice, and for another number of rows than points
        that have one, which are counted before they are read.
    """
    columns: dict[str, VectorColumn] = {}
    for message in messages:
        what = f"vectors[{message.field!r:.80}]"
        if message.field in columns:
            raise InvalidArgument(f"{what} is there twice; each field has its vectors once", field="vectors")
        columns[message.field] = _read_field(message, n, what)
    return columns


def _read_field(message: pb.FieldVectors, n: int, what: str) -> VectorColumn:
    whole = not message.HasField("present")
    expected = n if whole else len(message.present.rows)
    rows = count_rows(message.vectors)
    if rows != expected and message.vectors.WhichOneof("kind"):
        points = f"{n} ids" if whole else f"{expected} points that have one"
        raise InvalidArgument(f"{what} has {rows} rows for {points}; pass one vector per id", field=what)
    column = read_vectors(message.vectors, what)
    if whole:
        return column
    present = np.fromiter(message.present.rows, np.uint32, expected)
    if expected and (present[-1] >= n or np.any(present[1:] <= present[:-1])):
        raise InvalidArgument(f"the present rows of {what} do not ascend below {n}", field=what)
    return partial_column(n, present, column)


def _put_dense(message: pb.Vectors, column: DenseColumn) -> None:
    _put_matrix(message.dense, column.matrix)


def _put_sparse(message: pb.Vectors, column: SparseColumn) -> None:
    sparse = message.sparse
    sparse.SetInParent()
    sparse.indices = column.indices.tobytes()
    sparse.values = column.values.tobytes()
    sparse.row_sizes.extend(np.diff(column.indptr).tolist())


def _put_binary(message: pb.Vectors, column: BinaryColumn) -> None:
    message.sparse.binary = True
    message.sparse.indices = column.indices.tobytes()
    message.sparse.row_sizes.extend(np.diff(column.indptr).tolist())


def _put_tokens(message: pb.Vectors, column: TokenColumn) -> None:
    tokens = message.tokens
    tokens.SetInParent()
    tokens.tokens.extend(column.tokens)
    tokens.numbers = column.numbers.tobytes()
    tokens.values = column.values.tobytes()
    tokens.row_sizes.extend(np.diff(column.indptr).tolist())


def _put_texts(message: pb.Vectors, column: TextColumn) -> None:
    message.texts.SetInParent()
    message.texts.texts.extend(column.texts)


def _put_multi(message: pb.Vectors, column: MultiColumn) -> None:
    _put_matrix(message.multi.tokens, column.tokens)
    message.multi.row_sizes.extend(np.diff(column.offsets).tolist())
    if column.scales is not None:
        message.multi.scales = column.scales.tobytes()


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


def _read_dense(message: pb.Vectors, what: str) -> DenseColumn:
    return DenseColumn(_read_matrix(message.dense, what))


def _read_sparse(message: pb.Vectors, what: str) -> SparseColumn | BinaryColumn:
    indices, values, binary = message.sparse.indices, message.sparse.values, message.sparse.binary
    if len(indices) % 4 or len(values) != (0 if binary else len(indices)):
        raise InvalidArgument(
            f"{what} has {len(indices)} bytes of indices and {len(values)} of values; expected 4 of each for "
            "every entry, of binary vectors no values",
            field=what,
        )
    indptr = _offsets(message.sparse.row_sizes, len(indices) // 4, what, "entries")
    if binary:
        return BinaryColumn(indptr, np.frombuffer(indices, "<u4"))
    return SparseColumn(indptr, np.frombuffer(indices, "<u4"), np.frombuffer(values, "<f4"))


def _read_tokens(message: pb.Vectors, what: str) -> TokenColumn:
    part = message.tokens
    if len(part.numbers) % 4 or len(part.numbers) != len(part.values):
        raise InvalidArgument(
            f"{what} has {len(part.numbers)} bytes of numbers and {len(part.values)} of values; expected 4 "
            "of each for every entry",
            field=what,
        )
    numbers = np.frombuffer(part.numbers, "<u4")
    n = len(part.tokens)
    if n > MAX_TOKENS:
        raise LimitExceeded(
            f"{what} has {n:,} different tokens and may have {MAX_TOKENS:,}; send it in parts", field=what
        )
    # Before they become objects: a text takes far more than it does in the message.
    if n > len(numbers) or not np.array_equal(np.unique(numbers), np.arange(n)):
        raise InvalidArgument(
            f"{what} has {n} tokens, and entries of others or not of all of them; expected the numbers of "
            "all tokens from 0",
            field=what,
        )
    tokens = list(part.tokens)
    if len(set(tokens)) < n:
        raise InvalidArgument(f"{what} has a token twice; expected each once", field=what)
    indptr = _offsets(part.row_sizes, len(numbers), what, "entries")
    return TokenColumn(tokens, indptr, numbers, np.frombuffer(part.values, "<f4"))


def _read_texts(message: pb.Vectors, what: str) -> TextColumn:
    return TextColumn(list(message.texts.texts))


def _read_multi(message: pb.Vectors, what: str) -> MultiColumn:
    tokens, given = _read_matrix(message.multi.tokens, what), message.multi.scales
    if given and (tokens.dtype != np.int8 or len(given) != 4 * len(tokens)):
        raise InvalidArgument(
            f"{what} has {len(given)} bytes of scales for {len(tokens)} vectors of {tokens.dtype}; "
            "expected 4 for each vector of int8, or none",
            field=what,
        )
    # Where there are no vectors, none has lost its scale.
    has_scales = tokens.dtype == np.int8 and len(given) == 4 * len(tokens)
    scales = np.frombuffer(given, "<f4") if has_scales else None
    return MultiColumn(_offsets(message.multi.row_sizes, len(tokens), what, "vectors"), tokens, scales)


def _offsets(row_sizes: Any, n_items: int, what: str, unit: str) -> NDArray[np.int64]:
    bounds = offsets(row_sizes)
    if bounds[-1] != n_items:
        raise InvalidArgument(
            f"{what} has {n_items} {unit}, but its row_sizes add up to {bounds[-1]}", field=what
        )
    return bounds


# By kind, as columns and messages name them.
_PUT: dict[str, Callable[[pb.Vectors, Any], None]] = {
    "dense": _put_dense,
    "sparse": _put_sparse,
    "binary": _put_binary,
    "tokens": _put_tokens,
    "texts": _put_texts,
    "multi": _put_multi,
}
_READ: dict[str, Callable[[pb.Vectors, str], VectorColumn]] = {
    "dense": _read_dense,
    "sparse": _read_sparse,
    "tokens": _read_tokens,
    "texts": _read_texts,
    "multi": _read_multi,
}
