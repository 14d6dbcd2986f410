"""Flat: exact search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.multi_index_conformance import MultiIndexConformance
from vicinal.testing.random_rows import CASES, as_queries, as_vectors, random_matrix
from vicinal.testing.sparse_index_conformance import SparseIndexConformance


class TestFlat(DenseIndexConformance):
    def spec(self) -> Flat:
        return Flat()


class TestFlatSparse(SparseIndexConformance):
    def spec(self) -> Flat:
        return Flat()


class TestFlatMulti(MultiIndexConformance):
    def spec(self) -> Flat:
        return Flat()


@pytest.mark.parametrize(("metric", "element"), CASES)
@pytest.mark.parametrize("dim", [1, 17, 100])
def test_equals_the_oracle_over_rows_lists_and_ranges(metric: Metric, element: Element, dim: int) -> None:
    n = 333
    matrix = random_matrix(n, dim, element)
    queries = as_queries(random_matrix(70, dim, element, seed=1), element)
    vectors = as_vectors(matrix, dim, element, metric)
    table = oracle.scores(matrix, queries, metric)
    listed = np.flatnonzero(np.random.default_rng(0).random(n) < 0.4)
    sets = {
        None: None,
        RowSet.from_range(20, 90, n): np.arange(20, 90),
        RowSet.from_bitmap(BitMap(listed.tolist()), n): listed,
    }
    for allowed, rows in sets.items():
        found = DenseScan(vectors).search(queries, 12, Scope(allowed))
        _, truth = oracle.top(table, 12, metric.higher_is_nearer, rows)
        np.testing.assert_allclose(found.scores, truth, rtol=1e-4, atol=1e-5 * np.abs(table).max())
        np.testing.assert_allclose(
            np.take_along_axis(table, found.rows.astype(np.int64), 1), truth, rtol=1e-4, atol=2e-5
        )


def test_negative_and_positive_zero_tie() -> None:
    matrix = np.array([[0.0], [-0.0], [0.0]], np.float32)
    vectors = as_vectors(matrix, 1, Element.FLOAT32, Metric.DOT)
    found = DenseScan(vectors).search(np.array([[-1.0]], np.float32), 3)
    assert found.rows.tolist() == [[0, 1, 2]]


def test_a_set_of_another_segment_is_refused() -> None:
    vectors = as_vectors(np.ones((4, 2), np.float32), 2, Element.FLOAT32, Metric.L2)
    with pytest.raises(ValueError, match="segment has 4"):
        DenseScan(vectors).search(np.ones((1, 2), np.float32), 1, Scope(RowSet.everything(5)))


def test_metrics_that_do_not_fit_are_refused() -> None:
    rows = as_vectors(np.ones((4, 2), np.float32), 2, Element.FLOAT32, Metric.L2)
    with pytest.raises(ValueError, match="hamming is for bits"):
        replace(rows, metric=Metric.HAMMING)
    with pytest.raises(ValueError, match="needs inv_norms"):
        replace(rows, metric=Metric.COSINE)


def test_a_flat_index_has_no_knobs() -> None:
    assert Flat().knobs({}) is None
    with pytest.raises(ValueError, match=r"no knobs.*'ef'"):
        Flat().knobs({"ef": 3})
