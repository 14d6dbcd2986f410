"""Sets of indices in the forms that callers have them in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.input.queries import validate_queries
from vicinal.engine.input.vectors import validate_vectors
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.storage.columns.tokens import TokenColumn
from vicinal.storage.columns.vectors import BinaryColumn

FIELD = Sparse(element="binary")
BUCKETS = Sparse(element="binary", bucket_size=10, bucket_weights=[1, 0.5])


@dataclass
class Csr:
    """What a SciPy CSR matrix shows of itself."""

    indptr: Any
    indices: Any
    data: Any


def sets(value: Any, n: int) -> list[list[int]]:
    column = validate_vectors("marks", FIELD, value, n)
    assert isinstance(column, BinaryColumn)
    return [column.row(row).tolist() for row in range(len(column))]


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=6), min_size=1, max_size=5), st.data())
def test_sets_in_every_form(rows: list[list[int]], data: st.DataObject) -> None:
    expected = [sorted(set(row)) for row in rows]
    offsets = np.cumsum([0, *map(len, rows)])
    flat = np.array([index for row in rows for index in row], np.int64)
    data_type = data.draw(st.sampled_from([np.bool_, np.float32, np.int8]))
    forms: list[Any] = [
        rows,
        [set(row) for row in rows],
        [np.array(row, np.uint64) for row in rows],
        [(row, [1] * len(row)) for row in rows],
        [dict.fromkeys(row, 1.0) for row in rows],
        [[(index, 1) for index in row] for row in rows],
        [{"indices": row, "values": np.ones(len(row))} for row in rows],
        Csr(offsets, flat, np.ones(len(flat), data_type)),
        BinaryColumn(offsets.astype(np.int64), flat.astype(np.uint32)),
        (row for row in rows),
    ]
    for form in forms:
        assert sets(form, len(rows)) == expected
    mixed = [data.draw(st.sampled_from(forms[:7]))[row] for row in range(len(rows))]
    assert sets(mixed, len(rows)) == expected


def test_rows_of_a_matrix_are_sets() -> None:
    assert sets(np.array([[7, 1, 1], [2, 3, 4]], np.int16), 2) == [[1, 7], [2, 3, 4]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1], [2, -3]], "row 1 has the index -3; expected 0 to 2**32 - 1"),
        ([[1], [2, 2**32]], "row 1 has the index 4294967296"),
        ([[1], [2**80]], "row 1 has the index 4294967296"),
        ([[1], [1.5]], "row 1 has indices of float64"),
        ([[1], [True]], "row 1 has indices of bool"),
        ([[1], ["a"]], "row 1 has the token 'a'"),
        ([[1], {3: 0.5}], "row 1 has the value 0.5; a binary vector is a set of indices"),
        ([[1], {3: float("nan")}], "row 1 has the value nan"),
        ([[1], ([3], [0])], "row 1 has the value 0"),
        ([[1], 7], "row 1 is a int"),
        ([[1], np.ones((2, 2), np.int64)], "row 1 is a ndarray"),
        (np.ones((2, 2)), "has indices of float64"),
        (np.array([1, 2]), "is a ndarray; pass a list"),
        ({1: 1}, "is a dict; pass a list"),
        (Csr(np.array([0, 1, 2]), np.array([1, 2]), np.array([True, False])), "row 1 has the value False"),
        (TokenColumn.of_rows([{"a": 1.0}] * 2), "has tokens"),
    ],
)
def test_sets_that_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        validate_vectors("marks", FIELD, value, 2)


def test_an_index_is_in_a_bucket() -> None:
    assert len(validate_vectors("marks", BUCKETS, [[0, 19]], 1)) == 1
    for refused in (lambda v: validate_vectors("marks", BUCKETS, v, 2), lambda v: asked(v, BUCKETS)):
        with pytest.raises(InvalidArgument, match="row 1 has the index 20, and the last of 2 buckets of 10"):
            refused([[3], [20]])


def asked(query: Any, field: Sparse = FIELD) -> tuple[list[dict[int, float]], bool]:
    queries, single = validate_queries("marks", field, query)
    rows = [queries[row : row + 1] for row in range(len(queries))]
    return [dict(zip(row.indices.tolist(), row.values.tolist(), strict=True)) for row in rows], single


@pytest.mark.parametrize(
    ("query", "single", "expected"),
    [
        ([5, 3, 5], True, [{3: 1, 5: 1}]),
        ({5, 3}, True, [{3: 1, 5: 1}]),
        (np.array([5, 3]), True, [{3: 1, 5: 1}]),
        (range(2), True, [{0: 1, 1: 1}]),
        ({5: 0.5, 3: -2}, True, [{3: -2, 5: 0.5}]),
        (([5, 5], [0.5, 1]), True, [{5: 1.5}]),
        ([(5, 0.5)], True, [{5: 0.5}]),
        ({"indices": [5], "values": [2]}, True, [{5: 2}]),
        ({}, True, [{}]),
        ([], False, []),
        ([[5, 5], {3}, {}], False, [{5: 1}, {3: 1}, {}]),
        ([[], [4]], False, [{}, {4: 1}]),
        ([{5: 0.5}, [3]], False, [{5: 0.5}, {3: 1}]),
        (np.array([[5, 5], [3, 4]]), False, [{5: 1}, {3: 1, 4: 1}]),
        (BinaryColumn(np.array([0, 1]), np.array([4], np.uint32)), False, [{4: 1}]),
        (Csr(np.array([0, 1]), np.array([4]), np.array([True])), False, [{4: 1}]),
    ],
)
def test_queries(query: Any, single: bool, expected: list[dict[int, float]]) -> None:
    assert asked(query) == (expected, single)


def test_buckets_weigh_sets_alone() -> None:
    assert asked([5, 3], BUCKETS) == ([{3: 1, 5: 1}], True)
    with pytest.raises(InvalidArgument, match=r"row 0 has the value 0\.5"):
        asked({5: 0.5}, BUCKETS)
