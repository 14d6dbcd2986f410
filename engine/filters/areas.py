"""Areas of the earth that points may lie in: boxes, circles and polygons. Their edges are outside.

A point is an object with the numbers ``lat`` and ``lon``, in degrees. Areas are asked of one point, or of
arrays of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..errors import InvalidArgument, LimitExceeded

EARTH_RADIUS: Final = 6_371_008.8
"""The mean radius of the earth in metres."""
MAX_CORNERS: Final = 1024
"""Corners of a polygon and of its holes together."""

Corner = tuple[float, float]
_LIMITS: Final = {"lat": 90, "lon": 180}


@dataclass(frozen=True, slots=True)
class Box:
    """What lies between two corners, the first in the north-west; it may cross the 180th meridian."""

    top_left: Corner
    bottom_right: Corner

    def __post_init__(self) -> None:
        for name in ("top_left", "bottom_right"):
            object.__setattr__(self, name, checked_corner(getattr(self, name), name))

    def contains(self, lat: Any, lon: Any) -> Any:
        """Return whether points are inside."""
        (top, left), (bottom, right) = self.top_left, self.bottom_right
        after, before = lon > left, lon < right
        return (top > lat) & (lat > bottom) & (after | before if left > right else after & before)


@dataclass(frozen=True, slots=True)
class Circle:
    """What is nearer to a center than ``radius`` metres, along the surface of a sphere."""

    center: Corner
    radius: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", checked_corner(self.center, "center"))
        object.__setattr__(self, "radius", _number(self.radius, "radius", math.inf))

    def contains(self, lat: Any, lon: Any) -> Any:
        """Return whether points are inside."""
        return self.distance(lat, lon) < self.radius

    def distance(self, lat: Any, lon: Any) -> Any:
        """Return how many metres points are away from the center."""
        lat, lon, lat_0, lon_0 = map(np.radians, (lat, lon, *self.center))
        chord = np.sin((lat_0 - lat) / 2) ** 2 + np.cos(lat) * np.cos(lat_0) * np.sin((lon_0 - lon) / 2) ** 2
        # Rounding takes opposite points beyond 1.
        return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(chord, 1)))


@dataclass(frozen=True, slots=True)
class Polygon:
    """What lies in a ring of corners and in none of its holes, on a map where degrees are straight."""

    corners: tuple[Corner, ...]
    holes: tuple[tuple[Corner, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "corners", _ring(self.corners))
        object.__setattr__(self, "holes", tuple(map(_ring, self.holes)))
        if len(self.corners) + sum(map(len, self.holes)) > MAX_CORNERS:
            raise LimitExceeded(f"the polygon has more than {MAX_CORNERS:,} corners", field="filter")

    def contains(self, lat: Any, lon: Any) -> Any:
        """Return whether points are inside."""
        inside, edge = _in_ring(self.corners, lat, lon)
        found = inside & np.logical_not(edge)
        for hole in self.holes:
            inside, edge = _in_ring(hole, lat, lon)
            found = found & np.logical_not(inside | edge)
        return found


Area = Box | Circle | Polygon


def point_of(value: Any) -> Corner | None:
    """Return latitude and longitude of the point that a value is; None when it is none."""
    if not isinstance(value, Mapping):
        return None
    lat: Any = value.get("lat")
    lon: Any = value.get("lon")
    if type(lat) not in (int, float) or type(lon) not in (int, float):
        return None
    return (float(lat), float(lon)) if abs(lat) <= 90 and abs(lon) <= 180 else None


def checked_corner(value: Any, name: str) -> Corner:
    """Return a latitude and a longitude, which are within their limits.

    Raises
    ------
    InvalidArgument
        When they are not; ``name`` says what they are of.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        message = f"{name} is {value!r:.80}; expected a latitude and a longitude, (52.5, 13.4)"
        raise InvalidArgument(message, field="filter")
    lat, lon = (
        _number(each, f"{name}'s {axis}", most)
        for each, (axis, most) in zip(value, _LIMITS.items(), strict=True)
    )
    return lat, lon


def _number(value: Any, name: str, most: float) -> float:
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= most or (most == math.inf and not 0 <= value < 1e300):
        said = "a number of metres" if most == math.inf else f"a number from -{most} to {most}"
        raise InvalidArgument(f"{name} is {value!r:.80}; expected {said}", field="filter")
    return float(value)


def _ring(corners: Iterable[Any]) -> tuple[Corner, ...]:
    found = tuple(checked_corner(each, "a corner") for each in corners)
    # Qdrant's rings say the first corner once more at their end, and one that is read again is as it was.
    while len(found) > 1 and found[0] == found[-1]:
        found = found[:-1]
    if len(found) < 3:
        raise InvalidArgument(f"a polygon has the corners {found!r:.80}; expected three", field="filter")
    return found


def _in_ring(ring: tuple[Corner, ...], lat: Any, lon: Any) -> tuple[Any, Any]:
    """Return whether points are inside a ring, and whether they are on its edge."""
    inside = edge = np.zeros_like(lat, np.bool_)
    for (lat_0, lon_0), (lat_1, lon_1) in zip(ring, ring[-1:] + ring[:-1], strict=True):
        in_line = lon * (lat_0 - lat_1) + lon_0 * (lat_1 - lat) + lon_1 * (lat - lat_0) == 0
        between = ((lat_0 - lat) * (lat_1 - lat) <= 0) & ((lon_0 - lon) * (lon_1 - lon) <= 0)
        edge = edge | (in_line & between)
        # A point is inside when its line to the pole crosses an odd number of edges.
        if lon_0 != lon_1:
            # Beyond the ends of a short one a number may have no room, which is not asked for.
            with np.errstate(over="ignore"):
                crossed = lat < (lat_1 - lat_0) * (lon - lon_0) / (lon_1 - lon_0) + lat_0
            inside = inside ^ (((lon_0 > lon) != (lon_1 > lon)) & crossed)
    return inside, edge
