"""Measures what cells bring under filters, on queries made out of the rows or on real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ..clustering.centroids import Centroids
from ..effort.ladder import KS, MARGIN, promise, reaching
from ..effort.pseudo_queries import SHORTFALL
from ..protocol import Scan, Scope
from ..rows.dense import DenseRows
from ..rows.metric import Metric
from ..rows.row_set import RowSet
from .opened import Cells
from .table import FEWEST_CELLS, PATIENCES, RUNGS, SHARES, CellTable

# Queries that have a filter each.
_THIN_QUERIES = 64
# Those filters let through so many of the rows: of the groups of cells that are farthest, as a topic would,
# or of the farthest cells.
_FAR_SHARES, _GROUPS = (0.5, 0.8), 64
_THIN_KS = (10, 100)
_ENOUGH = 0.998


def measure_cells(
    cells: Cells,
    rows: DenseRows,
    scan: Scan[Any],
    queries: NDArray[Any],
    rescored: Callable[[int], int],
    *,
    seed: int,
    groups: NDArray[np.bool_] | None = None,
    shortfall: float = 1.0,
) -> CellTable:
    """Return what is safe to promise.

    Parameters
    ----------
    scan
        Exact answers from ``rows``.
    rescored
        How many rows are scored exactly for so many results.
    groups, shortfall
        As :func:`promise` takes them.
    """
    n = len(rows)
    order = _near(cells.centroids, queries, rows.metric).argsort(axis=1, kind="stable")
    ranks = np.empty(order.shape, np.int64)
    np.put_along_axis(ranks, order, np.arange(cells.n_cells)[None, :], axis=1)
    owners = np.repeat(np.arange(cells.n_cells), np.diff(cells.offsets))
    if cells.members is not None:
        by_cell, owners = owners, np.empty(n, np.int64)
        owners[cells.members] = by_cell
    members = np.ones((1, len(queries)), np.bool_) if groups is None else groups
    recall = np.zeros((len(SHARES), len(KS), len(RUNGS)), np.float32)
    rng = np.random.default_rng([seed, n])
    for place, share in enumerate(SHARES):
        allowed = np.flatnonzero(rng.random(n) < share)
        if not len(allowed):
            continue
        scope = Scope(RowSet.from_bitmap(BitMap(allowed), n))
        truth = scan.search(queries, min(KS[-1], len(allowed)), scope).rows
        reached = np.take_along_axis(ranks, owners[truth], axis=1)
        for row, k in enumerate(KS):
            nearest = reached[:, :k]
            for column, rung in enumerate(RUNGS):
                each = (nearest < rung).mean(axis=1)
                recall[place, row, column] = promise(each, MARGIN, nearest.shape[1], members, shortfall)
    return CellTable(recall, _patience(cells, rows, scan, queries, order, owners, rescored))


def _patience(
    cells: Cells,
    rows: DenseRows,
    scan: Scan[Any],
    queries: NDArray[Any],
    order: NDArray[np.int64],
    owners: NDArray[np.int64],
    rescored: Callable[[int], int],
) -> NDArray[np.float32]:
    """Return what is found of each query's farthest rows, by how long it is looked on."""
    n = len(rows)
    heads = np.linspace(0, cells.n_cells - 1, min(cells.n_cells, _GROUPS)).astype(int)
    grouped = Centroids(cells.centroids[heads]).nearest(cells.centroids)[0]
    cell_sizes = np.diff(cells.offsets)
    group_sizes = np.bincount(grouped, cell_sizes, len(heads))
    nearness = _near(cells.centroids[heads], queries, rows.metric)
    chosen = np.linspace(0, len(queries) - 1, min(len(queries), _THIN_QUERIES)).astype(int)
    found = np.zeros((len(_THIN_KS), len(PATIENCES), len(chosen)))
    higher = rows.metric.higher_is_nearer
    for number, q in enumerate(chosen.tolist()):
        topical, barred = number % 2 == 0, 1 - _FAR_SHARES[number // 2 % 2]
        by_nearness = nearness[q].argsort(kind="stable") if topical else order[q]
        sizes = group_sizes if topical else cell_sizes
        far = by_nearness[np.cumsum(sizes[by_nearness]) > barred * n]
        is_far = np.isin(grouped if topical else np.arange(cells.n_cells), far)
        allowed = RowSet.from_bitmap(BitMap(np.flatnonzero(is_far[owners])), n)
        query = queries[q : q + 1]
        for row, k in enumerate(_THIN_KS):
            wanted = max(k, rescored(k))
            if allowed.count <= wanted:
                found[row, :, number] = 1
                continue
            last = scan.search(query, k, Scope(allowed)).scores[0, -1]
            for column, patience in enumerate(PATIENCES):
                scores = cells.search(query, k, FEWEST_CELLS, wanted, allowed, patience, thin=True).scores[0]
                hits = reaching(scores, last, higher)
                found[row, column, number] = hits.mean()
                if hits.mean() >= _ENOUGH:
                    found[row, column:, number] = hits.mean()
                    break
    members = np.ones((1, len(chosen)), np.bool_)
    table = np.zeros((len(KS), len(PATIENCES)), np.float32)
    for place, k in enumerate(KS):
        row = 0 if k <= _THIN_KS[0] else 1
        for column in range(len(PATIENCES)):
            table[place, column] = promise(found[row, column], MARGIN, _THIN_KS[row], members, SHORTFALL)
    return np.maximum.accumulate(table, axis=1)


def _near(centroids: NDArray[np.float32], queries: NDArray[Any], metric: Metric) -> NDArray[np.float32]:
    near = -(np.asarray(queries, np.float32) @ centroids.T)
    if metric is Metric.L2:
        near += np.einsum("kd,kd->k", centroids, centroids) / 2
    return near
