"""Cells among the rows of one tenant, which follow one another."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap

from vicinal.indexes.cells.curator import Curator
from vicinal.indexes.cells.index import CuratorIndex
from vicinal.indexes.cells.knobs import CellKnobs
from vicinal.indexes.protocol import BuildJob, Effort, Scope
from vicinal.indexes.rows.dense import NO_NORMS, DenseRows, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet

N, DIM = 2048, 16
OWNERS = np.repeat(np.arange(3, dtype=np.uint32), (200, 1248, 600))
RNG = np.random.default_rng(5)
VECTORS = RNG.standard_normal((N, DIM)).astype(np.float32)
QUERIES = RNG.standard_normal((20, DIM)).astype(np.float32)


def rows_of(vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> DenseRows:
    return DenseRows(pad(vectors, Element.FLOAT32, DIM), DIM, Element.FLOAT32, NO_NORMS, Metric.DOT)


@pytest.fixture(scope="module")
def built() -> tuple[CuratorIndex, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    spec, job = Curator(), BuildJob(seed=1, threads=1, tenants=OWNERS)
    order = spec.order(rows_of(VECTORS), job)
    assert order is not None
    assert (OWNERS[order.rows] == OWNERS).all()
    vectors = VECTORS[order.rows]
    rows = rows_of(vectors)
    arrays = spec.build(rows, BuildJob(seed=1, threads=1, tenants=OWNERS, ordered=order.arrays))
    return spec.open(arrays, rows), vectors


@pytest.mark.parametrize("tenant", [0, 1, 2])
def test_all_of_a_tenant_is_found_from_one_cell_on(
    built: tuple[CuratorIndex, np.ndarray[tuple[int, int], np.dtype[np.float32]]], tenant: int
) -> None:
    """With a patience of 1 a search that goes on sees every row of the tenant, and none of another, once."""
    index, vectors = built
    own = np.flatnonzero(tenant == OWNERS)
    scope = RowSet.from_bitmap(BitMap(own), N)
    assert index._cells is not None
    found = index._cells.search(QUERIES, 5, 1, 30, scope, 1.0, thin=True)
    exact = own[np.argsort(-(QUERIES @ vectors[own].T), axis=1, kind="stable")[:, :5]]
    assert (found.rows == exact).all()
    assert found.stats.distances == len(QUERIES) * (index._cells.n_cells + len(own))


def test_cells_cost_a_tenant_what_its_rows_cost(
    built: tuple[CuratorIndex, np.ndarray[tuple[int, int], np.dtype[np.float32]]],
) -> None:
    index, _ = built
    own, asked = index.spanning(200 / N), CellKnobs(40, 30)
    assert own.effort(5, 0.9, asked, 200 / N).seconds < index.effort(5, 0.9, asked, 200 / N).seconds
    # It searches as ever.
    effort: Effort[CellKnobs] = Effort(CellKnobs(40, 30), None, 0.0, "")
    scope = Scope(RowSet.from_bitmap(BitMap(range(200)), N))
    assert (own.search(QUERIES, 5, effort, scope).rows == index.search(QUERIES, 5, effort, scope).rows).all()
