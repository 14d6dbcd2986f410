"""Binary sparse rows: exact scores and answers from postings that are rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import BuildJob, FieldShape, Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.saturation import Saturation
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse.inverted import Inverted
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_csr
from vicinal.testing.sparse_index_conformance import SparseIndexConformance

SHAPE = FieldShape("sparse", Metric.DOT, Element.BINARY)
# Equal ones, whole multiples of a power of two, ones that are neither, and ones far apart.
WEIGHTS = [
    [1.0],
    [-0.3],
    [1.0, 0.5, 0.25],
    [3.0, 1.0, -2.0],
    [0.3, 0.7, 1.1],
    [1e17, 1e-17, 0.0],
    [1e-42, 1.0],
]


class TestInverted(SparseIndexConformance):
    shapes = (SHAPE,)

    def spec(self) -> Inverted:
        return Inverted()


class TestFlat(SparseIndexConformance):
    shapes = (SHAPE,)

    def spec(self) -> Flat:
        return Flat()


def of_sets(sets: list[set[int]]) -> SparseRows:
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    # Numbers of terms beyond 16 bits.
    flat = np.array([term * 70_001 for one in sets for term in sorted(one)], np.uint32)
    return SparseRows.of_terms(indptr, flat)


def agrees(rows: SparseRows, queries: SparseRows, k: int) -> None:
    """Assert that scans score as the oracle does, and that postings answer as scans, to the last bit."""
    n, scan = len(rows), SparseScan(rows)
    table = oracle.sparse_scores(rows, queries)
    scored = scan.score(queries, np.arange(n, dtype=np.uint32))
    slack = np.abs(queries.values).sum(dtype=np.float64) * 1e-12 + 2e-45
    np.testing.assert_allclose(scored, table, rtol=1e-6, atol=slack)
    index = Inverted().open(Inverted().build(rows, BuildJob()), rows)
    listed = BitMap(np.flatnonzero(np.random.default_rng(n).random(n) < 0.4))
    for scope in (Scope(), Scope(RowSet.from_bitmap(listed, n)), Scope(RowSet.from_range(n // 3, n, n))):
        found = index.search(queries, k, index.effort(k, 0.95, None, 1.0), scope)
        truth = scan.search(queries, k, scope)
        np.testing.assert_array_equal(found.scores, truth.scores)
        np.testing.assert_array_equal(found.rows, truth.rows)
        places = np.arange(5) % len(queries)
        together = scan.search(queries[places], k, scope)
        np.testing.assert_array_equal(together.scores, truth.scores[places])
        np.testing.assert_array_equal(together.rows, truth.rows[places])


@settings(max_examples=150)
@given(st.data(), st.integers(1, 90), st.integers(1, 12), st.sampled_from(WEIGHTS))
def test_postings_answer_as_a_scan(data: st.DataObject, n: int, terms: int, weights: list[float]) -> None:
    sets = data.draw(st.lists(st.sets(st.integers(0, terms)), min_size=n, max_size=n))
    asked = data.draw(st.lists(st.lists(st.integers(0, terms + 2), max_size=8), min_size=1, max_size=3))
    # A term may stand twice in a query.
    flat = np.array([term * 70_001 for one in asked for term in one], np.uint32)
    values = np.array(data.draw(st.lists(st.sampled_from(weights), min_size=len(flat), max_size=len(flat))))
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in asked])]).astype(np.int64)
    queries = SparseRows(indptr, flat, values.astype(np.float32))
    agrees(of_sets(sets), queries, data.draw(st.sampled_from([1, 3, n + 2])))


def drawn(n: int, terms: int, most: int) -> SparseRows:
    rows = random_csr(n, terms, most)
    return SparseRows.of_terms(rows.indptr, rows.indices)


def test_more_than_a_window_of_rows() -> None:
    rows = drawn(70_000, 500, 8)
    queries = random_csr(6, 500, 12, seed=1, fewest=1)
    agrees(rows, queries, 20)
    agrees(rows, SparseRows(queries.indptr, queries.indices, np.ones(len(queries.values), np.float32)), 20)


def test_postings_are_rows_alone() -> None:
    rows = drawn(2_000, 300, 20)
    arrays = Inverted().build(rows, BuildJob())
    assert set(arrays) == {"terms", "starts", "local"}
    assert arrays["local"].nbytes == 2 * len(rows.indices)
    assert rows.nbytes == rows.indptr.nbytes + rows.indices.nbytes
    with_codes = Inverted().build(random_csr(2_000, 300, 20), BuildJob())
    with pytest.raises(ValueError, match="codes"):
        Inverted().open(arrays | {"codes": with_codes["codes"]}, rows)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_ties_are_not_summed_again(weight: float) -> None:
    rows = drawn(30_000, 60, 12)
    asked = random_csr(20, 60, 10, seed=1, fewest=4)
    queries = SparseRows(asked.indptr, asked.indices, np.full(len(asked.indices), weight, np.float32))
    index = Inverted().open(Inverted().build(rows, BuildJob()), rows)
    found = index.search(queries, 10, index.effort(10, 0.95, None, 1.0))
    postings = np.bincount(rows.indices, minlength=60)[queries.indices].sum()
    assert found.stats.distances == postings
    assert found.stats.rescored <= 20 * 10


def test_rows_that_cannot_be() -> None:
    indptr, indices = np.array([0, 1]), np.array([7], np.uint32)
    one: Any = np.ones(1, np.float32)
    with pytest.raises(ValueError, match="binary rows are compared by 'dot'"):
        SparseRows(indptr, indices, one, metric=Metric.COSINE, binary=True)
    with pytest.raises(ValueError, match="binary rows are compared by 'dot'"):
        SparseRows(indptr, indices, one, saturation=Saturation(), binary=True)


def test_rows_that_are_picked_have_values() -> None:
    picked = drawn(20, 50, 6)[np.array([3, 3, 9])]
    assert not picked.binary
    assert picked.values.tolist() == [1.0] * len(picked.indices)
