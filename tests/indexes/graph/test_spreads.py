"""Walks that go on where their pools are hardly spread, and what that is asked of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.effort.ladder import KS
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.index import HnswIndex
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.graph.opened import WIDTHS
from vicinal.indexes.graph.spreads import Spreads, spreads_of
from vicinal.indexes.protocol import BuildJob, Effort, Scope
from vicinal.indexes.rows.addresses import address
from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors, random_matrix

N, DIM = 3000, 24
_BUILT: dict[Metric, tuple[DenseRows, dict[str, NDArray[Any]]]] = {}


def in_clusters() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((30, DIM))
    rows = centres[rng.integers(0, 30, N)] + 0.4 * rng.standard_normal((N, DIM))
    # Of unlike length, as the dot product has them.
    return (rows * rng.uniform(0.7, 1.3, (N, 1))).astype(np.float32)


def built(metric: Metric) -> tuple[DenseRows, dict[str, NDArray[Any]]]:
    """Return rows in clusters and their graph, made once a metric."""
    if metric not in _BUILT:
        if metric is Metric.HAMMING:
            rows = as_vectors(random_matrix(N, 64, Element.BINARY), 64, Element.BINARY, metric)
        else:
            rows = as_vectors(in_clusters(), DIM, Element.FLOAT32, metric)
        _BUILT[metric] = rows, Hnsw().build(rows, BuildJob(threads=1))
    return _BUILT[metric]


def foreign(metric: Metric, count: int) -> NDArray[Any]:
    rng = np.random.default_rng(1)
    if metric is Metric.HAMMING:
        return rng.integers(0, 256, (count, 8), dtype=np.uint8)
    return (4 * rng.standard_normal((count, DIM))).astype(np.float32)


def effort(**knobs: Any) -> Effort[HnswKnobs]:
    return Effort(HnswKnobs(**knobs), None, 0.0, "")


def spread_of(index: HnswIndex, queries: NDArray[Any], k: int, ef: int) -> NDArray[np.float64]:
    """Return the spread of each pool as NumPy has it, from the exact distances of its rows."""
    rows = index._rows
    scores = index.search(queries, ef, effort(ef=ef, rescore=ef)).scores.astype(np.float64)
    away = scores
    if rows.metric is Metric.L2:
        away = scores**2
    elif rows.metric is Metric.COSINE:
        away = 1 - scores
    elif rows.metric is Metric.DOT:
        longest = np.linalg.norm(rows.floats(slice(None)), axis=1).max()
        away = np.linalg.norm(queries, axis=1)[:, None] * longest - scores
    return away[:, -1] / away[:, k - 1]


@pytest.mark.parametrize("metric", Metric)
def test_spreads_are_those_of_exact_distances(metric: Metric) -> None:
    rows, arrays = built(metric)
    index, queries, ef = Hnsw().open(arrays, rows), foreign(metric, 40), 60
    ranks = np.array([10, 35, 61])
    spreads = np.ones((len(queries), len(ranks)), np.float32)
    search = index._graph.prepared(10, HnswKnobs(ef, 10))
    search(queries, (address(ranks), len(ranks), address(spreads)))
    # A pool that is not filled has none: its walk found no links on.
    known = spreads[:, 0] > 0
    assert known.sum() > len(queries) / 2
    for k, spread in zip((10, 35), spreads.T, strict=False):
        np.testing.assert_allclose(spread[known], spread_of(index, queries[known], k, ef), rtol=0.05)
    assert (spreads[:, 2] == 0).all()


@pytest.mark.parametrize("metric", Metric)
def test_a_walk_that_goes_on_finds_what_a_wider_one_finds(metric: Metric) -> None:
    rows, arrays = built(metric)
    index, queries, k = Hnsw().open(arrays, rows), foreign(metric, 60), 10
    kind = "hamming" if metric is Metric.HAMMING else metric.value
    matrix = rows.matrix if metric is Metric.HAMMING else rows.stored(slice(None))
    _, truth = oracle.top(oracle.scores(matrix, queries, kind), k, metric.higher_is_nearer)

    def reached(**knobs: Any) -> tuple[float, int]:
        found = index.search(queries, k, effort(rescore=20, **knobs))
        return oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-4), found.stats.distances

    narrow, few = reached(ef=12)
    going_on, more = reached(ef=12, spread=1.2, goal=1.2, widest=45)
    assert going_on >= narrow
    assert few < more < 60 * 2 * N
    # A pool that is spread enough is left as it is, and one that must not grow.
    assert reached(ef=12, spread=1.0, goal=1.0, widest=400) == (narrow, few)
    assert reached(ef=12, spread=1.2, goal=1.2, widest=12)[1] <= few + 60 * N


def test_where_what_is_near_is_barred_a_walk_goes_on_from_the_last_that_may_be_found() -> None:
    rows, arrays = built(Metric.L2)
    index, queries, k = Hnsw().open(arrays, rows), rows.stored(slice(0, 20)) + np.float32(0.1), 10
    compared: list[list[int]] = [[], []]
    going_on = effort(ef=60, rescore=20, spread=1.45, goal=1.45, widest=640)
    for query, away in zip(queries, oracle.scores(rows.stored(slice(None)), queries, "l2"), strict=True):
        order = away.argsort()
        for place, barred in enumerate((order[:25], order[-25:])):
            allowed = np.setdiff1d(np.arange(N), barred)
            found = index.search(query[None], k, going_on, Scope(RowSet.from_bitmap(BitMap(allowed), N)))
            truth = np.sort(away[allowed])[None, :k]
            assert oracle.recall(found.scores, truth, False, 1e-4) >= 0.9
            compared[place].append(0 if found.stats.fallbacks else found.stats.distances)
    # Where those before it are barred, the last result is nearer to the last row of the pool.
    pairs = [pair for pair in zip(*compared, strict=True) if min(pair) > 0]
    assert len(pairs) >= 10
    assert all(near >= far for near, far in pairs)
    assert sum(near for near, _ in pairs) > sum(far for _, far in pairs)


def test_where_the_widest_pool_is_not_enough_all_codes_are_compared() -> None:
    rows, arrays = built(Metric.L2)
    index, queries = Hnsw().open(arrays, rows), foreign(Metric.L2, 20)
    _, truth = oracle.top(oracle.scores(rows.stored(slice(None)), queries, "l2"), 10, False)
    found = index.search(queries, 10, effort(ef=20, rescore=30, spread=1e3, goal=1e3, widest=64))
    assert found.stats.fallbacks == 20
    assert oracle.recall(found.scores, truth, False, 1e-4) >= 0.99


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_promises_are_kept_for_queries_from_elsewhere(metric: Metric) -> None:
    rows, arrays = built(metric)
    index, queries = Hnsw().open(arrays, rows), foreign(metric, 100)
    _, truth = oracle.top(
        oracle.scores(rows.stored(slice(None)), queries, metric.value), 10, metric.higher_is_nearer
    )
    for target in (0.90, 0.95, 0.99):
        found = index.search(queries, 10, index.effort(10, target, None, 1.0))
        assert oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-4) >= target - 0.02


def test_tables_from_before_walks_went_on_are_read() -> None:
    rows, arrays = built(Metric.L2)
    before = {name: array for name, array in arrays.items() if "spread" not in name and "longest" not in name}
    old = Hnsw().open(before, rows)
    knobs = old.effort(10, 0.95, None, 1.0).knobs
    assert (knobs.spread, knobs.widest) == (0.0, 0)
    assert Hnsw().open(arrays, rows).effort(10, 0.95, None, 1.0).knobs.spread > 1
    with pytest.raises(ValueError, match="longest"):
        Hnsw().open({**arrays, "table.longest": np.zeros(2, np.float32)}, rows)


def test_spreads_come_from_the_queries_that_were_measured() -> None:
    reached = {
        (10, 28): np.linspace(1.01, 1.11, 101, dtype=np.float32),
        (10, 56): np.full(9, 3.0, np.float32),
    }
    spreads = spreads_of(WIDTHS, reached, 2.0)
    assert spreads.usual_at(10, 28) == pytest.approx(1.06)
    assert spreads.least_at(10, 28) == pytest.approx(1.011)
    # No wider than what is enough whatever the others had; of narrow pools as much as of the first that says.
    assert spreads.usual_at(10, 56) == pytest.approx(1.15)
    assert spreads.usual_at(10, 14) == pytest.approx(1.06)
    assert spreads.usual_at(1, 56) == 0
    again = Spreads.from_arrays(WIDTHS, spreads.to_arrays())
    assert again is not None
    assert again.longest == 2.0
    np.testing.assert_array_equal(again.usual, spreads.usual)
    assert spreads.usual.shape == (len(KS), len(WIDTHS))


def test_pools_that_hold_nothing_but_copies_ask_for_more() -> None:
    alike = {(10, 28): np.ones(9, np.float32), (10, 40): np.full(9, 1.1, np.float32)}
    assert spreads_of(WIDTHS, alike, 0.0).usual_at(10, 28) == pytest.approx(1.1)


def test_cost_rises_with_target_and_k_without_a_cliff() -> None:
    rows, arrays = built(Metric.L2)
    index, queries = Hnsw().open(arrays, rows), rows.stored(slice(0, 50)) + np.float32(0.1)

    def distances(k: int, target: float) -> int:
        found = index.search(queries, k, index.effort(k, target, None, 1.0))
        return found.stats.distances + found.stats.rescored

    by_target = [distances(10, target) for target in (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)]
    # From one to the next no more than four times as many, and never more than codes of all rows.
    assert all(b <= 4 * a for a, b in pairwise(by_target))
    by_k = [distances(k, 0.95) for k in (100, 150, 200, 300, 400)]
    # Codes of all rows, compared in their order, cost less than as many on a walk.
    assert all(b <= 5 * a for a, b in pairwise(by_k))
    assert by_k[-1] <= 50 * 2 * N
