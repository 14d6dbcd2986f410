"""The places of a geo field in a sealed segment, by cells of a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....storage.errors import CorruptionError
from ....filters.areas import Area
from ....filters.cells import cell_codes, cover

Rows = NDArray[np.uint32]
# In the order in which :class:`Places` takes them.
ARRAYS = ("cell", "lat", "lon", "row")
_DTYPES = [np.dtype(each) for each in (np.uint32, np.float64, np.float64, np.uint32)]


def place_arrays(points: NDArray[np.float64], rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the arrays of points (m, 2), latitudes and longitudes, and the row of each."""
    lat, lon = points[:, 0], points[:, 1]
    codes = cell_codes(lat, lon)
    order = np.argsort(codes, kind="stable")
    return dict(zip(ARRAYS, (codes[order], lat[order], lon[order], rows[order]), strict=True))


class Places:
    """Every place of a field, in the order of cells, with its row. Immutable."""

    def __init__(self, codes: NDArray[Any], lat: NDArray[Any], lon: NDArray[Any], rows: Rows) -> None:
        given = codes, lat, lon, rows
        dtypes = [array.dtype for array in given]
        if dtypes != _DTYPES or len(set(map(len, given))) > 1:
            raise CorruptionError(
                "segment", f"places have {len(codes)} cells, {dtypes}, for {len(rows)} rows"
            )
        self._codes, self._lat, self._lon, self._rows = codes, lat, lon, rows

    def __len__(self) -> int:
        """Return how many places there are."""
        return len(self._rows)

    def rows_in(self, area: Area) -> Rows:
        """Return the rows with a place in an area, in no order; a row may occur twice."""
        inside, perhaps = cover(area, self._codes)
        found = [self._rows[first:end] for first, end in inside]
        for first, end in perhaps:
            there = area.contains(self._lat[first:end], self._lon[first:end])
            found.append(self._rows[first:end][there])
        return np.concatenate([np.empty(0, np.uint32), *found])
