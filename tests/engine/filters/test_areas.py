"""Boxes, circles and polygons of the earth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vicinal.engine.errors import LimitExceeded
from vicinal.engine.filters.areas import Box, Circle, Polygon, point_of
from vicinal.engine.filters.field import F, at_least
from vicinal.engine.filters.limits import MAX_DEPTH
from vicinal.engine.filters.notations.qdrant_json import filter_from_json
from vicinal.proto.v1 import points_pb2 as pb
from vicinal.server.wire.filters import put_filter, read_filter

BERLIN, MOSCOW, LONDON = (52.5200, 13.4050), (55.7558, 37.6173), (51.5074, -0.1278)


def test_circles_are_measured_on_the_sphere() -> None:
    # Distances as tables of cities have them, 1,608 and 932 km.
    for city, metres in (MOSCOW, 1_608_000), (LONDON, 932_000):
        assert Circle(BERLIN, metres + 2000).contains(*city)
        assert not Circle(BERLIN, metres - 2000).contains(*city)
    half_around = np.pi * 6_371_008.8
    assert Circle((0, 0), half_around + 1).contains(0.0, 180.0)
    assert not Circle((90, 0), half_around - 1).contains(-90.0, 12.0)
    assert not Circle(BERLIN, 0).contains(*BERLIN)


def test_boxes_cross_the_180th_meridian() -> None:
    fiji = Box((-12, 176), (-21, -178))
    lat, lon = np.array([-17.0, -17, -17, -30]), np.array([177.0, -179, 0, 177])
    assert fiji.contains(lat, lon).tolist() == [True, True, False, False]


def test_polygons_have_holes_and_edges_are_outside() -> None:
    square, hole = ((0, 0), (0, 9), (9, 9), (9, 0), (0, 0)), ((3, 3), (3, 6), (6, 6), (6, 3))
    ring = Polygon(square, (hole,))
    assert ring == Polygon(square[:-1], (hole,))
    lat, lon = np.array([1.0, 4, 3, 0, 10]), np.array([1.0, 4, 4, 4, 4])
    assert ring.contains(lat, lon).tolist() == [True, False, False, False, False]
    with pytest.raises(LimitExceeded, match="more than 1,024 corners"):
        Polygon([(np.sin(i), np.cos(i)) for i in range(1025)])  # type: ignore[arg-type]  # a list is taken


def test_polygons_may_have_the_shortest_edges() -> None:
    thin = Polygon(((0, 0), (0, 2e-311), (1, 0)))
    assert not thin.contains(np.array([0.5, 0.5, -1]), np.array([1.0, -1, 0])).any()


@pytest.mark.parametrize(
    "value",
    [None, 3, [1, 2], {}, {"lat": 1}, {"lat": "1", "lon": 1}, {"lat": True, "lon": 1}, {"lat": 91, "lon": 0},
     {"lat": 0, "lon": 10**400}, {"lat": float("inf"), "lon": 0}],
)  # fmt: skip
def test_what_is_no_point_is_in_no_area(value: object) -> None:
    assert point_of(value) is None


def test_the_deepest_polygon_arrives() -> None:
    square = [(0, 0), (0, 9), (9, 9)]
    expression = F("at").geo_polygon(square, [square])
    for _ in range(MAX_DEPTH - 1):
        expression = at_least(1, [expression])  # type: ignore[assignment]  # grows by a level
    message = pb.Filter()
    put_filter(message, expression)
    assert filter_from_json(read_filter(message)) == expression
    assert json.loads(message.json)
