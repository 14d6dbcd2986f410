"""Exact scores of chosen rows, out of a scan of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ..protocol import Scan, Scope
from ..rows.row_set import RowSet


def scores_of(scan: Scan[Any], queries: Any, rows: NDArray[np.uint32], n: int) -> NDArray[np.float32]:
    """Return the ``(q, c)`` scores of ``rows`` (c,), in any order and repeated at will, of ``n`` rows."""
    if not len(rows):
        return np.empty((len(queries), 0), np.float32)
    chosen = RowSet.from_bitmap(BitMap(rows), n)
    found = scan.search(queries, chosen.count, Scope(chosen))
    # Each query's rows come nearest first; by row they stand alike for all queries.
    by_row = np.take_along_axis(found.scores, np.argsort(found.rows, axis=1), axis=1)
    return by_row[:, np.searchsorted(chosen.rows, rows)]
