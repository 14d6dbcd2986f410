"""Vectors as Arrow columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from column_strategies import binary_columns, dense_columns, multi_columns, sparse_columns
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.arrow.vector_arrays import array_of_column, array_of_vectors
from vicinal.storage.arrow.vector_values import vectors_of_array
from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.partial import partial_column
from vicinal.storage.columns.vectors import BinaryColumn, DenseColumn, SparseColumn, VectorColumn


@given(
    st.data(),
    st.integers(0, 4),
    st.sampled_from([dense_columns, sparse_columns, binary_columns, multi_columns]),
)
def test_a_column_comes_back(data: st.DataObject, n: int, columns: Any) -> None:
    column: VectorColumn = data.draw(columns(n))
    array = array_of_column(column)
    array.validate(full=True)
    assert len(array) == n
    found = vectors_of_array("x", array)
    match column:
        case DenseColumn():
            assert n == 0 or found.dtype == column.matrix.dtype
            np.testing.assert_array_equal(found, column.matrix if n else found)
        case SparseColumn():
            for part, given_part in zip(found, (column.indptr, column.indices, column.values), strict=True):
                np.testing.assert_array_equal(part, given_part)
        case BinaryColumn():
            ones = np.ones(len(column.indices), np.float32)
            for part, given_part in zip(found, (column.indptr, column.indices, ones), strict=True):
                np.testing.assert_array_equal(part, given_part)
        case MultiColumn():
            np.testing.assert_array_equal(found[1], column.offsets)
            np.testing.assert_array_equal(found[0].ravel(), column.floats().ravel())


@pytest.mark.parametrize("present", [[], [0, 3], [2], range(4)])
def test_a_partial_column_has_nulls(present: Sequence[int]) -> None:
    matrix = np.arange(8, dtype=np.float32).reshape(4, 2)
    column = partial_column(4, np.array(present, np.uint32), DenseColumn(matrix[list(present)]))
    array = array_of_column(column)
    array.validate(full=True)
    assert array.type == pa.list_(pa.float32(), 2)
    assert array.to_pylist() == [matrix[row].tolist() if row in present else None for row in range(4)]


def test_numbers_are_not_copied() -> None:
    matrix = np.ones((3, 4), np.float32)
    array = array_of_column(DenseColumn(matrix))
    assert np.shares_memory(vectors_of_array("x", array), matrix)


@pytest.mark.parametrize(
    "vectors",
    [
        [np.ones(2, np.float16), None, np.zeros(2, np.float16)],
        [None, (np.array([1, 5], np.uint32), np.ones(2, np.float32)), None],
        [np.ones((2, 3), np.int8), np.zeros((1, 3), np.int8), None],
    ],
)
def test_a_point_without_a_vector_is_null(vectors: list[Any]) -> None:
    array = array_of_vectors(vectors)
    assert array.is_valid().to_pylist() == [vector is not None for vector in vectors]
    there = [vector for vector in vectors if vector is not None]
    assert array.drop_null().equals(array_of_vectors(there))
    as_python: list[Any] = [
        {"indices": vector[0].tolist(), "values": vector[1].tolist()}
        if isinstance(vector, tuple)
        else vector.tolist()
        for vector in there
    ]
    assert array.drop_null().to_pylist() == as_python
    assert isinstance(array, pa.Array)


@pytest.mark.parametrize("flags", [[False, False], [True, False, True], [False, True, True, False]])
def test_a_row_without_a_vector_is_a_null(flags: list[bool]) -> None:
    present = np.flatnonzero(flags).astype(np.uint32)
    vectors = DenseColumn(np.arange(2 * len(present), dtype=np.float32).reshape(-1, 2))
    array = array_of_column(partial_column(len(flags), present, vectors))
    expected = iter(vectors.matrix.tolist())
    assert array.to_pylist() == [next(expected) if has else None for has in flags]
