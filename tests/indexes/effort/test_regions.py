"""Rows where there is much room around them, or little: queries are made of both, and promises hold there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.effort.ladder import promise
from vicinal.indexes.effort.pseudo_queries import COUNT, pseudo_queries
from vicinal.indexes.effort.regions import regions_of
from vicinal.indexes.exact.scan import open_scan
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors

N, DIM = 6000, 32


def beside_topics(few: int, topics: int = 10, spread: float = 0.05, dim: int = DIM) -> NDArray[np.float32]:
    """Return ``few`` rows anywhere, before all others in narrow topics."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((topics, dim))
    crowd = centres[rng.integers(0, topics, N - few)] + spread * rng.standard_normal((N - few, dim))
    return np.concatenate([rng.standard_normal((few, dim)), crowd]).astype(np.float32)


def rows_of(matrix: NDArray[Any], metric: Metric = Metric.L2) -> DenseRows:
    if metric is Metric.HAMMING:
        return as_vectors(np.packbits(matrix > 0, axis=1), matrix.shape[1], Element.BINARY, metric)
    return as_vectors(matrix, matrix.shape[1], Element.FLOAT32, metric)


@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE, Metric.HAMMING])
def test_few_rows_beside_crowds_are_a_region(metric: Metric) -> None:
    # Of topics so narrow that few bits differ some are several times as crowded as others.
    spread = 0.3 if metric is Metric.HAMMING else 0.05
    (sparse,) = regions_of(rows_of(beside_topics(300, spread=spread, dim=128), metric), 0)
    assert 40 <= len(sparse) <= 64
    assert (sparse < 300).mean() > 0.9


def test_a_crowd_beside_most_rows_is_a_region() -> None:
    (crowded,) = regions_of(rows_of(beside_topics(5000, topics=1)), 0)
    assert (crowded >= 5000).all()


def test_rows_with_about_as_much_room_have_no_regions() -> None:
    rng = np.random.default_rng(1)
    assert not regions_of(rows_of(rng.standard_normal((3000, DIM)).astype(np.float32)), 0)
    # Too few to say, and rows that are all the same.
    assert not regions_of(rows_of(beside_topics(300)[:8]), 0)
    assert not regions_of(rows_of(np.ones((500, DIM), np.float32)), 0)


def test_regions_have_queries_and_groups_of_their_own() -> None:
    rows = rows_of(beside_topics(300))
    scan = open_scan(rows)
    queries, groups = pseudo_queries(rows, lambda asked, k: scan.search(asked, k).rows, 0)
    sparse = regions_of(rows, 0)[0]
    assert groups.shape == (3, COUNT + len(sparse))
    assert groups[:2, :COUNT].any(axis=0).all()
    assert not groups[:2, COUNT:].any()
    np.testing.assert_array_equal(groups[2], np.arange(len(queries)) >= COUNT)
    # Where there is room they are put as far from their rows as others there are.
    away = np.linalg.norm(queries[COUNT:] - rows.matrix[sparse], axis=1)
    assert np.median(away) > 2


def test_the_worst_tenth_of_each_group_counts() -> None:
    each = np.concatenate([np.ones(100), np.full(20, 0.9), np.full(5, 0.2)])
    groups = np.stack([np.arange(125) < 100, np.arange(125) >= 100])
    together = promise(each, 0.0, 10, np.ones((1, 125), np.bool_), 0.2)
    assert together == pytest.approx((5 * 0.2 + 7 * 0.9) / 12 + 0.2)
    assert promise(each, 0.0, 10, groups, 0.2) == pytest.approx(0.2 + 0.2)
    assert promise(each, 0.0, 10, groups, 1.0) == pytest.approx((20 * 0.9 + 5 * 0.2) / 25)


@pytest.mark.parametrize("k", [10, 100])
def test_promises_hold_for_questions_about_the_few(k: int) -> None:
    matrix = beside_topics(300)
    rows = rows_of(matrix)
    index = Hnsw().open(Hnsw().build(rows, BuildJob(threads=1)), rows)
    queries = np.random.default_rng(2).standard_normal((100, DIM)).astype(np.float32)
    _, truth = oracle.top(oracle.scores(matrix, queries, "l2"), k, False)
    for target in (0.9, 0.95, 0.99):
        found = index.search(queries, k, index.effort(k, target, None, 1.0)).scores
        reached = np.sort((found <= truth[:, -1:] * (1 + 1e-5)).mean(axis=1))
        assert reached.mean() >= target - 0.02
        assert reached[:10].mean() >= target - 0.1
