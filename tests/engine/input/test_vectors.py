from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.input.vectors import validate_vectors
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense
from vicinal.indexes.exact.flat import Flat
from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.vectors import DenseColumn, SparseColumn

COSINE = Dense(4, index=Flat())
DOT = Dense(4, metric="dot", index=Flat())
HALF = Dense(4, metric="dot", element="float16", index=Flat())
INT8 = Dense(4, metric="l2", element="int8", index=Flat())
BITS = Dense(16, metric="hamming", element="binary", index=Flat())


@dataclass
class Csr:
    """What a SciPy CSR matrix shows of itself."""

    indptr: Any
    indices: Any
    data: Any


def dense(field: Dense, value: Any, n: int = 2) -> np.ndarray[Any, Any]:
    column = validate_vectors("plot", field, value, n)
    assert isinstance(column, DenseColumn)
    assert column.matrix.flags.c_contiguous
    return column.matrix


def sparse(value: Any, n: int) -> list[tuple[list[int], list[float]]]:
    column = validate_vectors("words", Sparse(), value, n)
    assert isinstance(column, SparseColumn)
    return [(column.row(i)[0].tolist(), column.row(i)[1].tolist()) for i in range(n)]


def test_a_matrix_in_the_element_type_is_not_copied() -> None:
    for field, dtype in (COSINE, np.float32), (HALF, np.float16), (INT8, np.int8):
        matrix = np.ones((2, 4), dtype)
        assert np.shares_memory(dense(field, matrix), matrix)
    packed = np.ones((2, 2), np.uint8)
    assert np.shares_memory(dense(BITS, packed), packed)


@pytest.mark.parametrize("field", [COSINE, DOT, HALF, INT8])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, np.int8, list])
def test_numbers_are_cast_to_the_element(field: Dense, dtype: Any) -> None:
    plain = [[1, 2, 3, 4], [5, 6, 7, 8]]
    given = plain if dtype is list else np.array(plain, dtype)
    stored = dense(field, given)
    assert stored.dtype == field.element.dtype
    assert stored.tolist() == plain


def test_layouts_that_are_not_contiguous() -> None:
    matrix = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
    assert dense(COSINE, matrix.T, 4).tolist() == matrix.T.tolist()
    assert dense(COSINE, matrix[::2]).tolist() == matrix[::2].tolist()
    assert dense(COSINE, [matrix[0], matrix[1]]).tolist() == matrix[:2].tolist()


def test_no_rows() -> None:
    for field, value in (COSINE, []), (INT8, np.empty((0, 4))), (BITS, []), (HALF, np.empty((0, 4))):
        assert dense(field, value, 0).shape == (0, field.element.width(field.dim))
    assert len(validate_vectors("words", Sparse(), [], 0)) == 0
    assert len(validate_vectors("tokens", Multi(4), [], 0)) == 0


def test_bits_may_be_given_one_by_one() -> None:
    bits = np.random.default_rng(0).random((2, 16)) < 0.5
    assert dense(BITS, bits).tolist() == np.packbits(bits, axis=1).tolist()
    assert dense(BITS, [[0, 255], [1, 2]]).tolist() == [[0, 255], [1, 2]]


def test_vectors_are_stored_as_given() -> None:
    matrix = np.array([[3, 4, 0, 0], [1e-9, 0, 0, 0]], np.float32)
    assert dense(COSINE, matrix).tolist() == matrix.tolist()
    assert (
        dense(DOT, np.full((2, 4), 1e17, np.float32)).tolist() == np.full((2, 4), 1e17, np.float32).tolist()
    )
    assert dense(DOT, np.zeros((2, 4))).tolist() == [[0] * 4] * 2


def _with(number: float, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    matrix = np.ones((18, 4), dtype)
    matrix[17, 3] = number
    return matrix


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (COSINE, _with(np.nan), "vectors['plot'] row 17 has a NaN at column 3; every value must be finite"),
        (HALF, _with(np.nan), "vectors['plot'] row 17 has a NaN at column 3"),
        (INT8, _with(np.nan), "vectors['plot'] row 17 has nan at column 3"),
        (COSINE, _with(np.inf), "row 17 has inf at column 3; every value must be between -1e+17 and 1e+17"),
        (COSINE, _with(-1.1e17), "row 17 has"),
        (COSINE, _with(1e300, np.float64), "row 17 has 1e+300 at column 3"),
        (HALF, _with(70000), "row 17 has 70000.0 at column 3; every value must be between -65504 and 65504"),
        (INT8, _with(0.5), "row 17 has 0.5 at column 3; the field stores whole numbers from -128 to 127"),
        (INT8, _with(128), "row 17 has 128.0 at column 3"),
        (INT8, _with(-129, np.int64), "row 17 has -129 at column 3"),
        (COSINE, np.vstack([np.ones((17, 4)), np.zeros((1, 4))]), "row 17 is the zero vector"),
        (
            COSINE,
            np.vstack([np.zeros((1, 4)), np.full((1, 4), 1e-30)]),
            "row 1 has length 2e-30; below 1e-18",
        ),
        (DOT, np.vstack([np.zeros((1, 4)), np.full((1, 4), 1e-19)]), "row 1 has length 2e-19; below 1e-18"),
        (INT8, np.ones((18, 4), bool), "is an array of bool"),
        (COSINE, np.ones((17, 4)), "has 17 rows for 18 ids; pass one vector per id"),
        (COSINE, np.ones((18, 5)), "has shape (18, 5); expected (n, 4), the field has 4 dimensions"),
        (COSINE, np.ones(4), "one vector is passed as a matrix of one row, x[None]"),
        (COSINE, [[1, 2, 3, 4], [1, 2, 3]], "row 1 is 3 values; expected 4 numbers in every row"),
        (COSINE, [[1, 2, 3, 4], 7], "row 1 is 7"),
        (COSINE, [[1, 2, 3, None]], "not a matrix of numbers"),
        (COSINE, [["a", "b", "c", "d"]], "array of <U1; pass numbers"),
        (COSINE, np.ones((18, 4), complex), "pass numbers"),
        (COSINE, {"plot": 1}, "is a dict; pass numbers of shape (n, 4)"),
        (BITS, np.ones((18, 16), np.uint8), "expected (n, 2), the field has 2 bytes of eight bits (dim 16)"),
        (
            BITS,
            np.full((18, 2), 256),
            "row 0 has 256 at column 0; the field stores whole numbers from 0 to 255",
        ),
        (BITS, np.ones((18, 8), bool), "expected (n, 16)"),
    ],
)
def test_dense_vectors_that_are_refused(field: Dense, value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)) as caught:
        validate_vectors("plot", field, value, 18)
    assert caught.value.field == "vectors['plot']"


def test_large_but_allowed_numbers_pass_beside_a_culprit() -> None:
    matrix = np.full((3, 4), 0.9e17, np.float32)
    assert dense(DOT, matrix, 3).tolist() == matrix.tolist()
    matrix[2, 1] = np.nan
    with pytest.raises(InvalidArgument, match="row 2 has a NaN at column 1"):
        dense(DOT, matrix, 3)


def test_sparse_rows_in_every_form() -> None:
    expected = [([1, 7], [0.5, 2.0]), ([], []), ([2**32 - 1], [-1.0])]
    indptr, indices, data = [0, 2, 2, 3], [7, 1, 2**32 - 1], [2.0, 0.5, -1.0]
    forms = [
        [([7, 1], [2.0, 0.5]), ([], []), ([2**32 - 1], [-1.0])],
        [{7: 2.0, 1: 0.5}, {}, {2**32 - 1: -1}],
        [(np.array([1, 7], np.uint32), np.array([0.5, 2.0], np.float64)), {}, (np.array([2**32 - 1]), [-1])],
        Csr(np.array(indptr, np.int32), np.array(indices), np.array(data)),
        Csr(np.array(indptr), np.repeat(indices, 2)[::2].astype(np.uint32), np.repeat(data, 2)[::2]),
        [[(7, 2.0), (1, 0.5)], [], [(2**32 - 1, -1)]],
        [[[7, 2.0], (1, np.float32(0.5))], {}, [[np.uint32(2**32 - 1), -1]]],
        [
            {"indices": [7, 1], "values": [2.0, 0.5]},
            {"values": (), "indices": ()},
            {"indices": np.array([2**32 - 1], np.uint64), "values": np.array([-1], np.int8)},
        ],
        [[(7, 2.0), (1, 0.5)], {"indices": [], "values": []}, ([2**32 - 1], [-1.0])],
    ]
    for form in forms:
        assert sparse(form, 3) == expected


def test_a_tuple_is_two_columns_and_a_list_is_pairs() -> None:
    assert sparse([((1, 2), (3, 4))], 1) == [([1, 2], [3.0, 4.0])]
    assert sparse([([1, 2], [3, 4])], 1) == [([1, 2], [3.0, 4.0])]
    assert sparse([[(1, 2), (3, 4)]], 1) == [([1, 3], [2.0, 4.0])]
    assert sparse([[[1, 2], [3, 4]]], 1) == [([1, 3], [2.0, 4.0])]


@given(st.data())
def test_values_of_an_index_are_added_up_in_every_form(data: st.DataObject) -> None:
    entry = st.tuples(st.integers(0, 12), st.integers(-64, 64).map(lambda n: n / 8))
    rows = data.draw(st.lists(st.lists(entry, max_size=8), min_size=1, max_size=5))
    counts = np.cumsum([0, *map(len, rows)])
    indices = np.array([i for row in rows for i, _ in row], np.int32)
    values = np.array([v for row in rows for _, v in row], np.float32)
    columns = [tuple(zip(*row, strict=True)) or ((), ()) for row in rows]
    forms = [
        Csr(counts, indices, values),
        rows,
        columns,
        [{"indices": i, "values": v} for i, v in columns],
        SparseColumn(counts.astype(np.int64), indices.astype(np.uint32), values),
    ]
    expected = []
    for row in rows:
        sums = {i: sum(v for j, v in row if j == i) for i in sorted({i for i, _ in row})}
        expected.append((list(sums), list(sums.values())))
    for form in forms:
        assert sparse(form, len(rows)) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{1: 1.0}, {-1: 1.0}], "row 1 has the index -1; expected 0 to 2**32 - 1"),
        ([{1: 1.0}, {2**32: 1.0}], "row 1 has the index 4294967296"),
        ([{1: 1.0}, {1.5: 1.0}], "row 1 has indices of float64"),
        ([{1: 1.0}, {"a": 1.0}], "row 1 has the token 'a'"),
        ([{1: 1.0}, {3: float("nan")}], "row 1 has nan at index 3"),
        ([{1: 1.0}, {3: 1e300}], "row 1 has 1e+300 at index 3"),
        ([{1: 1.0}, {3: None}], "row 1 has values of object"),
        ([{1: 1.0}, ([4, 4], [9e16, 9e16])], "row 1 has 1.8"),
        (
            [{1: 1.0}, [(4, 1.0), 5]],
            "row 1 is a list, whose entries are (index, value) pairs, and has 5 at 1",
        ),
        ([{1: 1.0}, [[1, 2, 3], [0.5, 0.25, 0.5]]], "indices beside values are a tuple (indices, values)"),
        ([{1: 1.0}, [[1, 2], [0.5, 0.25]]], "row 1 has indices of float64"),
        ([{1: 1.0}, ((1, 0.5), (2, 0.25))], "row 1 has indices of float64"),
        ([{1: 1.0}, ((1, 1.0), (2, 1.0), (3, 1.0))], "row 1 is a tuple; pass {index: value}"),
        ([{1: 1.0}, (1, 0.5)], "row 1 has indices of shape () and values of shape ()"),
        ([{1: 1.0}, [(-1, 0.5)]], "row 1 has the index -1; expected 0 to 2**32 - 1"),
        ([{1: 1.0}, [(2**70, 0.5)]], "row 1 has indices of object"),
        ([{1: 1.0}, [(1, True)]], "row 1 has values of bool"),
        ([{1: 1.0}, [("1", 1.0)]], "row 1 has the token '1'"),
        ([{1: 1.0}, {"indices": [2], "values": [0.5], "more": []}], "row 1 has indices or values that"),
        ([{1: 1.0}, {"indices": [2, 3], "values": [0.5]}], "row 1 has indices of shape (2,)"),
        ([{1: 1.0}, {"indices": [2], "values": [float("inf")]}], "row 1 has inf at index 2"),
        (Csr(np.array([0, 1, 2]), np.array([1, -2]), np.array([1.0, 1.0])), "row 1 has the index -2"),
        (Csr(np.array([0, 1, 2]), np.array([1, 2.0]), np.array([1.0, 1.0])), "has indices of float64"),
        (Csr(np.array([0, 1.5, 2]), np.array([1, 2]), np.array([1.0, 1.0])), "an indptr of float64"),
        ([{1: 1.0}, ([4, 4], [1.0])], "row 1 has indices of shape (2,) and values of shape (1,)"),
        ([{1: 1.0}, 3], "row 1 is a int"),
        ([{1: 1.0}, ([[1], [2, 3]], [1.0])], "row 1 has indices or values that are not a list of numbers"),
        ([{1: 1.0}], "has 1 rows for 2 ids"),
        ({1: 1.0}, "is a dict; pass a CSR matrix"),
        (np.zeros((2, 2)), "is a ndarray; pass a CSR matrix"),
        (
            Csr(np.array([0, 1, 3]), np.array([1]), np.array([1.0])),
            "an indptr that does not cut its 1 entries",
        ),
        (Csr(np.array([0, 1, 1]), np.array([1]), np.array([1.0, 2.0])), "1 indices and 2 values"),
    ],
)
def test_sparse_vectors_that_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        validate_vectors("words", Sparse(), value, 2)


def test_multi_vectors_in_every_form() -> None:
    tokens = np.arange(1, 25, dtype=np.float32).reshape(6, 4)
    forms = [
        [tokens[:2], tokens[2:5], tokens[5:]],
        [tokens[:2].tolist(), tokens[2:5].tolist(), tokens[5:].tolist()],
        (tokens, np.array([0, 2, 5, 6])),
    ]
    for form in forms:
        column = validate_vectors("tokens", Multi(4), form, 3)
        assert isinstance(column, MultiColumn)
        assert column.tokens.dtype == np.float16
        assert column.offsets.tolist() == [0, 2, 5, 6]
        assert column.tokens.tolist() == tokens.tolist()
    some = validate_vectors("tokens", Multi(4), [tokens[:2], [], np.empty((0, 4))], 3)
    assert isinstance(some, MultiColumn)
    assert some.offsets.tolist() == [0, 2, 2, 2]
    cube = validate_vectors("tokens", Multi(4, element="float32"), tokens.reshape(3, 2, 4), 3)
    assert isinstance(cube, MultiColumn)
    assert np.shares_memory(cube.tokens, tokens)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([np.ones((2, 4)), np.ones((6, 4))], "row 1 has 6 vectors; a point has at most 5"),
        ([np.ones((2, 4)), np.ones((2, 3))], "row 1 has shape (2, 3); expected (n, 4)"),
        ([np.ones((2, 4)), np.full((3, 4), np.nan)], "row 1 vector 0 has a NaN at column 0"),
        ([np.ones((2, 4)), np.full((3, 4), 1e6)], "row 1 vector 0 has 1000000.0 at column 0"),
        ((np.ones((4, 4)), np.array([0, 3])), "do not run from 0 to the 4 tokens"),
        ((np.ones((4, 4)), np.array([0, 5, 4])), "offsets fall"),
        (np.ones((2, 4)), "pass a list with one (tokens, 4) matrix a point"),
        (np.ones((3, 2, 4)), "has 3 rows for 2 ids"),
        ("text", "is a str"),
    ],
)
def test_multi_vectors_that_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        validate_vectors("tokens", Multi(4, max_tokens=5), value, 2)
