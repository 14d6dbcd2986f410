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
_CENTROIDS = "centroids"
_CELLS_A_ROOT = 4.0
_SAMPLED_A_CELL, _ITERATIONS = 32, 8


def usual_cells(n: int) -> int:
    """Return into how many cells ``n`` rows fall."""
    return max(1, round(_CELLS_A_ROOT * math.sqrt(n)))


def has_cells(rows: DenseRows) -> bool:
    """Return whether rows can be clustered: bits have no mean."""
    return rows.metric is not Metric.HAMMING


def order_by_cells(rows: DenseRows, job: BuildJob) -> RowOrder:
    """Return the rows cell by cell, and the cells."""
    centroids, members, offsets = _cells(rows, job)
    return RowOrder(members, {_CENTROIDS: centroids, "offsets": offsets})


def build_cells(rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
    """Return the arrays of cells, all but what is measured of them.

    Those of ``job.ordered`` where the rows stand in the order of their cells already.
    """
    if job.ordered is None:
        centroids, members, offsets = _cells(rows, job)
        arrays: dict[str, NDArray[Any]] = {"offsets": offsets, "members": members}
    else:
        centroids, arrays = job.ordered[_CENTROIDS], {"offsets": job.ordered["offsets"]}
    arrays |= centroid_codes(centroids, rows.metric, job)
    return {PREFIX + name: array for name, array in arrays.items()}


def _cells(
    rows: DenseRows, job: BuildJob
) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.int64]]:
    """Return the centroids, the rows cell by cell, and where each cell begins."""
    count = usual_cells(len(rows))
    centroids, cells = clustered(rows, count, _SAMPLED_A_CELL, _ITERATIONS, job)
    members = np.argsort(cells, kind="stable").astype(np.uint32)
    offsets = np.searchsorted(cells[members], np.arange(count + 1)).astype(np.int64)
    return centroids, members, offsets
