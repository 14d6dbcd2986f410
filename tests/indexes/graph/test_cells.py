"""Cells of a graph's rows: what is found of them under filters of any kind, against exact answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.cells.table import SHARES
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.protocol import BuildJob, Index, Scope
from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors, random_matrix

N, DIM = 6000, 24
_rng = np.random.default_rng(5)
_CENTRES = _rng.standard_normal((60, DIM))
_TOPICS = _rng.integers(0, 60, N)
MATRIX = (_CENTRES[_TOPICS] + 0.4 * _rng.standard_normal((N, DIM))).astype(np.float32)
QUERIES = (_CENTRES[_rng.integers(0, 60, 60)] + 0.4 * _rng.standard_normal((60, DIM))).astype(np.float32)
_OPENED: dict[Any, Any] = {}


def rows_of(
    matrix: NDArray[Any], metric: Metric = Metric.L2, element: Element = Element.FLOAT32
) -> DenseRows:
    return as_vectors(matrix, matrix.shape[1], element, metric)


def opened(metric: Metric, ordered: bool) -> tuple[NDArray[Any], Index[Any, Any]]:
    """Return the rows as an index sees them, and the index; no index ever changes."""
    if (metric, ordered) not in _OPENED:
        matrix, given = MATRIX, None
        if ordered:
            order = Hnsw().order(rows_of(matrix, metric), BuildJob(seed=1))
            assert order is not None
            matrix, given = matrix[order.rows], order.arrays
        rows = rows_of(matrix, metric)
        arrays = Hnsw().build(rows, BuildJob(ordered=given))
        _OPENED[metric, ordered] = matrix, Hnsw().open(arrays, rows)
    matrix, index = _OPENED[metric, ordered]
    return matrix, index


def found_share(
    index: Index[Any, Any],
    matrix: NDArray[Any],
    metric: Metric,
    query: NDArray[Any],
    rows: NDArray[Any],
    effort: Any,
) -> tuple[float, Any]:
    allowed = RowSet.from_bitmap(BitMap(rows), N)
    found = index.search(query, 10, effort, Scope(allowed))
    assert np.isin(found.rows, rows).all()
    higher = metric.higher_is_nearer
    _, truth = oracle.top(oracle.scores(matrix, query, metric), 10, higher, rows)
    return oracle.recall(found.scores, truth, higher, 1e-4), found.stats


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_all_cells_and_all_rows_scored_are_an_exact_scan(metric: Metric, ordered: bool) -> None:
    matrix, index = opened(metric, ordered)
    for share in (0.02, 0.3, 0.97):
        rows = np.flatnonzero(np.random.default_rng(2).random(N) < share)
        scope = Scope(RowSet.from_bitmap(BitMap(rows), N))
        effort = index.effort(15, 0.95, HnswKnobs(0, len(rows) - 1, cells=1 << 16), share)
        found, exact = index.search(QUERIES, 15, effort, scope), oracle.scores(matrix, QUERIES, metric)
        ids, scores = oracle.top(exact, 15, metric.higher_is_nearer, rows)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-4, atol=1e-4)
        assert (found.rows == ids).mean() > 0.99


def test_cells_hold_each_row_once_and_the_nearest_together() -> None:
    rows = rows_of(MATRIX)
    order = Hnsw().order(rows, BuildJob())
    assert order is not None
    assert np.sort(order.rows).tolist() == list(range(N))
    owners, centroids = order.arrays["cells"], order.arrays["centroids"]
    assert (np.diff(owners.astype(np.int64)) >= 0).all()
    assert owners.max() < len(centroids)
    moved = MATRIX[order.rows]
    squares = ((moved[:, None, :] - centroids[None]) ** 2).sum(axis=2)
    own = squares[np.arange(N), owners]
    np.testing.assert_allclose(own, squares.min(axis=1), rtol=1e-3)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
def test_promises_hold_whatever_the_filter_has_to_do_with_the_query(recall: float, ordered: bool) -> None:
    matrix, index = opened(Metric.L2, ordered)
    squares = oracle.scores(matrix, QUERIES, Metric.L2)
    rng = np.random.default_rng(3)
    for share in (0.05, 0.2, 0.5, 0.8):
        effort = index.effort(10, recall, None, share)
        cells = index.effort(10, recall, HnswKnobs(0, cells=24), share)
        for kind in ("random", "near", "far"):
            reached: list[list[float]] = [[], []]
            for q in range(len(QUERIES)):
                rows = np.flatnonzero(rng.random(N) < share)
                if kind != "random":
                    by_distance = np.argsort(squares[q])
                    rows = np.sort(by_distance[:: 1 if kind == "near" else -1][: int(share * N)])
                for place, how in enumerate((effort, cells)):
                    one = found_share(index, matrix, Metric.L2, QUERIES[q : q + 1], rows, how)[0]
                    reached[place].append(one)
            assert np.mean(reached[0]) >= recall - 0.03, (share, kind)
            # Cells that are given are too few by chance at most, never because the filter bars what is near.
            if kind == "far":
                assert np.mean(reached[1]) >= recall - 0.03, (share, kind)


def test_a_filter_of_a_tenth_compares_fewer_codes_than_it_lets_through() -> None:
    matrix, index = opened(Metric.L2, True)
    rows = np.flatnonzero(np.random.default_rng(4).random(N) < 0.1)
    effort = index.effort(10, 0.9, HnswKnobs(0, cells=40), 0.1)
    share, stats = found_share(index, matrix, Metric.L2, QUERIES, rows, effort)
    assert share >= 0.9
    assert stats.hops == 40 * len(QUERIES)
    assert stats.distances < 0.9 * len(rows) * len(QUERIES)
    assert stats.fallbacks == 0


def test_more_recall_never_costs_less_under_a_filter() -> None:
    _, index = opened(Metric.L2, True)
    for share in (*SHARES, 0.3, 0.9):
        for k in (1, 10, 100, 400):
            efforts = [index.effort(k, recall, None, share) for recall in (0.5, 0.8, 0.9, 0.95, 0.99)]
            assert [one.seconds for one in efforts] == sorted(one.seconds for one in efforts)


def test_a_query_is_answered_alone_as_in_a_batch() -> None:
    _, index = opened(Metric.COSINE, False)
    rows = np.flatnonzero(_TOPICS % 2 == 0)
    scope = Scope(RowSet.from_bitmap(BitMap(rows), N))
    effort = index.effort(10, 0.95, HnswKnobs(0, 50, cells=10), 0.5)
    batch = index.search(QUERIES, 10, effort, scope)
    for q in range(len(QUERIES)):
        np.testing.assert_array_equal(
            index.search(QUERIES[q : q + 1], 10, effort, scope).rows[0], batch.rows[q]
        )


def test_bits_have_no_cells_and_take_the_knob_as_a_scan() -> None:
    matrix = random_matrix(1500, 64, Element.BINARY)
    rows = as_vectors(matrix, 64, Element.BINARY, Metric.HAMMING)
    assert Hnsw().order(rows, BuildJob()) is None
    arrays = Hnsw().build(rows, BuildJob())
    assert not [name for name in arrays if name.startswith("cells.")]
    index = Hnsw().open(arrays, rows)
    scope = Scope(RowSet.from_bitmap(BitMap(range(0, 1500, 2)), 1500))
    found = index.search(matrix[:5], 3, index.effort(3, 0.95, HnswKnobs(0, 700, cells=5), 0.5), scope)
    assert (found.rows % 2 == 0).all()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("cells.offsets", lambda a: a[::-1].copy(), "expected to rise"),
        ("cells.offsets", lambda a: a[:1], "run from"),
        ("cells.members", lambda a: np.zeros_like(a), "each of"),
        ("cells.members", lambda a: a + np.uint32(1), "each of"),
        ("cells.codes", lambda a: a[:-1], "codes are"),
        ("cells.recall", lambda a: a[:1], "recall are"),
        ("cells.patience", lambda a: a[:, :1], "patience are"),
    ],
)
def test_damaged_cells_are_refused(name: str, change: Any, message: str) -> None:
    if "damaged" not in _OPENED:
        rows = rows_of(random_matrix(600, 16, Element.FLOAT32))
        _OPENED["damaged"] = rows, Hnsw().build(rows, BuildJob())
    rows, arrays = _OPENED["damaged"]
    with pytest.raises(ValueError, match=message):
        Hnsw().open({**arrays, name: change(arrays[name])}, rows)


@pytest.mark.parametrize(
    "given",
    [
        {"ef": 10, "cells": 4},
        {"patience": 0.5},
        {"cells": 0},
        {"cells": 4, "patience": 1.5},
        {"cells": 4, "patience": True},
        {"cells": 4, "near": 1},
    ],
)
def test_knobs_that_make_no_sense_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"cells|patience"):
        Hnsw().knobs(given)
    assert Hnsw().knobs({"cells": 7, "patience": 0.5}) == HnswKnobs(0, cells=7, patience=0.5)


def test_as_many_cells_are_visited_as_tell_whether_a_filter_is_thin() -> None:
    _, index = opened(Metric.L2, ordered=True)
    cells = index._graph.cells
    for share in (0.05, 0.1, 0.3, 0.9):
        n_cells = cells.cells_for(10, 0.9, share)
        assert n_cells == cells.n_cells or n_cells * share * N / cells.n_cells >= 400
        assert n_cells >= cells.table.cells_for(10, 0.9, share)
    assert cells.cells_for(10, 0.9, 1.0) == cells.table.cells_for(10, 0.9, 1.0)
