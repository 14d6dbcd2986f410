"""The places of a geo field in the growing segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...filters.areas import Area
from ...vector_kinds.growable_array import GrowableArray
from ..bitmaps import bitmap


class GrowingPlaces:
    """Places that are appended by one thread, and read by any: too few to be worth an order."""

    __slots__ = ("_points", "_rows")

    def __init__(self) -> None:
        self._points = GrowableArray(np.float64, 2)
        self._rows = GrowableArray(np.uint32)

    def extend(self, rows: NDArray[np.uint32], points: NDArray[np.float64]) -> None:
        """Append latitudes and longitudes (m, 2), and the row of each, ascending."""
        # A reader takes the length from the rows, so the points are there before them.
        self._points.extend(points)
        self._rows.extend(rows)

    def rows_in(self, area: Area, n_rows: int) -> BitMap:
        """Return the rows below ``n_rows`` with a place in an area."""
        rows = self._rows.view(len(self._rows))
        rows = rows[: np.searchsorted(rows, n_rows)]
        points = self._points.view(len(rows))
        return bitmap(rows[area.contains(points[:, 0], points[:, 1])])
