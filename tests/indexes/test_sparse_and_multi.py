"""Exact search of sparse vectors and of multi-vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_csr, random_tokens


def sets_of(n: int) -> list[RowSet | None]:
    rows = np.flatnonzero(np.random.default_rng(9).random(n) < 0.3)
    listed = RowSet.from_bitmap(BitMap(rows.tolist()), n)
    return [None, RowSet.from_range(n // 4, n // 2, n), listed, RowSet.from_range(0, 0, n)]


def check(found: Any, table: Any, k: int, allowed: RowSet | None) -> None:
    rows = None if allowed is None else allowed.rows
    expected, truth = oracle.top(table, k, True, rows)
    np.testing.assert_allclose(found.scores, truth, rtol=2e-3, atol=1e-4)
    wanted = min(k, table.shape[1] if allowed is None else allowed.count)
    assert (found.rows[:, wanted:] == oracle.NO_ROW).all()
    assert (
        np.take_along_axis(table, found.rows[:, :wanted].astype(np.int64), 1) >= truth[:, :wanted] - 1e-2
    ).all()
    assert (expected[:, wanted:] == oracle.NO_ROW).all()


@pytest.mark.parametrize("k", [1, 7, 150])
def test_sparse_equals_the_oracle(k: int) -> None:
    rows, queries = random_csr(120, 300, 20, 0), random_csr(9, 300, 12, 1)
    table = oracle.sparse_scores(rows, queries)
    for allowed in sets_of(120):
        found = SparseScan(rows).search(queries, k, Scope(allowed))
        check(found, table, k, allowed)


def test_sparse_terms_may_be_any_number_and_ties_come_by_row() -> None:
    rows = (np.array([0, 1, 2, 3]), np.array([2**32 - 1, 7, 2**32 - 1], np.uint32), np.ones(3, np.float32))
    queries = (np.array([0, 2]), np.array([2**32 - 1] * 2, np.uint32), np.array([1, 2], np.float32))
    found = SparseScan(SparseRows(*rows)).search(SparseRows(*queries), 3)
    assert found.rows.tolist() == [[0, 2, 1]]
    assert found.scores.tolist() == [[3, 3, 0]]


def test_damaged_sparse_rows_are_refused() -> None:
    rows = (np.array([0, 5]), np.zeros(2, np.uint32), np.ones(2, np.float32))
    with pytest.raises(ValueError, match="rise from 0 to 2"):
        SparseRows(*rows)
    with pytest.raises(ValueError, match="expected uint32"):
        SparseRows(np.array([0, 2]), np.zeros(2, np.int32), np.ones(2, np.float32))


@pytest.mark.parametrize(
    "chosen", [slice(3, 9), slice(0, 0), slice(None), np.array([5, 2, 2]), slice(1, 9, 3)]
)
def test_rows_are_cut_and_picked(chosen: Any) -> None:
    numbers = np.arange(20)[chosen]
    all_sparse, all_multi = random_csr(20, 50, 6), random_tokens(20, 4, 5, Element.FLOAT16, 1)
    sparse, multi = all_sparse[chosen], all_multi[chosen]
    assert len(sparse) == len(multi) == len(numbers)
    assert multi.tokens.dtype == np.float32
    for place, row in enumerate(numbers):
        mine, theirs = slice(*sparse.indptr[place : place + 2]), slice(*all_sparse.indptr[row : row + 2])
        np.testing.assert_array_equal(sparse.indices[mine], all_sparse.indices[theirs])
        np.testing.assert_array_equal(sparse.values[mine], all_sparse.values[theirs])
        mine, theirs = slice(*multi.offsets[place : place + 2]), slice(*all_multi.offsets[row : row + 2])
        np.testing.assert_array_equal(multi.tokens[mine], all_multi.tokens[theirs])


def test_scores_of_chosen_rows_are_those_of_the_scan() -> None:
    rows, queries = random_csr(120, 300, 20, 0), random_csr(9, 300, 12, 1)
    chosen = np.array([100, 3, 3, 57], np.uint32)
    scored = SparseScan(rows).score(queries, chosen)
    np.testing.assert_allclose(scored, oracle.sparse_scores(rows, queries)[:, chosen], rtol=1e-5)
    assert SparseScan(rows).score(queries[:0], chosen).shape == (0, 4)
    assert SparseScan(rows).score(queries, chosen[:0]).shape == (9, 0)
    with pytest.raises(ValueError, match="row 120 is none of 120"):
        SparseScan(rows).score(queries, np.array([3, 120], np.uint32))
