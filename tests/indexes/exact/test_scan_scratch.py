"""Scratch that scans share, whatever queries come after one another."""

from __future__ import annotations

import numpy as np

from vicinal.indexes.exact.scan_scratch import scan_scratch
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.rows.sparse import SparseRows


def test_scratch_is_used_again_where_it_is_large_enough() -> None:
    pool = scan_scratch()
    first = pool.take(10, 5)
    assert pool.take(10, 5) is not first
    pool.give(first)
    assert pool.take(first.terms, first.k) is first
    pool.give(first)
    larger = pool.take(first.terms + 1, 1)
    assert (larger.terms, larger.k) == (first.terms + 1, first.k)


def test_scratch_for_a_very_long_query_is_not_kept() -> None:
    pool = scan_scratch()
    long = pool.take(10_000, 1)
    pool.give(long)
    assert pool.take(10_000, 1) is not long


def test_long_and_short_queries_in_turn() -> None:
    rng = np.random.default_rng(5)
    dense = (rng.random((40, 700)) * (rng.random((40, 700)) < 0.4)).astype(np.float32)
    rows = sparse(dense)
    scan = SparseScan(rows)
    for terms, k in ((3, 2), (600, 40), (1, 1), (200, 70), (64, 10), (0, 3)):
        query = np.zeros((1, 700), np.float32)
        query[0, rng.choice(700, terms, replace=False)] = rng.random(terms) + 0.1
        expected = query @ dense.T
        asked = sparse(query)
        np.testing.assert_allclose(scan.score(asked, np.arange(40, dtype=np.uint32)), expected, rtol=1e-5)
        found = scan.search(asked, k)
        n = min(k, 40)
        np.testing.assert_allclose(found.scores[0, :n], np.sort(expected[0])[::-1][:n], rtol=1e-5)


def sparse(table: np.ndarray) -> SparseRows:
    at = table != 0
    indptr = np.concatenate([[0], np.cumsum(at.sum(axis=1))]).astype(np.int64)
    return SparseRows(indptr, np.nonzero(at)[1].astype(np.uint32), table[at])
