"""Arrow columns as vectors: their values, and which of them are copied."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from vicinal.storage.arrow.vector_values import SparseRows, vectors_of
from vicinal.storage.invalid_value import InvalidValueError

MATRIX = np.random.default_rng(5).standard_normal((6, 3)).astype(np.float32)
LISTS = pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.ravel()), 3)


@pytest.mark.parametrize(
    "column",
    [
        LISTS,
        pa.chunked_array([LISTS]),
        pd.Series(pd.array(LISTS, dtype=pd.ArrowDtype(LISTS.type))),
        pl.from_arrow(LISTS),
        pa.array(list(MATRIX), pa.large_list(pa.float32())),
    ],
    ids=lambda column: type(column).__name__,
)
def test_a_column_in_one_piece_is_a_view(column: Any) -> None:
    matrix = vectors_of("plot", column)
    np.testing.assert_array_equal(matrix, MATRIX)
    # Arrow's memory is not to be written, and a copy could be.
    assert not matrix.flags.writeable
    assert not matrix.flags.owndata


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8])
def test_slices_and_pieces_of_every_element(dtype: type) -> None:
    matrix = np.arange(18).reshape(6, 3).astype(dtype)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), 3)
    pieces = pa.chunked_array([lists[1:2], lists[2:2], lists[2:5]])
    found = vectors_of("plot", pieces)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, matrix[1:5])
    assert vectors_of("plot", lists[:0]).shape == (0, 0)


def test_lists_of_lists_and_objects() -> None:
    tokens, offsets = vectors_of("t", pa.chunked_array([[[[1.0, 2.0]]], [[[3.0, 4.0], [5.0, 6.0]]]]))
    assert (tokens.tolist(), offsets.tolist()) == ([[1, 2], [3, 4], [5, 6]], [0, 1, 3])
    terms = pl.Series([{"indices": [3, 1], "values": [0.5, 1.0]}, {"values": [], "indices": []}])
    found = vectors_of("t", terms)
    assert isinstance(found, SparseRows)
    assert [part.tolist() for part in found] == [[0, 2, 2], [3, 1], [0.5, 1.0]]


@pytest.mark.parametrize(
    "column",
    [MATRIX, list(MATRIX), pd.Series(list(MATRIX)), pl.Series([1.0]), pa.array(["a"]), pd.DataFrame(MATRIX)],
    ids=lambda column: type(column).__name__,
)
def test_other_columns_are_left_as_they_are(column: Any) -> None:
    assert vectors_of("plot", column) is column


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[1.0, 2.0], [1.0]], "plot row 1 has 1 numbers, the first 2"),
        ([[1.0, 2.0], None, [1.0]], "plot row 1 has 1 numbers, .*counted without those that have no vector"),
        ([[[1.0]], [[1.0], None]], "plot vector 2 is null"),
        ([[[1.0]], [[1.0, 2.0]]], "plot vector 1 has 2 numbers, the first 1"),
        ([{"indices": [1], "values": []}], "plot row 0 has other numbers of indices and of values"),
        ([{"indices": [1], "values": [1.0]}, {"indices": None, "values": [1.0]}], "plot row 1 is null"),
    ],
)
def test_columns_that_are_no_vectors(column: list[Any], message: str) -> None:
    kind = pa.struct([("indices", pa.list_(pa.int64())), ("values", pa.list_(pa.float64()))])
    with pytest.raises(InvalidValueError, match=message):
        vectors_of("plot", pa.array(column, kind if isinstance(column[0], dict) else None))


@pytest.mark.parametrize("column", [[[1.0], None, [2.0]], [None, [[1.0], [2.0]], None], [None, [1.0]]])
def test_a_null_is_a_vector_that_is_missing(column: list[Any]) -> None:
    partial = vectors_of("plot", pa.array(column))
    assert partial.present.tolist() == [vector is not None for vector in column]
    whole = vectors_of("plot", pa.array([vector for vector in column if vector is not None]))
    np.testing.assert_equal(partial.vectors, whole)


def test_without_pyarrow_a_column_is_left_to_be_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pl.from_arrow(LISTS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert vectors_of("plot", column) is column
