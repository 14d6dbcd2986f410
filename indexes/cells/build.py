"""Makes cells of rows: which row falls into which, and the arrays that an index keeps of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clustering.clusters import clustered
from ..codecs.centroids import centroid_codes
from ..protocol import BuildJob, RowOrder
from ..rows.dense import DenseRows
from ..rows.metric import Metric

PREFIX = "cells."
"""What the names of the arrays of cells begin with."""
_CENTROIDS, _CELLS = "centroids", "cells"
_CELLS_A_ROOT = 4.0
_SAMPLED_A_CELL, _ITERATIONS = 32, 8


def usual_cells(n: int) -> int:
    """Return into how many cells ``n`` rows fall."""
    return max(1, round(_CELLS_A_ROOT * math.sqrt(n)))


def has_cells(rows: DenseRows) -> bool:
    """Return whether rows can be clustered: bits have no mean."""
    return rows.metric is not Metric.HAMMING


def order_by_cells(rows: DenseRows, job: BuildJob) -> RowOrder:
    """Return the rows cell by cell, of one tenant after the other if there are tenants, and the cells."""
    centroids, cells = _clustered(rows, job)
    keys = (cells,) if job.tenants is None else (cells, job.tenants)
    order = np.lexsort(keys).astype(np.uint32)
    return RowOrder(order, {_CENTROIDS: centroids, _CELLS: cells[order]})


def build_cells(rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
    """Return the arrays of cells, all but what is measured of them.

    Of the cells of ``job.ordered`` where rows were put in an order by them.
    """
    if job.ordered is None:
        centroids, cells = _clustered(rows, job)
    else:
        centroids, cells = job.ordered[_CENTROIDS], job.ordered[_CELLS]
    members = np.argsort(cells, kind="stable").astype(np.uint32)
    offsets = np.searchsorted(cells[members], np.arange(len(centroids) + 1)).astype(np.int64)
    arrays: dict[str, NDArray[Any]] = {"offsets": offsets}
    if (np.diff(members.astype(np.int64)) != 1).any():
        arrays["members"] = members
    arrays |= centroid_codes(centroids, rows.metric, job)
    return {PREFIX + name: array for name, array in arrays.items()}


def _clustered(rows: DenseRows, job: BuildJob) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    return clustered(rows, usual_cells(len(rows)), _SAMPLED_A_CELL, _ITERATIONS, job)
