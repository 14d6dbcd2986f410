"""Exact search of sparse vectors and of multi-vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.multi import MultiRows
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


@pytest.mark.parametrize("element", [Element.FLOAT32, Element.FLOAT16])
@pytest.mark.parametrize("width", [1, 8, 16, 33, 128])
def test_maxsim_equals_the_oracle(element: Element, width: int) -> None:
    rows, queries = random_tokens(60, width, 9, element), random_tokens(7, width, 6, Element.FLOAT32, 1)
    table = oracle.maxsim_scores(rows, queries)
    for allowed in sets_of(60):
        found = MultiScan(rows).search(queries, 8, Scope(allowed))
        check(found, table, 8, allowed)


@pytest.mark.parametrize("element", [Element.FLOAT32, Element.FLOAT16])
def test_the_best_of_candidates_are_those_of_the_oracle(element: Element) -> None:
    rows, queries = (
        random_tokens(60, 40, 9, element, fewest=1),
        random_tokens(7, 40, 6, Element.FLOAT32, 1, 1),
    )
    table, rng = oracle.maxsim_scores(rows, queries), np.random.default_rng(2)
    candidates = np.stack([rng.permutation(60)[:20] for _ in range(7)]).astype(np.uint32)
    candidates[::2, 3:9] = oracle.NO_ROW
    candidates[6] = oracle.NO_ROW
    for k in (1, 5, 30):
        found = MultiScan(rows).best_of(queries, candidates, k)
        for q, line in enumerate(candidates):
            given = line[line != oracle.NO_ROW]
            expected, truth = oracle.top(table[q : q + 1], k, True, given)
            assert found.rows[q].tolist() == expected[0].tolist()
            np.testing.assert_allclose(found.scores[q], truth[0], rtol=1e-4, atol=1e-4)
        assert found.stats.rescored == int((candidates != oracle.NO_ROW).sum())


def test_equal_candidates_come_by_row_and_strange_ones_are_refused() -> None:
    scan = MultiScan(MultiRows(np.arange(5), np.ones((4, 3), np.float32)))
    queries = MultiRows(np.array([0, 2]), np.ones((2, 3), np.float32))
    assert scan.best_of(queries, np.array([[3, 0, 2]], np.uint32), 2).rows.tolist() == [[0, 2]]
    with pytest.raises(ValueError, match="candidate 4 is beyond the last of 4 rows"):
        scan.best_of(queries, np.array([[0, 4]], np.uint32), 1)
    with pytest.raises(ValueError, match=r"expected uint32 \(1, c\)"):
        scan.best_of(queries, np.array([[0], [1]], np.uint32), 1)
    with pytest.raises(ValueError, match="k is 0"):
        scan.best_of(queries, np.array([[0]], np.uint32), 0)


def test_damaged_tokens_are_refused() -> None:
    rows = (np.array([0, 2]), np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match="rise from 0 to 3"):
        MultiRows(np.array([0, 2]), np.ones((3, 4), np.float32))
    wide = MultiRows(np.array([0, 2]), np.ones((2, 5), np.float32))
    with pytest.raises(ValueError, match="expected float32 of 4"):
        MultiScan(MultiRows(*rows)).search(wide, 1)
    with pytest.raises(ValueError, match="float16 or float32"):
        MultiRows(np.array([0, 2]), np.ones((2, 4)))


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
    tokens = random_tokens(60, 16, 9, Element.FLOAT32)
    asked = random_tokens(7, 16, 6, Element.FLOAT32, 1)
    scored = MultiScan(tokens).score(asked, chosen % 60)
    np.testing.assert_allclose(scored, oracle.maxsim_scores(tokens, asked)[:, chosen % 60], rtol=1e-4)
