"""Bytes and rows with codes are screened by whole products: what they leave out is no answer."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.exact.row_codes import RowCodes
from vicinal.indexes.exact.scan import open_scan
from vicinal.indexes.exact.screened import screened
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors

N = 3000


def rows_of(rng: np.random.Generator, dim: int, element: Element = Element.INT8) -> np.ndarray:
    """Return rows of all lengths, many of them alike, some of the most extreme numbers."""
    lengths = rng.choice([1, 5, 40, 127], (N, 1))
    matrix = np.clip(np.rint(rng.standard_normal((N, dim)) * lengths), -128, 127).astype(np.int8)
    matrix[rng.integers(0, N, N // 4)] = matrix[0]
    matrix[5], matrix[6], matrix[7] = -128, 127, 0
    if element is not Element.INT8:
        matrix = (matrix * rng.uniform(0.1, 1, (N, 1)) + 1e-3 * rng.standard_normal((N, dim))).astype(
            element.value
        )
        matrix[8], matrix[9] = np.finfo(np.float16).tiny, np.finfo(np.float16).max / 64
    return matrix


def queries_of(rng: np.random.Generator, matrix: np.ndarray) -> np.ndarray:
    dim = matrix.shape[1]
    whole = matrix[rng.integers(0, N, 6)].astype(np.float32)
    drawn = rng.standard_normal((6, dim)).astype(np.float32)
    one_large = drawn[:1] * np.where(np.arange(dim) == 0, np.float32(1e4), np.float32(1e-3))
    extremes = np.stack([np.zeros(dim), np.full(dim, -128.0), np.full(dim, 1e30), np.full(dim, 1e-38)])
    return np.concatenate([whole, drawn * 30, drawn * 1e-3, one_large, extremes.astype(np.float32)])


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.L2, Metric.COSINE])
@pytest.mark.parametrize(
    ("element", "dim"),
    [
        (Element.INT8, 3),
        (Element.INT8, 100),
        (Element.INT8, 384),
        (Element.FLOAT32, 100),
        (Element.FLOAT16, 200),
    ],
)
def test_the_first_of_all_rows_scored_are_those_found(metric: Metric, element: Element, dim: int) -> None:
    rng = np.random.default_rng(dim)
    matrix = rows_of(rng, dim, element)
    queries = queries_of(rng, matrix)
    codes = RowCodes()
    scan = open_scan(screened(as_vectors(matrix, dim, element, metric), codes))
    while element is not Element.INT8 and codes.nbytes < N * dim:
        scan.search(queries[:1], 1)
    # Whoever asks for all rows has them all scored: nothing can be left out before as many are kept.
    every = scan.search(queries, N)
    table = oracle.scores(matrix, queries[:13], metric)
    expected = np.take_along_axis(table, every.rows[:13].astype(np.int64), 1)
    slack = 1e-6 * np.abs(table).max(axis=1, keepdims=True)
    assert (np.abs(expected - every.scores[:13]) <= slack + 1e-4 * np.abs(expected)).all()
    for k in (1, 10, 150):
        found = scan.search(queries, k)
        np.testing.assert_array_equal(found.rows, every.rows[:, :k])
        np.testing.assert_array_equal(found.scores, every.scores[:, :k])
        for query, expected in zip(queries, every.rows[:, :k], strict=True):
            np.testing.assert_array_equal(scan.search(query[None], k).rows[0], expected)
    third = RowSet.from_bitmap(BitMap(range(0, N, 3)), N)
    scopes = (
        (RowSet.from_range(17, 2500, N), (every.rows >= 17) & (every.rows < 2500)),
        (third, every.rows % 3 == 0),
    )
    for some, inside in scopes:
        found = scan.search(queries, 10, Scope(some))
        for place, expected in enumerate(every.rows):
            np.testing.assert_array_equal(found.rows[place], expected[inside[place]][:10])


def test_rows_that_codes_leave_out_are_not_read() -> None:
    matrix = np.random.default_rng(0).standard_normal((N, 64)).astype(np.float32)
    stored, codes = as_vectors(matrix, 64, Element.FLOAT32, Metric.L2), RowCodes()
    scan = open_scan(screened(stored, codes))
    searches = [scan.search(matrix[:1], 10).rows for _ in range(20)]
    assert codes.nbytes == N * (64 + 12)
    order = np.argsort(np.linalg.norm(matrix - matrix[0], axis=1))
    far = order[order >= 600][300:]
    # Whoever read them would find them nearest.
    stored.rows[far] = matrix[0]
    np.testing.assert_array_equal(scan.search(matrix[:1], 10).rows, searches[0])


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
def test_rows_that_grow_are_coded_by_searches(metric: Metric) -> None:
    rng = np.random.default_rng(1)
    matrix, codes = rng.standard_normal((N, 64)).astype(np.float32), RowCodes()
    for n in (100, 700, 650, 2000, 1000, N):
        rows = as_vectors(matrix[:n], 64, Element.FLOAT32, metric)
        scan, plain = open_scan(screened(rows, codes)), DenseScan(rows)
        for first in range(0, 60, 20):
            queries = matrix[first : first + 20] + 0.1
            found, expected = scan.search(queries, 5), plain.search(queries, 5)
            np.testing.assert_array_equal(found.rows, expected.rows)
            np.testing.assert_array_equal(found.scores, expected.scores)
    assert 700 * 64 < codes.nbytes < N * (64 + 12)
