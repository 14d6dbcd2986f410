from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from column_strategies import binary_columns, dense_columns, multi_columns, sparse_columns
from hypothesis import given
from hypothesis import strategies as st

from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.partial import PartialColumn, column_of, concat_columns, partial_column
from vicinal.storage.columns.vectors import (
    COLUMN_OF_KIND,
    BinaryColumn,
    DenseColumn,
    SparseColumn,
)
from vicinal.storage.errors import CorruptionError

Column = DenseColumn | SparseColumn | BinaryColumn | MultiColumn


def rows_of(column: Column) -> list[Any]:
    """Return a column as plain lists, one a row."""
    match column:
        case DenseColumn():
            return column.matrix.tolist()
        case SparseColumn():
            return [tuple(part.tolist() for part in column.row(row)) for row in range(len(column))]
        case BinaryColumn() | MultiColumn():
            return [column.row(row).tolist() for row in range(len(column))]


@pytest.mark.parametrize("columns", [dense_columns, sparse_columns, binary_columns, multi_columns])
@given(data=st.data())
def test_take_slice_and_concat_are_those_of_a_list(
    columns: Callable[[int], st.SearchStrategy[Column]], data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, 5))
    column = data.draw(columns(n))
    rows = rows_of(column)
    assert len(column) == n
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=6)) if n else []
    assert rows_of(column.take(np.array(chosen, np.uint32))) == [rows[row] for row in chosen]
    cut = data.draw(st.integers(0, n))
    parts = [column.slice(0, cut), column.slice(cut, n)]
    assert [rows_of(part) for part in parts] == [rows[:cut], rows[cut:]]
    assert rows_of(type(column).concat(parts)) == rows
    assert rows_of(COLUMN_OF_KIND[column.kind].from_arrays(column.arrays())) == rows
    assert column.row_bytes().shape == (n,)
    assert column.nbytes == sum(array.nbytes for array in column.arrays().values())


_ROW = np.array([0, 1], np.int64)


@pytest.mark.parametrize(
    ("kind", "arrays"),
    [
        ("dense", {"matrix": np.zeros(3, np.float32)}),
        ("dense", {"matrix": np.zeros((1, 3), np.float64)}),
        ("dense", {}),
        ("dense", {"matrix": np.zeros((1, 3), np.float32), "other": _ROW}),
        ("sparse", {"indptr": _ROW, "indices": np.zeros(1, np.int32), "values": np.zeros(1, np.float32)}),
        ("sparse", {"indptr": _ROW, "indices": np.zeros(1, np.uint32), "values": np.zeros(2, np.float32)}),
        ("sparse", {"indptr": _ROW, "indices": np.zeros(2, np.uint32), "values": np.zeros(2, np.float32)}),
        ("multi", {"offsets": _ROW, "tokens": np.zeros((2, 3), np.float32)}),
        ("multi", {"offsets": _ROW, "tokens": np.zeros(1, np.float32)}),
    ],
)
def test_arrays_that_do_not_fit_are_corruption(kind: Any, arrays: dict[str, Any]) -> None:
    with pytest.raises(CorruptionError, match="somewhere"):
        COLUMN_OF_KIND[kind].from_arrays(arrays, "somewhere")


@pytest.mark.parametrize("columns", [dense_columns, sparse_columns, binary_columns, multi_columns])
@given(data=st.data())
def test_a_column_that_some_rows_lack_is_a_list_with_none(
    columns: Callable[[int], st.SearchStrategy[Column]], data: st.DataObject
) -> None:
    flags = data.draw(st.lists(st.booleans(), max_size=6))
    n, present = len(flags), np.flatnonzero(flags).astype(np.uint32)
    column = partial_column(n, present, data.draw(columns(len(present))))

    def values(of: Any) -> list[Any]:
        return [None if row is None else str(row) for row in map(of.row, range(len(of)))]

    rows = values(column)
    assert [row is not None for row in rows] == flags
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=6)) if n else []
    assert values(column.take(np.array(chosen, np.uint32))) == [rows[row] for row in chosen]
    cut = data.draw(st.integers(0, n))
    parts = [column.slice(0, cut), column.slice(cut, n)]
    assert [values(part) for part in parts] == [rows[:cut], rows[cut:]]
    assert values(concat_columns(parts)) == rows
    assert values(concat_columns([column, column.take(np.arange(n))])) == rows * 2
    again = column_of(column.kind, column.arrays(), n)
    assert values(again) == rows
    assert column.row_bytes().shape == (n,)
    assert column.nbytes == sum(array.nbytes for array in column.arrays().values())
    assert isinstance(column, PartialColumn) != all(flags)


@pytest.mark.parametrize(
    "present",
    [
        np.array([0, 0], np.uint32),
        np.array([1, 0], np.uint32),
        np.array([0, 3], np.uint32),
        np.array([0], np.uint32),
        np.array([0, 1], np.int64),
    ],
)
def test_present_rows_that_do_not_fit_are_damage(present: Any) -> None:
    with pytest.raises(CorruptionError, match="present"):
        column_of("dense", {"matrix": np.zeros((2, 3), np.float32), "present": present}, 3)
