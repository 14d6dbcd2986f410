"""Exact scores of candidates, in memory and read."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from pyroaring import BitMap

from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.exact.read import ReadScan
from vicinal.indexes.exact.rescoring import rescore
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import NO_ROW
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_queries, as_vectors, random_matrix
from vicinal.testing.read_rows import not_in_memory

N, DIM, WIDTH = 400, 24, 13
ROW_BYTES = 128


def candidates_of(n_queries: int) -> np.ndarray:
    """Return as many candidates for each query, some places without one and a query without any."""
    rng = np.random.default_rng(3)
    chosen = np.stack([rng.permutation(N)[:WIDTH] for _ in range(n_queries)]).astype(np.uint32)
    chosen[::2, 5] = chosen[::3, -2:] = chosen[4] = NO_ROW
    return chosen


@pytest.mark.parametrize("element", [Element.FLOAT32, Element.FLOAT16, Element.INT8])
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
# Rows of all queries at once, of a few queries, and of a part of a query's candidates.
@pytest.mark.parametrize("read_bytes", [1 << 20, 40 * ROW_BYTES, 5 * ROW_BYTES, 1])
def test_the_nearest_candidates_are_found(element: Element, metric: Metric, read_bytes: int) -> None:
    matrix = random_matrix(N, DIM, element)
    rows, queries = (
        as_vectors(matrix, DIM, element, metric),
        as_queries(random_matrix(9, DIM, element, 1), element),
    )
    read, reader = not_in_memory(rows)
    candidates = candidates_of(9)
    found = rescore(rows, candidates, queries, 6)
    apart = rescore(read, candidates, queries, 6, read_bytes=read_bytes)
    np.testing.assert_array_equal(apart.rows, found.rows)
    np.testing.assert_array_equal(apart.scores, found.scores)
    assert replace(apart.stats, read_bytes=0) == found.stats
    assert apart.stats.read_bytes == sum(map(len, reader.read_calls)) * rows.row_bytes
    table = oracle.scores(matrix, queries, metric)
    for q, chosen in enumerate(candidates):
        given = np.sort(chosen[chosen != NO_ROW])
        scores = table[q, given]
        nearest = given[np.argsort(-scores if metric.higher_is_nearer else scores, kind="stable")][:6]
        assert found.rows[q, : len(nearest)].tolist() == nearest.tolist()
        assert (found.rows[q, len(nearest) :] == NO_ROW).all()
    assert max(map(len, reader.read_calls)) <= max(1, read_bytes // rows.row_bytes)
    # What is read was asked for before, and while the rows before it were still to be scored.
    for asked, given in zip(reader.asked, reader.read_calls, strict=True):
        np.testing.assert_array_equal(asked, given)


def test_candidates_have_to_be_rows() -> None:
    matrix = random_matrix(N, DIM, Element.FLOAT32)
    rows = as_vectors(matrix, DIM, Element.FLOAT32, Metric.L2)
    with pytest.raises(ValueError, match="candidate 400 is beyond the last of 400 rows"):
        rescore(rows, np.array([[3, N]], np.uint32), matrix[:1], 2)
    with pytest.raises(ValueError, match=r"expected uint32 \(1, c\)"):
        rescore(rows, np.zeros((2, 3), np.uint32), matrix[:1], 2)
    none = np.full((1, 3), NO_ROW, np.uint32)
    assert rescore(not_in_memory(rows)[0], none, matrix[:1], 2).rows.tolist() == [[NO_ROW, NO_ROW]]


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("block_rows", [1, 7, 1000])
def test_a_scan_of_rows_that_are_read_is_exact(metric: Metric, block_rows: int) -> None:
    matrix = random_matrix(N, DIM, Element.FLOAT32)
    # Equal rows in different blocks come by row.
    matrix[50::60] = matrix[3]
    rows = as_vectors(matrix, DIM, Element.FLOAT32, metric)
    read, reader = not_in_memory(rows)
    scan, expected, queries = ReadScan(read, block_rows * rows.row_bytes), DenseScan(rows), matrix[:9] + 1
    sets = (BitMap(range(2, N, 3)), BitMap(range(20, 60)), BitMap([5]), BitMap())
    scopes = [Scope(), *(Scope(RowSet.from_bitmap(some, N)) for some in sets)]
    for scope in scopes:
        for k in (1, 15, N + 1):
            found, known = scan.search(queries, k, scope), expected.search(queries, k, scope)
            np.testing.assert_array_equal(found.rows, known.rows)
            np.testing.assert_array_equal(found.scores, known.scores)
    assert max(map(len, reader.read_calls)) <= block_rows
    chosen = np.array([7, 399, 7, 0], np.uint32)
    np.testing.assert_array_equal(scan.score(queries, chosen), expected.score(queries, chosen))
    assert scan.search(queries[:0], 3).rows.shape == (0, 3)


def test_rows_that_are_read_are_given_as_those_in_memory() -> None:
    matrix = random_matrix(N, DIM, Element.FLOAT16)
    rows = as_vectors(matrix, DIM, Element.FLOAT16, Metric.COSINE)
    read, _ = not_in_memory(rows)
    assert (len(read), read.nbytes, read.row_bytes) == (N, rows.nbytes, rows.row_bytes)
    for chosen in (slice(3, 300), np.array([9, 2, 9, 399]), np.array([], np.int64)):
        np.testing.assert_array_equal(read.stored(chosen), rows.stored(chosen))
        np.testing.assert_array_equal(read.floats(chosen), rows.floats(chosen))
        np.testing.assert_array_equal(read[chosen], rows[chosen])
    with pytest.raises(TypeError, match="not in memory"):
        _ = read.matrix
