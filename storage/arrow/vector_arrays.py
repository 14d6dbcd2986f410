"""Vectors as columns of Arrow: what `vector_values` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.multi import MultiColumn
from ..columns.partial import PartialColumn, partial_column
from ..columns.ragged import offsets_of
from ..columns.tokens import TokenColumn
from ..columns.vectors import (
    BinaryColumn,
    ColumnKind,
    DenseColumn,
    SparseColumn,
    VectorColumn,
)
from .library import optional_library


def array_of_column(column: VectorColumn) -> Any:
    """Return vectors as an Arrow array, with a null where a point has none; others are not copied.

    Dense ones are lists of one size, sparse ones objects of ``indices`` and ``values``, or of ``tokens`` and
    ``values``, multi-vectors lists of such lists, of floats. Values of binary sparse vectors are all 1.
    """
    arrow = optional_library("pyarrow", "a column of vectors")
    if not isinstance(column, PartialColumn):
        return _ARRAY[column.kind](arrow, column)
    places = np.zeros(column.n, np.int64)
    places[column.present] = np.arange(len(column.present))
    is_null = np.ones(column.n, np.bool_)
    is_null[column.present] = False
    return array_of_column(column.vectors).take(arrow.array(places, mask=is_null))


def array_of_vectors(vectors: Sequence[Any]) -> Any:
    """Return vectors as a point has them, None for one without, as :func:`array_of_column` does.

    One of them at least is there.
    """
    present = [row for row, vector in enumerate(vectors) if vector is not None]
    column = _column_of([vectors[row] for row in present])
    return array_of_column(partial_column(len(vectors), np.array(present, np.uint32), column))


def _column_of(vectors: list[Any]) -> VectorColumn:
    if isinstance(vectors[0], dict):
        return TokenColumn.of_rows(vectors)
    if isinstance(vectors[0], tuple):
        indices, values = (np.concatenate(part) for part in zip(*vectors, strict=True))
        return SparseColumn(offsets_of((len(row) for row, _ in vectors), len(vectors)), indices, values)
    if vectors[0].dtype == np.uint32:
        return BinaryColumn(offsets_of(map(len, vectors), len(vectors)), np.concatenate(vectors))
    if vectors[0].ndim == 2:
        return MultiColumn(offsets_of(map(len, vectors), len(vectors)), np.concatenate(vectors))
    return DenseColumn(np.stack(vectors))


def _dense(arrow: Any, column: DenseColumn) -> Any:
    return _lists_of_one_size(arrow, column.matrix)


def _sparse(arrow: Any, column: SparseColumn) -> Any:
    return _pairs(arrow, column.indptr, {"indices": arrow.array(column.indices), "values": column.values})


def _binary(arrow: Any, column: BinaryColumn) -> Any:
    return _sparse(
        arrow, SparseColumn(column.indptr, column.indices, np.ones(len(column.indices), np.float32))
    )


def _tokens(arrow: Any, column: TokenColumn) -> Any:
    tokens = arrow.array(column.tokens, arrow.string()).take(arrow.array(column.numbers))
    return _pairs(arrow, column.indptr, {"tokens": tokens, "values": column.values})


def _multi(arrow: Any, column: MultiColumn) -> Any:
    return _lists(arrow, column.offsets, _lists_of_one_size(arrow, column.floats()))


def _pairs(arrow: Any, indptr: NDArray[np.int64], flat: Mapping[str, Any]) -> Any:
    lists = [_lists(arrow, indptr, arrow.array(entries)) for entries in flat.values()]
    return arrow.StructArray.from_arrays(lists, list(flat))


def _lists_of_one_size(arrow: Any, matrix: NDArray[Any]) -> Any:
    return arrow.FixedSizeListArray.from_arrays(arrow.array(matrix.ravel()), matrix.shape[1])


def _lists(arrow: Any, offsets: NDArray[np.int64], flat: Any) -> Any:
    return arrow.ListArray.from_arrays(arrow.array(offsets).cast(arrow.int32()), flat)


_ARRAY: dict[ColumnKind, Callable[[Any, Any], Any]] = {
    "dense": _dense,
    "sparse": _sparse,
    "binary": _binary,
    "tokens": _tokens,
    "multi": _multi,
}
