"""Rows of bytes are screened by whole products: what is left out would not have been an answer."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors

N = 3000


def rows_of(rng: np.random.Generator, dim: int) -> np.ndarray:
    """Return rows of all lengths, many of them alike, some of the most extreme numbers."""
    lengths = rng.choice([1, 5, 40, 127], (N, 1))
    matrix = np.clip(np.rint(rng.standard_normal((N, dim)) * lengths), -128, 127).astype(np.int8)
    matrix[rng.integers(0, N, N // 4)] = matrix[0]
    matrix[5], matrix[6], matrix[7] = -128, 127, 0
    return matrix


def queries_of(rng: np.random.Generator, matrix: np.ndarray) -> np.ndarray:
    dim = matrix.shape[1]
    whole = matrix[rng.integers(0, N, 6)].astype(np.float32)
    drawn = rng.standard_normal((6, dim)).astype(np.float32)
    one_large = drawn[:1] * np.where(np.arange(dim) == 0, np.float32(1e4), np.float32(1e-3))
    extremes = np.stack([np.zeros(dim), np.full(dim, -128.0), np.full(dim, 1e30), np.full(dim, 1e-38)])
    return np.concatenate([whole, drawn * 30, drawn * 1e-3, one_large, extremes.astype(np.float32)])


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.L2, Metric.COSINE])
@pytest.mark.parametrize("dim", [3, 100, 384])
def test_the_first_of_all_rows_scored_are_those_found(metric: Metric, dim: int) -> None:
    rng = np.random.default_rng(dim)
    matrix = rows_of(rng, dim)
    queries = queries_of(rng, matrix)
    scan = DenseScan(as_vectors(matrix, dim, Element.INT8, metric))
    # Whoever asks for all rows has them all scored: nothing can be left out before as many are kept.
    every = scan.search(queries, N)
    table = oracle.scores(matrix, queries[:13], metric)
    expected = np.take_along_axis(table, every.rows[:13].astype(np.int64), 1)
    slack = 1e-6 * np.abs(table).max(axis=1, keepdims=True)
    assert (np.abs(expected - every.scores[:13]) <= slack + 1e-4 * np.abs(expected)).all()
    for k in (1, 10, 200):
        found = scan.search(queries, k)
        np.testing.assert_array_equal(found.rows, every.rows[:, :k])
        np.testing.assert_array_equal(found.scores, every.scores[:, :k])
        for query, expected in zip(queries, every.rows[:, :k], strict=True):
            np.testing.assert_array_equal(scan.search(query[None], k).rows[0], expected)
    some = RowSet.from_range(17, 2500, N)
    found = scan.search(queries, 10, Scope(some))
    inside = (every.rows >= 17) & (every.rows < 2500)
    for place, expected in enumerate(every.rows):
        np.testing.assert_array_equal(found.rows[place], expected[inside[place]][:10])
