"""Cells of a map of the earth, and those that cover an area.

Latitudes and longitudes are 16 bits each, and the code of a cell is theirs by turns: the cells of a square
whose side is a power of two follow one another. A square is known by its level, of which each has four of the
next, and its place among those of its level.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .areas import EARTH_RADIUS, Area, Box, Circle, Polygon

MAX_SQUARES: Final = 256
"""Squares of a cover."""
_LEVELS: Final = 16
_CELLS: Final = 1 << _LEVELS
# Squares are seen a little larger than they are, as which cell a point is in is rounded.
_MARGIN: Final = 1e-9
# What rounding may do to a distance on the other side of the earth, and to where a point is beside an edge.
_METRES_UNSURE: Final = 1.0
_TURN_UNSURE: Final = 1e-9
# A square with no more points is not worth dividing.
_FEW_POINTS: Final = 64
INSIDE, ON_THE_EDGE, OUTSIDE = range(3)

Numbers = NDArray[np.int64]
Degrees = NDArray[np.floating[Any]]
Bounds = tuple[Degrees, Degrees, Degrees, Degrees]


def cell_codes(lat: Degrees, lon: Degrees) -> NDArray[np.uint32]:
    """Return the code of the cell of each point."""
    rows = np.minimum((lat + 90) * (_CELLS / 180), _CELLS - 1).astype(np.uint32)
    columns = np.minimum((lon + 180) * (_CELLS / 360), _CELLS - 1).astype(np.uint32)
    return _spread(rows) << np.uint32(1) | _spread(columns)


def cover(area: Area, codes: NDArray[np.uint32]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the places of the points that are in an area, and of those that may be.

    Parameters
    ----------
    area : Area
    codes : (m,) uint32
        Of the cells of points, ascending.

    Returns
    -------
    inside, perhaps : list of (first, end)
        Together at most ``MAX_SQUARES``. Points that are in none of them are not in the area.
    """
    inside: list[tuple[int, int]] = []
    perhaps: list[tuple[int, int]] = []
    squares, level = np.zeros(1, np.int64), 0
    while len(squares):
        shift = 2 * (_LEVELS - level)
        least, most = squares << shift, ((squares + 1) << shift) - 1
        ends = np.stack(
            [
                np.searchsorted(codes, least.astype(np.uint32)),
                np.searchsorted(codes, most.astype(np.uint32), side="right"),
            ]
        )
        where = _where(area, squares, level)
        where[ends[0] == ends[1]] = OUTSIDE
        inside += zip(*ends[:, where == INSIDE].tolist(), strict=True)
        edge = where == ON_THE_EDGE
        sizes = np.where(edge & (level < _LEVELS), ends[1] - ends[0], 0)
        room = (MAX_SQUARES - len(inside) - len(perhaps) - int(edge.sum())) // 3
        # Where there is no room for all, those with the most points.
        divided = np.zeros(len(squares), np.bool_)
        divided[np.argsort(-sizes, kind="stable")[:room]] = True
        divided &= sizes > _FEW_POINTS
        perhaps += zip(*ends[:, edge & ~divided].tolist(), strict=True)
        squares = (4 * squares[divided][:, None] + np.arange(4)).ravel()
        level += 1
    return inside, perhaps


def _spread(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Put a zero behind each of 16 bits."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        numbers = (numbers | numbers << np.uint32(shift)) & np.uint32(mask)
    return numbers


def _gathered(codes: Numbers) -> Numbers:
    """Return the bits that :func:`_spread` put in the places of even number."""
    codes = codes & 0x55555555
    for shift, mask in ((1, 0x33333333), (2, 0x0F0F0F0F), (4, 0x00FF00FF), (8, 0x0000FFFF)):
        codes = (codes | codes >> shift) & mask
    return codes


def _where(area: Area, squares: Numbers, level: int) -> NDArray[Any]:
    """Return where squares of a level are: all of it inside an area, or outside, or neither for sure."""
    height, width = 180 / (1 << level), 360 / (1 << level)
    south = _gathered(squares >> 1) * height - 90 - _MARGIN
    west = _gathered(squares) * width - 180 - _MARGIN
    bounds: Bounds = south, west, south + height + 2 * _MARGIN, west + width + 2 * _MARGIN
    match area:
        case Box():
            inside, outside = _of_box(area, bounds)
        case Circle():
            inside, outside = _of_circle(area, bounds)
        case Polygon():
            inside, outside = _of_polygon(area, bounds)
    return np.where(inside, INSIDE, np.where(outside, OUTSIDE, ON_THE_EDGE))


def _of_box(box: Box, bounds: Bounds) -> tuple[Any, Any]:
    south, west, north, east = bounds
    (top, left), (bottom, right) = box.top_left, box.bottom_right
    within, beside = (south > bottom) & (north < top), (north <= bottom) | (south >= top)
    if left > right:
        return within & ((west > left) | (east < right)), beside | ((east <= left) & (west >= right))
    return within & (west > left) & (east < right), beside | (east <= left) | (west >= right)


def _of_circle(circle: Circle, bounds: Bounds) -> tuple[Any, Any]:
    south, west, north, east = bounds
    # From the middle of a square each point of it is reached along a parallel and a meridian.
    widest = np.cos(np.radians(np.where((south <= 0) & (north >= 0), 0, np.minimum(abs(south), abs(north)))))
    reach = EARTH_RADIUS / 2 * (np.radians(north - south) + widest * np.radians(east - west))
    away = circle.distance((south + north) / 2, (west + east) / 2)
    return away + reach < circle.radius - _METRES_UNSURE, away - reach > circle.radius + _METRES_UNSURE


def _of_polygon(polygon: Polygon, bounds: Bounds) -> tuple[Any, Any]:
    south, west, north, east = (bound[:, None] for bound in bounds)
    edges = [
        (*start, *end)
        for ring in (polygon.corners, *polygon.holes)
        for start, end in zip(ring, ring[1:] + ring[:1], strict=True)
    ]
    lat_0, lon_0, lat_1, lon_1 = np.array(edges, np.float64).T[:, None, :]
    beside = (np.minimum(lat_0, lat_1) > north) | (np.maximum(lat_0, lat_1) < south)
    beside |= (np.minimum(lon_0, lon_1) > east) | (np.maximum(lon_0, lon_1) < west)
    sides = [
        (lon_1 - lon_0) * (lat - lat_0) - (lat_1 - lat_0) * (lon - lon_0)
        for lat in (south, north)
        for lon in (west, east)
    ]
    beside |= np.minimum.reduce(sides) > _TURN_UNSURE
    beside |= np.maximum.reduce(sides) < -_TURN_UNSURE
    free = beside.all(axis=1)
    inside = polygon.contains((south + north)[:, 0] / 2, (west + east)[:, 0] / 2)
    return free & inside, free & ~inside
